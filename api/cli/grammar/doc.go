// Package grammar is what a command line may hold, whatever the commands are: how its values and the environment are read
// (values.go, parse.go), how wrong use is told from failure ([UsageError]), and what shells know of it (completion.go).
//
// It knows no command. The commands and their flags are structs with kong's tags, in package cli and in main.
package grammar
