package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Tokens shows the tokens of administration, makes and revokes them.
type Tokens struct {
	Tokens      *access.Tokens
	Tenants     *Tenants
	Environment store.Secret // the token of the environment, which is listed with the others; "" for none
	Now         func() time.Time
}

func (t *Tokens) routes() frame.Routes {
	return frame.Routes{
		"GET /tokens":           frame.Whole(t.list, access.Admin),
		"POST /tokens":          frame.Whole(t.add, access.Admin),
		"DELETE /tokens/{name}": frame.Whole(t.revoke, access.Admin),
	}
}

func (t *Tokens) list(r *http.Request) (any, error) {
	stored, err := t.Tokens.List(r.Context())
	if err != nil {
		return nil, err
	}
	list := make([]v1.Token, 0, len(stored)+1)
	for _, one := range stored {
		list = append(list, t.Tokens.View(one))
	}
	if t.Environment != "" {
		list = append(list, v1.Token{
			Name: access.Environment, Scopes: []string{string(access.Admin)}, Source: "environment",
			Used: v1.Stamp(t.Tokens.Used(access.Environment)),
		})
		slices.SortFunc(list, func(x, y v1.Token) int { return strings.Compare(x.Name, y.Name) })
	}
	return list, nil
}

// tokenInClear is a [v1.AddedToken] on its way to whoever has asked for it.
type tokenInClear struct {
	v1.Token
	Secret string `json:"secret"`
}

func (t *Tokens) add(r *http.Request) (any, error) {
	var n v1.NewToken
	if err := frame.Read(r, &n); err != nil {
		return nil, err
	}
	secret, made, err := t.make(context.WithoutCancel(r.Context()), n)
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("name", made.Name).Strs("scopes", made.Scopes).Str("tenant", made.Tenant).
		Time("expires", made.Expires).Msg("token added")
	shown := t.Tokens.View(made)
	return frame.Changed{
		Answer: tokenInClear{shown, secret.Reveal()}, Made: true, Action: "add", Kind: "token", Object: made.Name,
		Tenant: made.Tenant, After: shown,
	}, nil
}

// make makes a token. One of a tenant is made while that is there for sure: else it might stay when the tenant has gone, and be
// good for another one of its ID.
func (t *Tokens) make(ctx context.Context, n v1.NewToken) (secret store.Secret, made store.AdminToken, err error) {
	add := func() error {
		secret, made, err = t.Tokens.Add(ctx, access.New{Name: n.Name, Scopes: n.Scopes, Tenant: n.Tenant, Lifetime: n.ExpiresIn})
		return err
	}
	if n.Tenant == "" {
		err = add()
	} else {
		err = t.Tenants.WhileThere(ctx, n.Tenant, add)
	}
	return secret, made, err
}

func (t *Tokens) revoke(r *http.Request) (any, error) {
	name := r.PathValue("name")
	if name == access.Environment && t.Environment != "" {
		return nil, v1.Conflict("token %s is that of the environment: take BBBPOOL_ADMIN_TOKEN away from bbbpool serve, and restart it",
			name)
	}
	was, err := t.Tokens.Revoke(context.WithoutCancel(r.Context()), name)
	if was.Name == "" {
		return nil, err
	}
	frame.Logger(r).Info().Str("name", was.Name).Msg("token revoked")
	return frame.Changed{Action: "revoke", Kind: "token", Object: was.Name, Tenant: was.Tenant, Before: t.Tokens.View(was)}, err
}
