// Package servers is the commands about servers: which there are, what they carry, and what becomes of them. It never decides
// anything: the pool does, and is asked through its client.
package servers

// Commands are the commands about servers.
type Commands struct {
	List    ListCmd    `cmd:"" help:"List the servers."`
	Show    ShowCmd    `cmd:"" help:"Show one server."`
	Add     AddCmd     `cmd:"" help:"Add a server, after a look at whether it can be used. Prints its ID."`
	Set     SetCmd     `cmd:"" help:"Change a server."`
	Remove  RemoveCmd  `cmd:"" help:"Take a server out of the pool."`
	Enable  EnableCmd  `cmd:"" help:"Let a server take meetings."`
	Cordon  CordonCmd  `cmd:"" help:"Let a server keep its meetings and take no new ones."`
	Drain   DrainCmd   `cmd:"" help:"Keep new meetings away from a server that is to go; with --wait, disable it when its meetings are over and its recordings are here."`
	Disable DisableCmd `cmd:"" help:"Take a server out of use, at once."`
	Panic   PanicCmd   `cmd:"" help:"End all meetings on a server, and take it out of use."`
	Test    TestCmd    `cmd:"" help:"Test whether a server is fit for meetings, and let it into the pool."`
	Sync    SyncCmd    `cmd:"" help:"Make the servers those of a list in YAML, as Scalelite has it."`
	Export  ExportCmd  `cmd:"" help:"Print the servers with their secrets, in YAML as server sync takes it."`
	Script  ScriptCmd  `cmd:"" help:"Print the script that sends a server's recordings to the pool."`
}
