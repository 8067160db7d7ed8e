// Package recordings is the commands about recordings, about how they get here, and about what is wrong with them. It never
// decides anything: the pool does, and is asked through its client.
package recordings

// Commands are the commands about recordings.
type Commands struct {
	List      ListCmd      `cmd:"" help:"List the recordings, newest first, or those that are still owed."`
	Show      ShowCmd      `cmd:"" help:"Show one recording."`
	Import    ImportCmd    `cmd:"" help:"Import archives or directories of recordings."`
	Publish   PublishCmd   `cmd:"" help:"Let recordings play."`
	Unpublish UnpublishCmd `cmd:"" help:"Keep recordings, and let them play for nobody."`
	Protect   ProtectCmd   `cmd:"" help:"Let recordings play for those alone whom the front end lets in."`
	Unprotect UnprotectCmd `cmd:"" help:"Let recordings play for everybody who has the link."`
	Delete    DeleteCmd    `cmd:"" help:"Delete recordings."`
	Restore   RestoreCmd   `cmd:"" help:"Bring deleted recordings back, unpublished, while their files are kept."`
	Assign    AssignCmd    `cmd:"" help:"Give recordings to another tenant."`
	Jobs      JobsCmd      `cmd:"" help:"List the imports that are open or have failed."`
	Retry     RetryCmd     `cmd:"" help:"Have imports tried again, now."`
	Drop      DropCmd      `cmd:"" help:"Forget imports that have failed, and their archives."`
	Prune     PruneCmd     `cmd:"" help:"Delete what is too old, or too much."`
	Verify    VerifyCmd    `cmd:"" help:"Compare the index with the disk, and mend what is wrong."`
}
