package tenants

import (
	"os"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
)

// LRS are flags for a tenant's learning record store. Its secrets come from the environment only where that is said: one that
// lies there must not become a tenant's with the next change of its name.
type LRS struct {
	LRSEndpoint      *string    `name:"lrs-endpoint" placeholder:"URL" help:"Learning record store (xAPI) that servers tell of its meetings; an empty one takes it away, with all below."`
	LRSUser          *string    `name:"lrs-user" placeholder:"NAME" help:"User of the record store."`
	LRSPassword      *v1.Secret `name:"lrs-password" placeholder:"SECRET" help:"Password of the user; - reads it from the standard input, env:NAME from the environment, as with the others."`
	LRSTokenURL      *string    `name:"lrs-token-url" placeholder:"URL" help:"Where a token is got in place of user and password, by OpenID Connect."`
	LRSClientID      *string    `name:"lrs-client-id" placeholder:"ID" help:"Client that the token is got for."`
	LRSClientSecret  *v1.Secret `name:"lrs-client-secret" placeholder:"SECRET" help:"Secret of the client."`
	LRSTokenUser     *string    `name:"lrs-token-user" placeholder:"NAME" help:"User that the token is got for."`
	LRSTokenPassword *v1.Secret `name:"lrs-token-password" placeholder:"SECRET" help:"Password of that user."`
}

// lrs is what the flags ask for; nil where they ask for nothing.
func (l LRS) lrs(env *cli.Env) (*v1.LRSChange, error) {
	if l == (LRS{}) {
		return nil, nil //nolint:nilnil // there is nothing to change
	}
	c := v1.LRSChange{
		Endpoint: l.LRSEndpoint, User: l.LRSUser, TokenURL: l.LRSTokenURL, ClientID: l.LRSClientID, TokenUser: l.LRSTokenUser,
	}
	read := ""
	for _, f := range []struct {
		name  string
		given *v1.Secret
		at    **v1.Secret
	}{
		{"--lrs-password", l.LRSPassword, &c.Password},
		{"--lrs-client-secret", l.LRSClientSecret, &c.ClientSecret},
		{"--lrs-token-password", l.LRSTokenPassword, &c.TokenPassword},
	} {
		if f.given == nil {
			continue
		}
		if *f.given == "-" {
			if read != "" {
				return nil, grammar.Misused("%s -: the standard input is read for %s already", f.name, read)
			}
			read = f.name
		}
		secret, err := given(env, f.name, *f.given)
		if err != nil {
			return nil, err
		}
		*f.at = &secret
	}
	return &c, nil
}

// given is a secret that may stand somewhere else.
func given(env *cli.Env, name string, s v1.Secret) (v1.Secret, error) {
	variable, elsewhere := strings.CutPrefix(s.Reveal(), "env:")
	if !elsewhere {
		return env.Secret(s)
	}
	value := os.Getenv(variable)
	if value == "" {
		return "", grammar.Misused("%s: %.64q is not set in the environment", name, variable)
	}
	return v1.Secret(value), nil
}

// recordStore says what is set of a tenant's learning record store, but no secrets.
func recordStore(l *v1.TenantLRS) (pairs [][2]string) {
	if l == nil {
		return nil
	}
	for _, f := range [][2]string{
		{"record store", l.Endpoint},
		{"record store user", l.User},
		{"record store password", l.Password.String()},
		{"token from", l.TokenURL},
		{"token client", l.ClientID},
		{"token client secret", l.ClientSecret.String()},
		{"token user", l.TokenUser},
		{"token password", l.TokenPassword.String()},
	} {
		if f[1] != "" {
			pairs = append(pairs, f)
		}
	}
	return pairs
}
