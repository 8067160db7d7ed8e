package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// View shows a token.
func (t *Tokens) View(one store.AdminToken) v1.Token {
	used := t.Used(one.Name)
	if !used.IsZero() && used.Before(one.Created) { // it is known to the minute, which had begun before
		used = one.Created
	}
	return v1.Token{
		Name: one.Name, Scopes: append([]string{}, one.Scopes...), Tenant: one.Tenant, Source: "stored",
		Created: v1.Stamp(one.Created), Expires: v1.Stamp(one.Expires),
		Expired: !one.Expires.IsZero() && !t.Now().Before(one.Expires), Used: v1.Stamp(used),
	}
}

// entryID is what callers know an entry by: it has all that leads to the entry in the store.
func entryID(a store.Audit) string { return fmt.Sprintf("%d-%s", a.At.UnixNano(), a.ID) }

// Cursor reads what callers know an entry by, for the entries behind it; "" is before all.
func Cursor(id string) (a store.Audit, err error) {
	if id == "" {
		return a, nil
	}
	at, rest, ok := strings.Cut(id, "-")
	ns, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || rest == "" {
		return a, v1.Invalid("after: want the id of an entry")
	}
	return store.Audit{At: time.Unix(0, ns).UTC(), ID: rest}, nil
}

// View shows an entry.
func View(a store.Audit) v1.AuditEntry {
	return v1.AuditEntry{
		ID: entryID(a), At: a.At.UTC().Truncate(time.Millisecond), Who: a.Who, Via: a.Via, From: a.From, Action: a.Action,
		Kind: a.Kind, Object: a.Object, Tenant: a.Tenant, Before: asObject(a.Before), After: asObject(a.After),
	}
}

// asObject is what an entry has of a state, as JSON; nil for nothing.
func asObject(text string) any {
	if text == "" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		v = text
	}
	if _, ok := v.(map[string]any); !ok {
		v = map[string]any{"value": v}
	}
	return v
}
