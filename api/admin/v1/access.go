package v1

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// Token is a token of administration as operators see it: without the token itself, which nobody can show again.
type Token struct {
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`  // "read", "operate", "recordings", "admin"
	Tenant  string     `json:"tenant"`  // all that it sees and changes is this tenant's; "" is the whole pool
	Source  string     `json:"source"`  // "stored", or "environment" for the one in BBBPOOL_ADMIN_TOKEN
	Created *time.Time `json:"created"` // null for the one of the environment
	Expires *time.Time `json:"expires"` // null for never
	Expired bool       `json:"expired"`
	Used    *time.Time `json:"used"` // when it was last used, to the minute; null for never
}

// NewToken asks for a token.
type NewToken struct {
	Name      string       `json:"name"`
	Scopes    []string     `json:"scopes"`
	Tenant    string       `json:"tenant,omitempty"`
	ExpiresIn quantity.Age `json:"expires_in,omitempty"` // absent for never
}

// AddedToken is a token that was made: the answer is the one time that it is shown.
type AddedToken struct {
	Token
	Secret Secret `json:"secret"` // the token itself
}

// AuditEntry is one change that somebody has made.
type AuditEntry struct {
	ID     string    `json:"id"` // leads to the entries that are older
	At     time.Time `json:"at"`
	Who    string    `json:"who"`              // "token NAME", "user NAME (uid)", "uid 1000", …
	Via    string    `json:"via"`              // "cli", "api", "scalelite" or "process"
	From   string    `json:"from"`             // the address that it came from; "" for the pool's own machine
	Action string    `json:"action"`           // "add", "set", "remove", …; "POST /path" where nothing better is known
	Kind   string    `json:"kind"`             // of what was changed: "server", "tenant", "recording", …
	Object string    `json:"object"`           // its ID
	Tenant string    `json:"tenant"`           // whose it is; "" for what is the pool's
	Before any       `json:"before,omitempty"` // an object, secrets masked; absent where there was nothing
	After  any       `json:"after,omitempty"`  // an object, secrets masked; absent where there is nothing any more
}

// AuditFilter selects entries of the audit log. The zero value selects the newest.
type AuditFilter struct {
	Since, Until time.Time // Until is exclusive; zero for no bound
	Who, Via     string
	Action, Kind string
	Object       string
	Tenant       string
	After        string // the ID of the last entry of the page before
	Limit        int    // of a page; 0 is 100, and there are never more than 1,000
}

// Tokens are the calls about tokens of administration.
type Tokens struct{ client *Client }

// List returns all tokens, by name.
func (t Tokens) List(ctx context.Context) ([]Token, error) {
	return call[[]Token](ctx, t.client, http.MethodGet, "/tokens", nil, nil)
}

// Add makes a token. Its answer is the one that has the token itself.
func (t Tokens) Add(ctx context.Context, n NewToken) (AddedToken, error) {
	return call[AddedToken](ctx, t.client, http.MethodPost, "/tokens", nil, n)
}

// Revoke takes a token away: it lets nobody in any more.
func (t Tokens) Revoke(ctx context.Context, name string) error {
	_, err := call[struct{}](ctx, t.client, http.MethodDelete, "/tokens/"+url.PathEscape(name), nil, nil)
	return err
}

// Audit are the calls about what was changed by whom.
type Audit struct{ client *Client }

// List returns a page of the selected entries, the newest first. The ID of the last one leads to the next page.
func (a Audit) List(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"who": f.Who, "via": f.Via, "action": f.Action, "kind": f.Kind, "id": f.Object, "tenant": f.Tenant, "after": f.After,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if f.Limit != 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	return call[[]AuditEntry](ctx, a.client, http.MethodGet, "/audit", query, nil)
}
