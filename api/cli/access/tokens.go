// Package access is the commands about who may administrate the pool, and about what they have done: tokens and the audit
// log. It never decides anything: the pool does, and is asked through its client.
package access

import (
	"fmt"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// TokenCommands are the commands about tokens.
type TokenCommands struct {
	Add    TokenAddCmd    `cmd:"" help:"Make a token for administration from afar. Prints it, this once."`
	List   TokenListCmd   `cmd:"" help:"List the tokens: what they are good for, and when they were last used."`
	Revoke TokenRevokeCmd `cmd:"" help:"Take tokens away: they let nobody in any more."`
}

// TokenAddCmd makes a token.
type TokenAddCmd struct {
	Name    string      `arg:"" help:"What it is called in the list and in the audit log: up to 64 of a-z, 0-9, '.', '_' and '-'."`
	Scope   []string    `required:"" sep:"," enum:"read,operate,recordings,admin" help:"What it is good for: read sees everything but secrets, operate changes servers, meetings and imports, recordings changes recordings, admin does everything. May be given more than once."`
	Tenant  string      `placeholder:"ID" help:"All that it sees and changes is this tenant's; the whole pool by default."`
	Expires grammar.Age `placeholder:"AGE" help:"When it expires, as 90d from now; never by default."`
}

// Run prints the token alone, for scripts, and on the side that nobody can show it again.
func (c *TokenAddCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		added, err := pool.Tokens.Add(env.Ctx, v1.NewToken{
			Name: c.Name, Scopes: c.Scope, Tenant: c.Tenant, ExpiresIn: quantity.Age(c.Expires),
		})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, struct {
				v1.Token
				Secret string `json:"secret"` // that is what it is for
			}{added.Token, added.Secret.Reveal()})
		}
		if _, err := fmt.Fprintln(env.Out, terminal.Printable(added.Secret.Reveal())); err != nil {
			return err
		}
		return terminal.Say(env.Err, "token %s: %s; keep it, nobody can show it again. From afar: BBBPOOL_ADMIN_TOKEN=TOKEN "+
			"bbbpool status --admin https://POOL\n", terminal.Printable(added.Name), terminal.Printable(goodFor(added.Token)))
	})
}

// goodFor says what a token is good for.
func goodFor(t v1.Token) string {
	where, until := "the whole pool", "never expires"
	if t.Tenant != "" {
		where = "tenant " + t.Tenant
	}
	if t.Expires != nil {
		until = "expires " + terminal.Moment(t.Expires)
	}
	return fmt.Sprintf("%s, %s, %s", strings.Join(t.Scopes, " and "), where, until)
}

// TokenListCmd lists the tokens.
type TokenListCmd struct{}

// Run prints a table, or an array in JSON.
func (c *TokenListCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		tokens, err := pool.Tokens.List(env.Ctx)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, tokens)
		}
		if len(tokens) == 0 {
			return terminal.Say(env.Out, "no tokens: nobody administrates this pool from afar; bbbpool token add makes one\n")
		}
		return tokenTable(env, tokens)
	})
}

func tokenTable(env *cli.Env, tokens []v1.Token) error {
	rows := make([][]string, 0, len(tokens))
	for _, t := range tokens {
		expires := terminal.Moment(t.Expires)
		switch {
		case t.Expired:
			expires = "expired " + expires
		case t.Expires == nil:
			expires = "never"
		}
		used := terminal.Moment(t.Used)
		if t.Used == nil {
			used = "never"
		}
		rows = append(rows, []string{
			t.Name, strings.Join(t.Scopes, ","), t.Tenant, t.Source, terminal.Moment(t.Created), expires, used,
		})
	}
	return terminal.Table(env.Out, "NAME SCOPES TENANT SOURCE CREATED EXPIRES USED", rows)
}

// TokenRevokeCmd takes tokens away.
type TokenRevokeCmd struct {
	Names []string `arg:"" name:"name" help:"Names of tokens."`
	Yes   bool     `short:"y" help:"Do not ask."`
}

// Run takes them away, once somebody has said yes.
func (c *TokenRevokeCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		err := env.Confirm(cli.Sure{Yes: c.Yes}, fmt.Sprintf("%s %s revoked: whoever has %s is turned away from then on. There is no "+
			"way back.", terminal.Printable(strings.Join(c.Names, ", ")), terminal.IsAre(len(c.Names)), itThem(len(c.Names))))
		if err != nil {
			return err
		}
		for _, name := range c.Names {
			if err := pool.Tokens.Revoke(env.Ctx, name); err != nil {
				return err
			}
			if env.Options.JSON {
				continue
			}
			if err := terminal.Say(env.Out, "token %s: revoked\n", terminal.Printable(name)); err != nil {
				return err
			}
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, c.Names)
		}
		return nil
	})
}

func itThem(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}
