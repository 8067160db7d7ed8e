package cli

import (
	"fmt"

	"github.com/bbbpool/bbbpool/api"
)

// VersionCmd prints the version of this program.
type VersionCmd struct{}

// Run prints it.
func (VersionCmd) Run(env *Env) error {
	_, err := fmt.Fprintln(env.Out, env.Version)
	return err
}

// UnitCmd prints the systemd unit.
type UnitCmd struct{}

// Run prints it.
func (UnitCmd) Run(env *Env) error {
	_, err := fmt.Fprint(env.Out, api.Unit)
	return err
}
