package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// AuditLog shows who has changed what.
type AuditLog struct{ Log *access.Log }

func (l *AuditLog) routes() routes {
	return routes{"GET /audit": own(l.list, byQuery(), access.Admin).ownFor(access.Read)}
}

const (
	auditPage  = 100 // entries on a page by default
	auditsMost = 1000
)

func (l *AuditLog) list(r *http.Request) (any, error) {
	filter, err := auditFilter(r)
	if err != nil {
		return nil, err
	}
	entries, err := l.Log.List(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	list := make([]v1.AuditEntry, 0, len(entries)) // never nil, which JSON would show as null
	for _, a := range entries {
		list = append(list, newAuditEntry(a))
	}
	return list, nil
}

func auditFilter(r *http.Request) (f store.AuditFilter, err error) {
	query := r.URL.Query()
	f = store.AuditFilter{
		Who: query.Get("who"), Via: query.Get("via"), Action: query.Get("action"), Kind: query.Get("kind"), Object: query.Get("id"),
		Tenant: query.Get("tenant"),
	}
	if f.Since, err = moment(r, "since"); err != nil {
		return f, err
	}
	if f.Until, err = moment(r, "until"); err != nil {
		return f, err
	}
	if f.Before, err = auditCursor(query.Get("after")); err != nil {
		return f, err
	}
	f.Limit, err = number(r, "limit", auditPage, 1, auditsMost)
	return f, err
}

// auditID is what callers know an entry by: it has all that leads to the entry in the store.
func auditID(a store.Audit) string { return fmt.Sprintf("%d-%s", a.At.UnixNano(), a.ID) }

// auditCursor reads the same; "" is before all.
func auditCursor(id string) (a store.Audit, err error) {
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

func newAuditEntry(a store.Audit) v1.AuditEntry {
	return v1.AuditEntry{
		ID: auditID(a), At: a.At.UTC().Truncate(time.Millisecond), Who: a.Who, Via: a.Via, From: a.From, Action: a.Action,
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
