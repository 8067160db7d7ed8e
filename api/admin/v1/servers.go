package v1

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The states of servers, which people decide.
const (
	Enabled  = "enabled"
	Cordoned = "cordoned" // no new meetings
	Draining = "draining" // cordoned, on its way out
	Disabled = "disabled"
)

// Server is a server as operators see it.
type Server struct {
	ID       string  `json:"id"`
	URL      string  `json:"url"`
	State    string  `json:"state"`
	Health   string  `json:"health"`
	Reason   string  `json:"reason"` // of the last failure, or how far it has recovered; "" where it is well
	Weight   float64 `json:"weight"`
	Capacity int     `json:"capacity"` // people; 0 is no limit
	Hard     bool    `json:"hard"`     // no new meeting goes beyond the capacity
	Tag      string  `json:"tag"`
	Checksum string  `json:"checksum"` // the algorithm

	Admitted *time.Time `json:"admitted"` // when it last passed the test that lets it in; null if it never did at its address

	Meetings int     `json:"meetings"` // claimed there at this moment
	Users    int     `json:"users"`    // in these, or sent there and on the way
	Videos   int     `json:"videos"`   // seen at the last poll
	Largest  int     `json:"largest"`  // people in the largest meeting, seen at the last poll
	Expected float64 `json:"expected"` // people still expected in its meetings, to one decimal
	Kept     float64 `json:"kept"`     // room held for meetings that are not created yet, in people, to one decimal
	Owed     int     `json:"owed"`     // recordings that it has still to deliver

	LastPoll     *time.Time `json:"last_poll"`     // the last good one; null if there was none
	LatencyMS    float64    `json:"latency_ms"`    // of that
	FailingSince *time.Time `json:"failing_since"` // null while calls succeed

	Warnings           []string   `json:"warnings"`            // what will break unless somebody looks after it
	SkewMS             float64    `json:"skew_ms"`             // its clock minus ours; 0 also while that is not known
	CertificateExpires *time.Time `json:"certificate_expires"` // null over http, and before the first call
	Events             []Event    `json:"events,omitempty"`    // the last ones, newest last; of a single server alone

	SecretChange *SecretChange `json:"secret_change,omitempty"` // while its secret is being changed
}

// What a server whose secret is being changed answers to.
const (
	NewSecret    = "new"
	FormerSecret = "former"
)

// SecretChange is how far the change of a server's secret is. It never shows either of the two.
type SecretChange struct {
	AnswersTo string     `json:"answers_to"` // new or former
	Switched  *time.Time `json:"switched"`   // since when it is known to have the new one; null while it has the former
	Until     time.Time  `json:"until"`      // until when it may have either
}

// Present says who is there, as in "2 meetings with 1 person"; "" where nobody is.
func (s Server) Present() string { return Present(s.Meetings, s.Users) }

// Event is something that happened to a server.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

// Result is a server that was added or changed, with what was found out on the way.
type Result struct {
	Server
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"` // where the server was asked, and answered
	Warning   string     `json:"warning,omitempty"`   // what force has overridden, or keeps it from taking meetings
}

// Revealed is a server with its secret, for those who ask for it.
type Revealed struct {
	Server
	Secret Secret `json:"secret"`
	Former Secret `json:"former,omitempty"` // that it may have as well, while its secret is being changed
}

// Diagnosis is what a server told about itself.
type Diagnosis struct {
	Version  string `json:"version,omitempty"` // of BigBlueButton, where it reveals it
	Checksum string `json:"checksum"`          // the algorithm that it accepts
	Meetings int    `json:"meetings"`
	People   int    `json:"people"`
}

// Product is what answers there, with its version where it reveals that.
func (d Diagnosis) Product() string {
	if d.Version == "" {
		return "BigBlueButton"
	}
	return "BigBlueButton " + d.Version
}

// NewServer asks for a server to be added.
type NewServer struct {
	URL      string   `json:"url"` // in any form that people have at hand
	Secret   Secret   `json:"secret"`
	ID       string   `json:"id,omitempty"`     // made from the host's name by default
	Weight   *float64 `json:"weight,omitempty"` // 1 by default
	Capacity int      `json:"capacity,omitempty"`
	Hard     bool     `json:"hard,omitempty"` // no new meeting goes beyond the capacity
	Tag      string   `json:"tag,omitempty"`
	Enable   bool     `json:"enable,omitempty"` // it takes no meetings before it is enabled
	Force    bool     `json:"force,omitempty"`  // add it even if it cannot be reached, or fails the test
}

