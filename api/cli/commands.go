package cli

import "github.com/bbbpool/bbbpool/api/cli/grammar"

// Commands are the commands, for a program to embed in its grammar. Each has a method Run(*Env) error.
type Commands struct {
	Status    StatusCmd     `cmd:"" help:"Show the pool at a glance."`
	Server    ServerCmds    `cmd:"" help:"Administrate the servers."`
	Meeting   MeetingCmds   `cmd:"" help:"Look at the meetings, or end one."`
	Recording RecordingCmds `cmd:"" help:"Look after the recordings, and how they get here."`
	Capacity  CapacityCmd   `cmd:"" help:"Show what the pool carries, and what is left without a server."`
	Simulate  SimulateCmd   `cmd:"" help:"Replay a day against placement rules, ours and those of others. Needs no pool."`
	History   HistoryCmds   `cmd:"" help:"Take the history of the meetings along."`

	Completion CompletionCmd   `cmd:"" help:"Print what makes bash, zsh or fish complete commands and flags."`
	Help       grammar.HelpCmd `cmd:"" help:"Tell how to use a command."`
}

// ServerCmds are the commands about servers.
type ServerCmds struct {
	List    ServerListCmd    `cmd:"" help:"List the servers."`
	Show    ServerShowCmd    `cmd:"" help:"Show one server."`
	Add     ServerAddCmd     `cmd:"" help:"Add a server, after a look at whether it can be used. Prints its ID."`
	Set     ServerSetCmd     `cmd:"" help:"Change a server."`
	Remove  ServerRemoveCmd  `cmd:"" help:"Take a server out of the pool."`
	Enable  ServerEnableCmd  `cmd:"" help:"Let a server take meetings."`
	Cordon  ServerCordonCmd  `cmd:"" help:"Let a server keep its meetings and take no new ones."`
	Drain   ServerDrainCmd   `cmd:"" help:"Keep new meetings away from a server that is to go; with --wait, disable it when its meetings are over and its recordings are here."`
	Disable ServerDisableCmd `cmd:"" help:"Take a server out of use, at once."`
	Panic   ServerPanicCmd   `cmd:"" help:"End all meetings on a server, and take it out of use."`
	Test    ServerTestCmd    `cmd:"" help:"Test whether a server is fit for meetings, and let it into the pool."`
	Sync    ServerSyncCmd    `cmd:"" help:"Make the servers those of a list in YAML, as Scalelite has it."`
	Export  ServerExportCmd  `cmd:"" help:"Print the servers with their secrets, in YAML as server sync takes it."`
	Script  ServerScriptCmd  `cmd:"" help:"Print the script that sends a server's recordings to the pool."`
}

// MeetingCmds are the commands about meetings.
type MeetingCmds struct {
	List      MeetingListCmd      `cmd:"" help:"List the meetings that run."`
	Show      MeetingShowCmd      `cmd:"" help:"Show one meeting."`
	End       MeetingEndCmd       `cmd:"" help:"End a meeting for everybody."`
	Analytics MeetingAnalyticsCmd `cmd:"" help:"Show who did what in a meeting that is over, where that is kept."`
	Find      MeetingFindCmd      `cmd:"" help:"Find a meeting by any of its IDs, over or not."`
	Explain   MeetingExplainCmd   `cmd:"" help:"Tell why a meeting is, or was, on its server."`
	DryRun    MeetingDryRunCmd    `cmd:"" help:"Tell where a create would go, and why. Creates nothing."`
}

// HistoryCmds are the commands about meetings that are over.
type HistoryCmds struct {
	Export HistoryExportCmd `cmd:"" help:"Print the past meetings, a line of JSON each, as bbbpool simulate reads them."`
}

// RecordingCmds are the commands about recordings.
type RecordingCmds struct {
	List      RecordingListCmd      `cmd:"" help:"List the recordings, newest first, or those that are still owed."`
	Show      RecordingShowCmd      `cmd:"" help:"Show one recording."`
	Import    RecordingImportCmd    `cmd:"" help:"Import archives or directories of recordings."`
	Publish   RecordingPublishCmd   `cmd:"" help:"Let recordings play."`
	Unpublish RecordingUnpublishCmd `cmd:"" help:"Keep recordings, and let them play for nobody."`
	Protect   RecordingProtectCmd   `cmd:"" help:"Let recordings play for those alone whom the front end lets in."`
	Unprotect RecordingUnprotectCmd `cmd:"" help:"Let recordings play for everybody who has the link."`
	Delete    RecordingDeleteCmd    `cmd:"" help:"Delete recordings."`
	Restore   RecordingRestoreCmd   `cmd:"" help:"Bring deleted recordings back, unpublished, while their files are kept."`
	Assign    RecordingAssignCmd    `cmd:"" help:"Give recordings to another tenant."`
	Jobs      RecordingJobsCmd      `cmd:"" help:"List the imports that are open or have failed."`
	Retry     RecordingRetryCmd     `cmd:"" help:"Have imports tried again, now."`
	Drop      RecordingDropCmd      `cmd:"" help:"Forget imports that have failed, and their archives."`
	Prune     RecordingPruneCmd     `cmd:"" help:"Delete what is too old, or too much."`
	Verify    RecordingVerifyCmd    `cmd:"" help:"Compare the index with the disk, and mend what is wrong."`
}

// Sure is how scripts answer the question that somebody at a terminal is asked.
type Sure struct {
	Yes   bool `short:"y" help:"Do not ask. What the pool refuses it goes on refusing."`
	Force bool `help:"Do it even if the pool refuses it, and do not ask."`
}
