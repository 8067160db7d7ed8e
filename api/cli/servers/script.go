package servers

import (
	"fmt"
	"io"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ScriptCmd prints the script that sends a server's recordings to the pool.
type ScriptCmd struct {
	ID   string `arg:"" help:"ID of the server."`
	URL  string `placeholder:"URL" help:"Address under which the server reaches the pool, as https://pool.example.edu; of the host in URL_HOST by default."`
	Host string `name:"url-host" hidden:"" env:"URL_HOST"`
}

// Run prints the script, and beside it on the standard error where it belongs.
func (c *ScriptCmd) Run(env *cli.Env) error {
	base := c.URL
	if base == "" && c.Host != "" {
		base = "https://" + c.Host
	}
	if base == "" {
		return grammar.Misused("pass --url with the address under which the server reaches the pool, as https://pool.example.edu")
	}
	if _, err := v1.BaseURL(base); err != nil {
		return grammar.Misused("--url: want the address under which the server reaches the pool, as https://pool.example.edu")
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		script, err := pool.Servers.Script(env.Ctx, c.ID, base)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, script)
		}
		if _, err := io.WriteString(env.Out, script.Script); err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Err, "put it on server %s as\n  %s\n"+
			"and let nobody else read it, for there is a token in it:\n"+
			"  chown bigbluebutton:bigbluebutton bbbpool.rb && chmod 0700 bbbpool.rb\n", terminal.Printable(c.ID), scriptPath)
		return err
	})
}

// scriptPath is where BigBlueButton looks for what it runs when a recording is published.
const scriptPath = "/usr/local/bigbluebutton/core/scripts/post_publish/bbbpool.rb"
