package grammar

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// HelpCmd prints the help of a command.
type HelpCmd struct {
	Command []string `arg:"" optional:"" help:"The command, as server add; none lists all."`
}

// Run prints what the command itself prints with --help.
func (c *HelpCmd) Run(at *kong.Context) error {
	node := at.Model.Node
	for i, name := range c.Command {
		if node = Child(node, name); node == nil {
			return Misused("there is no command %q\n`bbbpool --help` lists the commands", strings.Join(c.Command[:i+1], " "))
		}
	}
	of, err := kong.Trace(at.Kong, c.Command)
	if err != nil {
		return fmt.Errorf("help: %w", err)
	}
	return of.PrintUsage(false)
}
