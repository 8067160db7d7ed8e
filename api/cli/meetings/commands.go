// Package meetings is the commands about meetings, those that run and those that are over. It never decides anything: the
// pool does, and is asked through its client.
package meetings

// Commands are the commands about meetings.
type Commands struct {
	List      ListCmd      `cmd:"" help:"List the meetings that run."`
	Show      ShowCmd      `cmd:"" help:"Show one meeting."`
	End       EndCmd       `cmd:"" help:"End a meeting for everybody."`
	Analytics AnalyticsCmd `cmd:"" help:"Show who did what in a meeting that is over, where that is kept."`
	Find      FindCmd      `cmd:"" help:"Find a meeting by any of its IDs, over or not."`
	Explain   ExplainCmd   `cmd:"" help:"Tell why a meeting is, or was, on its server."`
	DryRun    DryRunCmd    `cmd:"" help:"Tell where a create would go, and why. Creates nothing."`
}

// HistoryCmds are the commands about meetings that are over.
type HistoryCmds struct {
	Export ExportCmd `cmd:"" help:"Print the past meetings, a line of JSON each, as bbbpool simulate reads them."`
}
