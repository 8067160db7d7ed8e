package cli

import (
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/bbbpool/bbbpool/api"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// VersionCmd prints the version of this program.
type VersionCmd struct{}

// Run prints it, with what the program was built from.
func (VersionCmd) Run(env *Env) error {
	v := v1.Build(env.Version)
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, v)
	}
	return terminal.Say(env.Out, "%s\n", v)
}

// UnitCmd prints the systemd unit.
type UnitCmd struct{}

// Run prints it.
func (UnitCmd) Run(env *Env) error {
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, unit{api.Unit})
	}
	_, err := fmt.Fprint(env.Out, api.Unit)
	return err
}

// unit is a unit as it is printed in JSON.
type unit struct {
	Unit string `json:"unit"`
}

// CompletionCmd prints what makes a shell complete our commands and flags.
type CompletionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script. It knows the grammar that it was run by, as it is now.
func (c *CompletionCmd) Run(env *Env, at *kong.Context) error {
	script, err := grammar.Completion(c.Shell, at.Model.Node)
	if err != nil {
		return err
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, v1.Script{Script: script})
	}
	return terminal.Say(env.Out, "%s", script)
}
