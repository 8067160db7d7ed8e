// Package confine owns how a request of somebody who sees one tenant alone is kept to that tenant: by the tenant that it names
// in its path, query or body, or by whose the object is that it names.
//
// It works before the handlers of package admin, which say with each route which [Rule] is theirs, and need not know of it
// otherwise. What is another's is answered as what is not there. It never decides who may call what, knows no noun, and keeps
// nothing from one request to the next.
//
// # Design
//
// Why here, and not in each handler? A handler that forgot it would show one tenant what is another's, and no test of that
// handler would miss anything. A route whose rule is forgotten is for nobody who sees one tenant alone.
package confine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Rule makes of a request one that reaches nothing but what is a tenant's, or refuses it. The zero value is none: what it is
// the rule of is not for those that see one tenant alone.
type Rule struct {
	Name string // says it in a few words
	To   func(r *http.Request, tenant string) (*http.Request, error)
}

// ByQuery confines by the tenant that the query names: no other, and where it names none the caller's own. The handler goes
// by the query.
func ByQuery() Rule {
	return Rule{"tenant in the query", func(r *http.Request, tenant string) (*http.Request, error) {
		query := r.URL.Query()
		for _, named := range query["tenant"] {
			if named != "" && named != tenant {
				return nil, NoTenant(named)
			}
		}
		query.Set("tenant", tenant)
		u := *r.URL
		u.RawQuery = query.Encode()
		r = r.Clone(r.Context())
		r.URL = &u
		return r, nil
	}}
}

// ByPath confines by the tenant that the path names as {id}.
func ByPath() Rule {
	return Rule{"tenant in the path", func(r *http.Request, tenant string) (*http.Request, error) {
		if named := r.PathValue("id"); named != tenant {
			return nil, NoTenant(named)
		}
		return r, nil
	}}
}

// ByOwner confines by whose it is that the path names as {id}. What owner says of one that is not there is said of one
// of another tenant, too: it gets the ID of what it is to deny.
func ByOwner(owner func(ctx context.Context, id string) (tenant string, err error), denied func(id string) error) Rule {
	return Rule{"tenant of the object", func(r *http.Request, tenant string) (*http.Request, error) {
		id := r.PathValue("id")
		owns, err := owner(r.Context(), id)
		if err != nil {
			return nil, err
		}
		if owns != tenant {
			return nil, denied(id)
		}
		return r, nil
	}}
}

// ByBody confines by the tenant that the body names: no other, and where it names none the caller's own.
func ByBody() Rule {
	return Rule{"tenant in the body", func(r *http.Request, tenant string) (*http.Request, error) {
		fields, err := bodyFields(r)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !strings.EqualFold(name, "tenant") { // as encoding/json takes names
				continue
			}
			var named string
			if json.Unmarshal(fields[name], &named) == nil && named != "" && named != tenant {
				return nil, NoTenant(named)
			}
			delete(fields, name)
		}
		fields["tenant"], _ = json.Marshal(tenant)
		return withBody(r, fields)
	}}
}

// Sparing lets the caller set these fields of the body alone, beside what the rule says: the others are what the operator gives a
// tenant, which must not lift its own limits.
func (c Rule) Sparing(fields ...string) Rule {
	return Rule{c.Name + ", only " + strings.Join(fields, " "), func(r *http.Request, tenant string) (*http.Request, error) {
		r, err := c.To(r, tenant)
		if err != nil {
			return nil, err
		}
		given, err := bodyFields(r)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if !slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, name) }) {
				return nil, v1.Forbidden("%s: only whoever runs the pool sets that for a tenant", strconv.QuoteToASCII(name))
			}
		}
		return withBody(r, given)
	}}
}

// Unreadable is a body that is not what a body must be: whoever reads the bodies of others says that in his words.
type Unreadable struct{ Err error }

// Error says what is wrong with it.
func (u Unreadable) Error() string { return u.Err.Error() }

// Unwrap returns the same.
func (u Unreadable) Unwrap() error { return u.Err }

// bodyFields reads a body, which has been bounded.
func bodyFields(r *http.Request) (fields map[string]json.RawMessage, err error) {
	d := json.NewDecoder(r.Body)
	if err = d.Decode(&fields); errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && d.More() {
		err = errors.New("there is more than one value in it")
	}
	if err != nil {
		return nil, Unreadable{err}
	}
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	return fields, nil
}

func withBody(r *http.Request, fields map[string]json.RawMessage) (*http.Request, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("write the body again: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
}

// NoTenant is what is said of a tenant that is not there, and of another one to those that see one tenant alone.
func NoTenant(id string) *v1.Error {
	return v1.NotFound("there is no tenant %q: bbbpool tenant list shows those there are", id)
}
