package v1

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// Tenant is a tenant as operators see it. Its secrets are masked.
type Tenant struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	State   string         `json:"state"` // Enabled or Disabled
	Secrets []TenantSecret `json:"secrets"`
	Source  string         `json:"source"` // of the secrets that are in use: "stored", or "environment" where that has some of them
	// Generated says that a secret was made on the first start, and is kept: it holds where the environment gives none.
	Generated bool       `json:"generated"`
	Created   *time.Time `json:"created"` // null where it is not stored

	Hosts       []string        `json:"hosts"`        // that name it, as "a.example.edu" or "*.example.edu"
	URL         string          `json:"url"`          // its public address; "" is the pool's
	Scoped      bool            `json:"scoped"`       // new meetings have an ID of their own on the servers
	Tag         string          `json:"tag"`          // asked of servers by creates that have no meta_server-tag of their own
	IgnoreHints bool            `json:"ignore_hints"` // what it says about the size of its meetings is not believed
	Params      []ParamRule     `json:"params"`       // what becomes of the parameters of its calls, in the order in which they work
	Limits      TenantLimits    `json:"limits"`
	Callbacks   TenantCallbacks `json:"callbacks"`
	Used        TenantUse       `json:"used"`

	LRS *TenantLRS `json:"lrs,omitempty"` // left out where it has none
}

// TenantLimits are what a tenant may have. Zero is no limit.
type TenantLimits struct {
	Meetings        int      `json:"meetings"`         // at once
	People          int      `json:"people"`           // at once, in all its meetings
	MeetingPeople   int      `json:"meeting_people"`   // at once, in one meeting
	PerHour         int      `json:"per_hour"`         // meetings begun within an hour
	DurationMinutes int      `json:"duration_minutes"` // of a meeting
	Recording       bool     `json:"recording"`        // is allowed
	Servers         []string `json:"servers"`          // tags of the servers that its meetings may be on; "none" are those without
	Requests        float64  `json:"requests"`         // calls a second
	Statuses        bool     `json:"statuses"`         // HTTP says what was wrong, too: 401 for a checksum, 429 for too much
}

// TenantUse is what a tenant has at the moment, of what there are limits for, and what is kept of it.
type TenantUse struct {
	Meetings      int `json:"meetings"`
	People        int `json:"people"`
	MeetingPeople int `json:"meeting_people"` // in the largest meeting
	PerHour       int `json:"per_hour"`       // meetings begun within the last hour
	Recordings    int `json:"recordings"`     // that are not deleted
}

// Left says what a tenant that is removed leaves behind, and what becomes of it.
func (u TenantUse) Left() (said []string) {
	if u.Meetings > 0 {
		said = append(said, Running(u.Meetings, u.People)+" go on on their servers until they end, and nobody can join them "+
			"through the pool any more")
	}
	if u.Recordings > 0 {
		said = append(said, quantity.Count(u.Recordings, "recording", "recordings")+" stay in the library under its name, and "+
			"no front end is shown them: bbbpool recording assign gives them to another tenant")
	}
	return said
}

// NewTenant asks for a tenant to be added.
type NewTenant struct {
	ID          string            `json:"id"`
	Name        string            `json:"name,omitempty"` // the ID by default
	Disabled    bool              `json:"disabled,omitempty"`
	Hosts       []string          `json:"hosts,omitempty"`
	URL         string            `json:"url,omitempty"`
	Scoped      *bool             `json:"scoped,omitempty"`  // true by default
	Secrets     []NewTenantSecret `json:"secrets,omitempty"` // one is made where there are none
	Tag         string            `json:"tag,omitempty"`
	IgnoreHints bool              `json:"ignore_hints,omitempty"`
	Branding    *Branding         `json:"branding,omitempty"`
	Limits      *LimitChange      `json:"limits,omitempty"`
	Callbacks   *CallbackChange   `json:"callbacks,omitempty"`
}

// TenantChange asks for a tenant to be changed. What is nil stays.
type TenantChange struct {
	Name        *string         `json:"name,omitempty"`
	Hosts       *[]string       `json:"hosts,omitempty"` // all of them, instead of those that there are
	URL         *string         `json:"url,omitempty"`
	Scoped      *bool           `json:"scoped,omitempty"` // of new meetings; those that run keep the IDs that they have
	Tag         *string         `json:"tag,omitempty"`
	IgnoreHints *bool           `json:"ignore_hints,omitempty"`
	Branding    *Branding       `json:"branding,omitempty"`
	Limits      *LimitChange    `json:"limits,omitempty"`
	Callbacks   *CallbackChange `json:"callbacks,omitempty"`
	// DropGenerated forgets the secret that was made on the first start. There must be another.
	DropGenerated bool `json:"drop_generated,omitempty"`

	LRS *LRSChange `json:"lrs,omitempty"`
}

