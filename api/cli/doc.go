// Package cli is the commands that operators give to a pool: what they take, what they ask, what they print.
//
// It owns the world that a command runs in ([Env], [Options]) and its way to the pool ([Env.With]): through the administration
// API of a program far away, of the one that serves the data directory, or of none, straight on the data directory. All
// three are the same API, so a command never knows which it is talking to. It has the commands about the pool as a whole and
// about the program itself; those about one noun have a package of their own, and commands lists all.
//
// It decides nothing about a pool, keeps no state, and never prints what servers or front ends have named in a form
// that a terminal would obey.
//
// # What is where
//
//	run.go, env.go               how a command line becomes a command that runs, and the world that it runs in
//	connection.go, progress.go   the way to the pool, and how far something is that takes long
//	syncing.go                   how a pool is made what a list says, for servers and tenants
//	status.go, check.go          the pool at a glance, and what is wrong with it
//	about.go, simulate.go        what needs no pool
//	commands/                    all commands by name
//	servers/, meetings/, …       the commands about a noun, a file for each verb that has much to say
//	grammar/                     values, environment and wrong use, and what shells complete
//	terminal/                    tables, JSON and questions, safe for terminals
//	serverlist/                  the list of servers in YAML, as Scalelite has it
//	demo/                        the commands that start simulated servers
//
// Tests of commands alone run them in the test's process, on the pool that cli_test.go makes. Tests of the whole program
// build it and run it: process_test.go builds it and starts `serve` with a log to look at, program_test.go
// runs commands against it as a shell would.
package cli
