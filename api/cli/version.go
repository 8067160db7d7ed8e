package cli

import (
	"fmt"

	"github.com/bbbpool/bbbpool/api"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// VersionCmd prints the version of this program.
type VersionCmd struct{}

// Run prints it, with what the program was built from.
func (VersionCmd) Run(env *Env) error {
	v := v1.Build(env.Version)
	if env.Options.JSON {
		return printJSON(env.Out, v)
	}
	return say(env.Out, "%s\n", v)
}

// UnitCmd prints the systemd unit.
type UnitCmd struct{}

// Run prints it.
func (UnitCmd) Run(env *Env) error {
	if env.Options.JSON {
		return printJSON(env.Out, unit{api.Unit})
	}
	_, err := fmt.Fprint(env.Out, api.Unit)
	return err
}

// unit is a unit as it is printed in JSON.
type unit struct {
	Unit string `json:"unit"`
}
