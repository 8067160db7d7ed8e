// Package cli is the commands that operators give to a pool: what they take, what they ask, what they print.
//
// It owns the grammar of these commands ([Commands], [Options]) and their way to the pool: through the administration
// API of a program far away, of the one that serves the data directory, or of none, straight on the data directory. All
// three are the same API, so a command never knows which it is talking to.
//
// It decides nothing about a pool, keeps no state, and never prints what servers or front ends have named in a form
// that a terminal would obey.
//
// # What is where
//
//	commands.go                  the commands by name, and where each noun's are
//	run.go, env.go               how a command line becomes a command that runs, and the world that it runs in
//	connection.go, progress.go   the way to the pool, and how far something is that takes long
//	server*.go, meeting*.go …    the commands, a file for each noun, or for each verb that has much to say
//	about.go                     the commands about the program itself
//	access/, tenants/, usage/    the commands about tokens and the audit log, about tenants, about what is kept of them
//	grammar/                     values, environment and wrong use, and what shells complete
//	terminal/                    tables, JSON and questions, safe for terminals
//	serverlist/                  the list of servers in YAML, as Scalelite has it
//	demo/                        the commands that start simulated servers
//
// Tests of commands alone run them in the test's process, on the pool that cli_test.go makes. Tests of the whole program
// build it and run it: process_test.go builds it and starts `serve` with a log to look at, program_test.go
// runs commands against it as a shell would.
package cli