// LimitChange asks for limits to be changed. What is nil stays; zero lifts a limit.
type LimitChange struct {
	Meetings        *int      `json:"meetings,omitempty"`
	People          *int      `json:"people,omitempty"`
	MeetingPeople   *int      `json:"meeting_people,omitempty"`
	PerHour         *int      `json:"per_hour,omitempty"`
	DurationMinutes *int      `json:"duration_minutes,omitempty"`
	Recording       *bool     `json:"recording,omitempty"`
	Servers         *[]string `json:"servers,omitempty"` // none lifts it
	Requests        *float64  `json:"requests,omitempty"`
	Statuses        *bool     `json:"statuses,omitempty"`
}

// Branding is what a tenant's meetings look like where a front end does not say otherwise: rules for parameters of creates,
// which is where they are shown. What is nil stays, what is empty goes.
type Branding struct {
	Logo             *string `json:"logo,omitempty"` // an address
	BannerText       *string `json:"banner_text,omitempty"`
	BannerColor      *string `json:"banner_color,omitempty"`      // as #ff0000
	Presentation     *string `json:"presentation,omitempty"`      // an address of slides
	PresentationName *string `json:"presentation_name,omitempty"` // of their file, which tells what it is
}

// TenantResult is a tenant that was added or changed.
type TenantResult struct {
	Tenant
	Warning string `json:"warning,omitempty"` // what somebody should know although it was done
}

// RemovedTenant is a tenant that is not there any more.
type RemovedTenant struct {
	ID   string   `json:"id"`
	Left []string `json:"left"` // what it has left behind, and what becomes of that, in sentences
}

// Tenants are the calls about tenants.
type Tenants struct{ client *Client }

func tenant(id string) string { return "/tenants/" + url.PathEscape(id) }

// List returns all tenants, by ID.
func (t Tenants) List(ctx context.Context) ([]Tenant, error) {
	return call[[]Tenant](ctx, t.client, http.MethodGet, "/tenants", nil, nil)
}

// Show returns one tenant.
func (t Tenants) Show(ctx context.Context, id string) (Tenant, error) {
	return call[Tenant](ctx, t.client, http.MethodGet, tenant(id), nil, nil)
}

// Add adds a tenant.
func (t Tenants) Add(ctx context.Context, n NewTenant) (TenantResult, error) {
	body := struct {
		NewTenant
		Secrets []any `json:"secrets,omitempty"` // take the place of those that will not be marshalled
	}{n, sentAll(n.Secrets)}
	return call[TenantResult](ctx, t.client, http.MethodPost, "/tenants", nil, body)
}

// Change changes what is set for a tenant.
func (t Tenants) Change(ctx context.Context, id string, change TenantChange) (TenantResult, error) {
	body := struct {
		TenantChange
		LRS any `json:"lrs,omitempty"` // takes the place of the one whose secrets will not be marshalled
	}{change, sentLRS(change.LRS)}
	return call[TenantResult](ctx, t.client, http.MethodPatch, tenant(id), nil, body)
}

// Enable lets the front ends of a tenant in again.
func (t Tenants) Enable(ctx context.Context, id string) (TenantResult, error) {
	return call[TenantResult](ctx, t.client, http.MethodPost, tenant(id)+"/enable", nil, nil)
}

// Disable has a tenant's calls fail, as with a wrong checksum. Its recordings play on.
func (t Tenants) Disable(ctx context.Context, id string) (TenantResult, error) {
	return call[TenantResult](ctx, t.client, http.MethodPost, tenant(id)+"/disable", nil, nil)
}

// Remove removes a tenant. Unless forced, it must have no meetings that run.
func (t Tenants) Remove(ctx context.Context, id string, force bool) (RemovedTenant, error) {
	return call[RemovedTenant](ctx, t.client, http.MethodDelete, tenant(id), forced(force), nil)
}

func forced(force bool) url.Values {
	if !force {
		return nil
	}
	return url.Values{"force": {"true"}}
}
