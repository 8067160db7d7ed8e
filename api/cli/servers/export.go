package servers

import (
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/serverlist"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ExportCmd prints the servers as a list that server sync reads.
type ExportCmd struct{}

// Run prints the list with the secrets in clear: that is what it is for. What its form has no place for is said beside it
// on the standard error.
func (c *ExportCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		servers, err := pool.Servers.Reveal(env.Ctx)
		if err != nil {
			return err
		}
		text, err := serverlist.Write(servers)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			err = printAsJSON(env.Out, text)
		} else {
			_, err = io.WriteString(env.Out, terminal.HarmlessYAML(string(text)))
		}
		return errors.Join(err, leftOut(env, servers))
	})
}

// leftOut tells what the list does not say about servers.
func leftOut(env *cli.Env, servers []v1.Revealed) error {
	var limited []string
	for _, s := range servers {
		if s.Capacity > 0 || s.Hard {
			limited = append(limited, s.ID)
		}
	}
	if limited == nil {
		return nil
	}
	return terminal.Say(env.Err, "note: such a list has no capacities: those of %s are left out\n",
		terminal.Printable(strings.Join(limited, ", ")))
}

// printAsJSON prints YAML in JSON, which is YAML as well.
func printAsJSON(w io.Writer, text []byte) error {
	var list any
	if err := yaml.Unmarshal(text, &list); err != nil {
		return err
	}
	return terminal.PrintJSON(w, list)
}
