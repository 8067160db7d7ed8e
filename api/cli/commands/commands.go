// Package commands is all commands of the program by name, but for those that start a pool: what a command line means is read
// here, and with it where its code is. It never does anything itself.
package commands

import (
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/access"
	"github.com/bbbpool/bbbpool/api/cli/callbacks"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/instances"
	"github.com/bbbpool/bbbpool/api/cli/meetings"
	"github.com/bbbpool/bbbpool/api/cli/moving"
	"github.com/bbbpool/bbbpool/api/cli/recordings"
	"github.com/bbbpool/bbbpool/api/cli/servers"
	"github.com/bbbpool/bbbpool/api/cli/tenants"
	"github.com/bbbpool/bbbpool/api/cli/usage"
)

// All are the commands, for a program to embed in its grammar. Each has a method Run(*cli.Env) error.
type All struct {
	Status    cli.StatusCmd        `cmd:"" help:"Show the pool at a glance."`
	Server    servers.Commands     `cmd:"" help:"Administrate the servers."`
	Meeting   meetings.Commands    `cmd:"" help:"Look at the meetings, or end one."`
	Recording recordings.Commands  `cmd:"" help:"Look after the recordings, and how they get here."`
	Capacity  servers.CapacityCmd  `cmd:"" help:"Show what the pool carries, and what is left without a server."`
	Simulate  cli.SimulateCmd      `cmd:"" help:"Replay a day against placement rules, ours and those of others. Needs no pool."`
	History   meetings.HistoryCmds `cmd:"" help:"Take the history of the meetings along."`

	Completion cli.CompletionCmd `cmd:"" help:"Print what makes bash, zsh or fish complete commands and flags."`
	Help       grammar.HelpCmd   `cmd:"" help:"Tell how to use a command."`

	Tenant tenants.Commands     `cmd:"" help:"Administrate the tenants: secrets, settings, limits."`
	Usage  usage.Cmd            `cmd:"" help:"Show what tenants have used: meetings, people-minutes, recordings."`
	Forget usage.ForgetCmd      `cmd:"" help:"Take out of the records what tells of a person, and say what is out of reach."`
	Tokens access.TokenCommands `cmd:"" name:"token" help:"Administrate who may administrate from afar."`
	Audit  access.AuditCmd      `cmd:"" help:"Tell who has changed what, and when."`

	Callback callbacks.Commands `cmd:"" help:"See what front ends are told of meetings and recordings, and what waits."`

	Backup  moving.BackupCommands `cmd:"" help:"Write all records into one file, or prove that such a file can be restored."`
	Restore moving.RestoreCmd     `cmd:"" help:"Put a backup into the stores of a pool that does not run."`
	Migrate moving.MigrateCmd     `cmd:"" help:"Take all records to other databases: PostgreSQL, Redis, a data directory, or from and to Scalelite's."`

	Instance instances.Commands `cmd:"" help:"See the processes that serve the pool together, and have one hand on the lead."`
}
