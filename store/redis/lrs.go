package redis

import "github.com/bbbpool/bbbpool/store"

// lrsFields are the fields of a tenant about its learning record store, as Scalelite names them.
var lrsFields = []string{
	"lrs_endpoint", "lrs_username", "lrs_password", "kc_token_url", "kc_client_id", "kc_client_secret", "kc_username", "kc_password",
}

// lrsValue is one of the values that Scalelite has fields for.
type lrsValue struct {
	plain  *string
	secret *store.Secret // where it is one
}

func (v lrsValue) get() string {
	if v.secret != nil {
		return v.secret.Reveal()
	}
	return *v.plain
}

func (v lrsValue) set(value string) {
	if v.secret != nil {
		*v.secret = store.Secret(value)
		return
	}
	*v.plain = value
}

// lrsOf are the values of the fields, in their order.
func lrsOf(l *store.LRS) []lrsValue {
	return []lrsValue{
		{plain: &l.Endpoint},
		{plain: &l.User},
		{secret: &l.Password},
		{plain: &l.TokenURL},
		{plain: &l.ClientID},
		{secret: &l.ClientSecret},
		{plain: &l.TokenUser},
		{secret: &l.TokenPassword},
	}
}

// putLRS writes what has changed. A field that would be empty is taken away: to Scalelite an endpoint that is there is used.
func (db *DB) putLRS(c *commands, id string, i image, before *store.Tenant, now store.Tenant) {
	was := store.LRS{}
	if before != nil {
		was = before.LRS
	}
	old := lrsOf(&was)
	for n, value := range lrsOf(&now.LRS) {
		name, text := lrsFields[n], value.get()
		switch {
		case text == old[n].get() || !db.words.lrs:
		case text == "":
			delete(i.fields, name)
			c.add("HDEL", db.key(tenantPrefix)+id, name)
		default:
			i.fields[name] = text
			c.add("HSET", db.key(tenantPrefix)+id, name, text)
		}
	}
}
