package admin

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
)

// confinement makes of a request one that reaches nothing but what is a tenant's, or refuses it: what is another's is not
// there for it. It works before the handler, which need not know of it.
type confinement struct {
	name string
	to   func(r *http.Request, tenant string) (*http.Request, error)
}

// byQuery confines by the tenant that the query names: no other, and where it names none the caller's own. The handler goes
// by the query.
func byQuery() confinement {
	return confinement{"tenant in the query", func(r *http.Request, tenant string) (*http.Request, error) {
		query := r.URL.Query()
		for _, named := range query["tenant"] {
			if named != "" && named != tenant {
				return nil, noTenant(named)
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

// byPath confines by the tenant that the path names as {id}.
func byPath() confinement {
	return confinement{"tenant in the path", func(r *http.Request, tenant string) (*http.Request, error) {
		if named := r.PathValue("id"); named != tenant {
			return nil, noTenant(named)
		}
		return r, nil
	}}
}

// byOwner confines by whose it is that the path names as {id}. What owner says of one that is not there is said of one
// of another tenant, too: it gets the ID of what it is to deny.
func byOwner(owner func(ctx context.Context, id string) (tenant string, err error), denied func(id string) error) confinement {
	return confinement{"tenant of the object", func(r *http.Request, tenant string) (*http.Request, error) {
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

// byBody confines by the tenant that the body names: no other, and where it names none the caller's own.
func byBody() confinement {
	return confinement{"tenant in the body", func(r *http.Request, tenant string) (*http.Request, error) {
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
				return nil, noTenant(named)
			}
			delete(fields, name)
		}
		fields["tenant"], _ = json.Marshal(tenant)
		return withBody(r, fields)
	}}
}

// sparing lets the caller set these fields of the body alone, beside what c says: the others are what the operator gives a
// tenant, which must not lift its own limits.
func (c confinement) sparing(fields ...string) confinement {
	return confinement{c.name + ", only " + strings.Join(fields, " "), func(r *http.Request, tenant string) (*http.Request, error) {
		r, err := c.to(r, tenant)
		if err != nil {
			return nil, err
		}
		given, err := bodyFields(r)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if !slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, name) }) {
				return nil, forbidden("%s: only whoever runs the pool sets that for a tenant", strconv.QuoteToASCII(name))
			}
		}
		return withBody(r, given)
	}}
}

// bodyFields reads a body, which has been bounded. What is no object is for the handler to refuse; here it has no fields,
// and so it does not get there.
func bodyFields(r *http.Request) (fields map[string]json.RawMessage, err error) {
	d := json.NewDecoder(r.Body)
	if err = d.Decode(&fields); errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && d.More() {
		err = errors.New("there is more than one value in it")
	}
	if err != nil {
		return nil, bodyError(err)
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

// byID confines by whose the recording is that the path names.
func (c *Recordings) byID() confinement {
	return byOwner(func(ctx context.Context, id string) (string, error) {
		recording, err := c.recording(ctx, id)
		return recording.Tenant, err
	}, noRecording)
}
