package scalelite

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// tenant is a tenant as Scalelite lists it. Its secrets are one text, with colons between them.
type tenant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Secrets string `json:"secrets"`
}

// record is a tenant with all that Scalelite has of one. What is not set is null. Secrets are masked unless they are asked for,
// as those of front ends are.
type record struct {
	tenant
	LRSEndpoint    *string `json:"lrs_endpoint"`
	LRSUser        *string `json:"lrs_username"`
	LRSPassword    *string `json:"lrs_password"`
	TokenURL       *string `json:"kc_token_url"`
	ClientID       *string `json:"kc_client_id"`
	ClientSecret   *string `json:"kc_client_secret"`
	ClientUser     *string `json:"kc_username"`
	ClientPassword *string `json:"kc_password"`
	New            bool    `json:"new_record"`
	Destroyed      bool    `json:"destroyed"`
}

// wrapped is what adding and updating answer.
type wrapped struct {
	Tenant record `json:"tenant"`
}

// separator stands between secrets.
const separator = ":"

// newTenant shows a tenant with the secrets that verify.
func (a *API) newTenant(t store.Tenant, reveal bool) tenant {
	var secrets []string
	for _, s := range t.Secrets {
		switch {
		case !s.Valid(a.Tenants.Now()):
		case reveal:
			secrets = append(secrets, s.Secret.Reveal())
		default:
			secrets = append(secrets, s.Secret.String())
		}
	}
	return tenant{t.ID, t.Name, strings.Join(secrets, separator)}
}

func (a *API) newRecord(t store.Tenant, reveal bool) record {
	shown, secret := optional, store.Secret.String
	if reveal {
		secret = store.Secret.Reveal
	}
	l := t.LRS
	return record{
		tenant:      a.newTenant(t, reveal),
		LRSEndpoint: shown(l.Endpoint), LRSUser: shown(l.User), LRSPassword: shown(secret(l.Password)),
		TokenURL: shown(l.TokenURL), ClientID: shown(l.ClientID), ClientSecret: shown(secret(l.ClientSecret)),
		ClientUser: shown(l.TokenUser), ClientPassword: shown(secret(l.TokenPassword)),
	}
}

// optional is a text that is null where it is empty, as Scalelite has it.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (a *API) getTenants(ctx context.Context, c *call) (int, any, error) {
	tenants, err := a.Tenants.List(ctx)
	if err != nil {
		return 0, nil, err
	}
	list := []tenant{}
	for _, t := range tenants {
		if t.ID != store.DefaultTenant {
			list = append(list, a.newTenant(t, c.reveals()))
		}
	}
	if len(list) == 0 {
		return http.StatusOK, message{"No tenants exist"}, nil
	}
	a.revealed(c, "tenant", "", "")
	return http.StatusOK, list, nil
}

// findTenant finds the tenant that a call is about.
func (a *API) findTenant(ctx context.Context, c *call) (store.Tenant, error) {
	id := c.id()
	t, err := a.Tenants.Get(ctx, id)
	if err == nil && id == store.DefaultTenant {
		err = v1.NotFound("tenant %s is none of Scalelite's", id)
	}
	if err != nil && said(err) != "" {
		return t, &refusal{http.StatusNotFound, failure{"Couldn't find Tenant with id=" + id}, err}
	}
	return t, err
}

func (a *API) getTenantInfo(ctx context.Context, c *call) (int, any, error) {
	t, err := a.findTenant(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	a.revealed(c, "tenant", t.ID, t.ID)
	return http.StatusOK, a.newRecord(t, c.reveals()), nil
}

// secrets are those of a text with colons between them.
func secrets(v any) (list []v1.Secret, err error) {
	all, err := secret(v)
	for s := range strings.SplitSeq(all.Reveal(), separator) {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, v1.Secret(s))
		}
	}
	return list, err
}

// addTenant adds a tenant in Scalelite's form: its meetings have the same IDs on the servers, as they had with Scalelite.
func (a *API) addTenant(ctx context.Context, c *call) (int, any, error) {
	o, err := c.object("tenant")
	if err != nil {
		return 0, nil, err
	}
	name := text(o["name"])
	list, err := secrets(o["secrets"])
	if err == nil && (name == "" || len(list) == 0) {
		err = v1.Invalid("Error: both name and secrets are required to create a Tenant")
	}
	if err == nil {
		unscoped := false
		n := v1.NewTenant{ID: uuid(), Name: name, Scoped: &unscoped}
		for i, s := range list {
			n.Secrets = append(n.Secrets, v1.NewTenantSecret{Name: secretName(i), Secret: s})
		}
		var t store.Tenant
		if t, _, err = a.Tenants.Add(ctx, n); t.ID != "" {
			a.Door.Note(c.r, "add", "tenant", t.ID, t.ID, nil, a.Tenants.Record(t))
		}
		if err == nil {
			a.revealed(c, "tenant", t.ID, t.ID)
			return http.StatusCreated, wrapped{a.newRecord(t, c.reveals())}, nil
		}
	}
	if said(err) == "" {
		return 0, nil, err
	}
	return 0, nil, &refusal{http.StatusBadRequest, message{said(err)}, err}
}

// updateTenant changes a name, or all secrets. Those that stay keep the names that they have.
func (a *API) updateTenant(ctx context.Context, c *call) (int, any, error) {
	t, err := a.findTenant(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.object("tenant")
	if err != nil {
		return 0, nil, err
	}
	list, err := secrets(o["secrets"])
	if err != nil {
		return 0, nil, refused(http.StatusUnprocessableEntity, err)
	}
	var change v1.TenantChange
	if name := text(o["name"]); name != "" {
		change.Name = &name
	}
	done, err := a.Tenants.Replace(ctx, t.ID, change, list, secretName)
	if done.After.ID != "" {
		a.Door.Note(c.r, "set", "tenant", t.ID, t.ID, a.Tenants.Record(done.Before), a.Tenants.Record(done.After))
	}
	if err != nil {
		return 0, nil, refused(http.StatusUnprocessableEntity, err)
	}
	a.revealed(c, "tenant", t.ID, t.ID)
	return http.StatusOK, wrapped{a.newRecord(done.After, c.reveals())}, nil
}

// deleteTenant removes a tenant that has no meetings which run.
func (a *API) deleteTenant(ctx context.Context, c *call) (int, any, error) {
	t, err := a.findTenant(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	removed, _, err := a.Tenants.Remove(ctx, t.ID, false)
	if removed.ID != "" {
		a.Door.Note(c.r, "remove", "tenant", t.ID, t.ID, a.Tenants.Record(removed), nil)
	}
	if err != nil {
		return 0, nil, refused(http.StatusUnprocessableEntity, err)
	}
	return http.StatusOK, success{"Tenant id=" + t.ID + " was destroyed"}, nil
}

// secretName is a name for the i-th secret that Scalelite has given a tenant, which has none for it.
func secretName(i int) string {
	if i == 0 {
		return "scalelite"
	}
	return "scalelite-" + strconv.Itoa(i+1)
}