// Change asks for a server to be changed. What is nil stays.
type Change struct {
	URL      *string  `json:"url,omitempty"`
	Secret   *Secret  `json:"secret,omitempty"`
	Weight   *float64 `json:"weight,omitempty"`
	Capacity *int     `json:"capacity,omitempty"`
	Hard     *bool    `json:"hard,omitempty"`
	Tag      *string  `json:"tag,omitempty"`
	Force    bool     `json:"force,omitempty"` // change it even if it cannot be reached then
	// Window is how long the server may have its former secret as well, in ns, at most 30 days: 0 changes it at once, nil is
	// what the pool is set to. Without a secret it sets the end of a change that is under way.
	Window *time.Duration `json:"window,omitempty"`
}

// Forced is the body of requests that can be insisted on.
type Forced struct {
	Force bool `json:"force,omitempty"`
}

// Script is a script for a server, that sends its recordings to the pool.
type Script struct {
	Script string `json:"script"`
}

// MaxURL is how many bytes a URL may have.
const MaxURL = 1000

// BaseURL is the address of a pool as servers reach it, without a slash at its end.
func BaseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" || !IsText(s, MaxURL) || strings.ContainsAny(s, "'\"\\ `$") {
		return "", Invalid("url: want the address under which servers reach the pool, as https://pool.example.edu")
	}
	return strings.TrimRight(s, "/"), nil
}

// Servers are the calls about servers.
type Servers struct{ client *Client }

// List returns all servers, by ID.
func (s Servers) List(ctx context.Context) ([]Server, error) {
	return call[[]Server](ctx, s.client, http.MethodGet, "/servers", nil, nil)
}

// Reveal returns all servers with their secrets in clear, by ID.
func (s Servers) Reveal(ctx context.Context) ([]Revealed, error) {
	return call[[]Revealed](ctx, s.client, http.MethodGet, "/servers", url.Values{"reveal": {"true"}}, nil)
}

// Show returns one server, with its last events.
func (s Servers) Show(ctx context.Context, id string) (Server, error) {
	return call[Server](ctx, s.client, http.MethodGet, server(id), nil, nil)
}

// Add adds a server to the pool.
func (s Servers) Add(ctx context.Context, n NewServer) (Result, error) {
	body := struct {
		NewServer
		Secret string `json:"secret"` // takes the place of the one that will not be marshalled
	}{n, n.Secret.Reveal()}
	return call[Result](ctx, s.client, http.MethodPost, "/servers", nil, body)
}

// Change changes what is known of a server.
func (s Servers) Change(ctx context.Context, id string, change Change) (Result, error) {
	body := struct {
		Change
		Secret *string `json:"secret,omitempty"`
	}{Change: change}
	if change.Secret != nil {
		secret := change.Secret.Reveal()
		body.Secret = &secret
	}
	return call[Result](ctx, s.client, http.MethodPatch, server(id), nil, body)
}

// Enable lets a server take meetings. Unless forced, it is tested first, without load.
func (s Servers) Enable(ctx context.Context, id string, force bool) (Result, error) {
	return call[Result](ctx, s.client, http.MethodPost, server(id)+"/enable", nil, Forced{force})
}

// Cordon lets a server keep its meetings and take no new ones.
func (s Servers) Cordon(ctx context.Context, id string) (Result, error) {
	return call[Result](ctx, s.client, http.MethodPost, server(id)+"/cordon", nil, Forced{})
}

// Disable takes a server out of use. Unless forced, it must have no meetings.
func (s Servers) Disable(ctx context.Context, id string, force bool) (Result, error) {
	return call[Result](ctx, s.client, http.MethodPost, server(id)+"/disable", nil, Forced{force})
}

// Remove takes a server out of the pool. Unless forced, it must have no meetings, and owe no recordings.
func (s Servers) Remove(ctx context.Context, id string, force bool) error {
	_, err := call[struct{}](ctx, s.client, http.MethodDelete, server(id), forced(force), nil)
	return err
}

// Script returns the script that sends a server's recordings to the pool, which it reaches at base.
func (s Servers) Script(ctx context.Context, id, base string) (Script, error) {
	return call[Script](ctx, s.client, http.MethodGet, server(id)+"/script", url.Values{"url": {base}}, nil)
}

func server(id string) string { return "/servers/" + url.PathEscape(id) }
