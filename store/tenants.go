package store

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// DefaultTenant is the ID of the tenant that a pool has from its first start.
const DefaultTenant = "default"

// Tenant is a front end, or a group of them, with secrets, meetings and recordings of its own.
type Tenant struct {
	ID       string // [a-z0-9-], also in the path that names it: /t/<id>/bigbluebutton/api
	Name     string // for people; under Scalelite's rule the first label of its host
	Disabled bool   // its calls fail as with a wrong checksum; its recordings play on
	Created  time.Time

	Hosts   []string       // that name it: exact, or "*.example.edu" for all below that
	URL     string         // its public address, which links begin with; "" is the pool's
	Secrets []TenantSecret // any of them verifies, until it expires; an empty one never does
	Scoped  bool           // new meetings have an ID of their own on the servers; else the front end's, as it is

	Tag         string // asked of servers by creates that have no meta_server-tag of their own
	IgnoreHints bool   // what the front end says about the size of its meetings is not believed
	Params      []ParamRule
	Limits      Limits
	Callbacks   TenantCallbacks
	LRS         LRS
}

// TenantCallbacks is how a tenant wants to be called back.
type TenantCallbacks struct {
	Names     []string // of further meta_ parameters that are callbacks of servers, without "meta_"
	Algorithm string   // that tokens are signed with: HS256, HS384 or HS512; "" is as BigBlueButton signs them
	Insecure  bool     // certificates of its receivers are not verified
	Analytics bool     // what servers tell of who did what is kept
}

// LRS is a tenant's learning record store (xAPI), which servers are told of at a create, as Scalelite does. With a TokenURL
// they get a token from there in place of user and password.
type LRS struct {
	Endpoint      string
	User          string
	Password      Secret
	TokenURL      string
	ClientID      string
	ClientSecret  Secret
	TokenUser     string
	TokenPassword Secret
}

// TenantSecret is one of a tenant's secrets.
type TenantSecret struct {
	Name    string // unique among the tenant's
	Secret  Secret
	Created time.Time
	Expires time.Time // zero for never
}

// Valid tells whether a secret verifies at a time.
func (s TenantSecret) Valid(now time.Time) bool {
	return s.Secret != "" && (s.Expires.IsZero() || now.Before(s.Expires))
}

// Secret returns a tenant's secret by its name, and whether there is one.
func (t Tenant) Secret(name string) (TenantSecret, bool) {
	i := slices.IndexFunc(t.Secrets, func(s TenantSecret) bool { return s.Name == name })
	if i < 0 {
		return TenantSecret{}, false
	}
	return t.Secrets[i], true
}

// GeneratedSecret is the name of the secret that the default tenant gets on the first start of a pool that was given none.
const GeneratedSecret = "generated"

// EnvironmentSecrets gives names to the secrets that the environment has for the default tenant: "environment",
// "environment-2" and so on.
func EnvironmentSecrets(list []Secret) (named []TenantSecret) {
	for i, s := range list {
		name := "environment"
		if i > 0 {
			name = fmt.Sprintf("%s-%d", name, i+1)
		}
		named = append(named, TenantSecret{Name: name, Secret: s})
	}
	return named
}

// InUse returns the secrets of a tenant that verify, expired ones included. The default tenant has those of the environment
// first and, where that gives any, without the one that was made because there was none.
func (t Tenant) InUse(environment []Secret) (list []TenantSecret) {
	if t.ID != DefaultTenant {
		environment = nil
	}
	list = EnvironmentSecrets(environment)
	for _, s := range t.Secrets {
		if s.Secret != "" && (len(environment) == 0 || s.Name != GeneratedSecret) && !slices.Contains(environment, s.Secret) {
			list = append(list, s)
		}
	}
	return list
}

// ParamOp is what a rule does to a parameter.
type ParamOp string

// The operators, in the order in which they work.
const (
	ParamDefault  ParamOp = "default"  // it is set where the front end has not
	ParamOverride ParamOp = "override" // it is set, whatever the front end has
	ParamRemove   ParamOp = "remove"   // it is taken away
	ParamAdd      ParamOp = "add"      // to a list, these are added
	ParamTake     ParamOp = "take"     // from a list, these are taken
	ParamCap      ParamOp = "cap"      // a number, it is at most that; 0 is unlimited, and capped, too
)

// ParamRule is what happens to one parameter of a call.
type ParamRule struct {
	Call  string // "create" or "join"
	Op    ParamOp
	Name  string
	Value string // of a list, separated by commas; "" for remove
}

// Limits are what a tenant may have. Zero is no limit.
type Limits struct {
	Meetings      int           // at once, those included that are being created
	People        int           // at once, in all its meetings
	MeetingPeople int           // at once, in one meeting
	PerHour       int           // meetings begun within an hour
	Duration      time.Duration // of a meeting
	NoRecording   bool          // nothing is recorded
	Tags          []string      // servers that its meetings may be on: with one of these tags; "none" are those without
	Requests      float64       // calls a second
	Statuses      bool          // HTTP says what was wrong, too: 401 for a checksum, 429 for too much
}

// Credential names what somebody has signed or come in with.
type Credential struct {
	Kind   string // CredentialSecret or CredentialToken
	Tenant string // of a secret
	Name   string
}

// The kinds of credentials.
const (
	CredentialSecret = "secret" // of a tenant
	CredentialToken  = "token"  // of administration
)

// AdminToken lets somebody administrate the pool over the network.
type AdminToken struct {
	Name    string
	Hash    string   // SHA-256 of the token, in hexadecimal: the token itself is nowhere
	Scopes  []string // what it may do
	Tenant  string   // all that it sees; "" is the whole pool
	Created time.Time
	Expires time.Time // zero for never
}

// Audit is one change that somebody has made.
type Audit struct {
	ID     string    // unique; those of one time are listed in the order of their IDs, last first
	At     time.Time // when
	Who    string    // as people know them: "token NAME", "user NAME", "uid 1000"
	Via    string    // "cli", "api", "scalelite" or "process"
	From   string    // the address that it came from; "" for this machine
	Action string    // "add", "set", "remove", …
	Kind   string    // of what was changed: "server", "tenant", "recording", …
	Object string    // its ID
	Tenant string    // whose it is; "" for what is the pool's
	Before string    // JSON, secrets masked; "" where there was nothing
	After  string    // JSON, secrets masked; "" where there is nothing any more
}

// Erased stands in an entry in the place of what somebody has had taken out of it. It is JSON, as what was there before.
const Erased = `"erased"`

// AuditFilter selects entries. The zero value selects all.
type AuditFilter struct {
	Who, Via, Action, Kind, Object, Tenant string
	Since, Until                           time.Time // Until is exclusive; zero for no bound
	Before                                 Audit     // go on behind this one: its time and ID; zero for the first page
	Limit                                  int
}

// Selects tells whether the words of an entry are those that are asked for; its time is not looked at.
func (f AuditFilter) Selects(a Audit) bool {
	for _, pair := range [][2]string{
		{f.Who, a.Who}, {f.Via, a.Via}, {f.Action, a.Action}, {f.Kind, a.Kind}, {f.Object, a.Object}, {f.Tenant, a.Tenant},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return true
}

// Usage is what a tenant has used on one day.
type Usage struct {
	Day          string // "2026-03-01", in the pool's time zone
	Tenant       string
	Meetings     int     // that began
	Joins        int     // that were sent to servers
	PeopleMins   float64 // people times minutes
	PeakMeetings int     // most at once
	PeakPeople   int     // most at once
	Recordings   int     // that arrived
	Bytes        int64   // of these
}

// Add takes more of the same day into account: what counts adds up, of peaks the higher one stands. What is no number, or
// would become more than one can say, adds nothing: one wrong measure must not spoil a day.
func (u *Usage) Add(more Usage) {
	u.Meetings = sum(u.Meetings, more.Meetings)
	u.Joins = sum(u.Joins, more.Joins)
	if mins := u.PeopleMins + more.PeopleMins; !math.IsNaN(mins) && !math.IsInf(mins, 0) {
		u.PeopleMins = mins
	}
	u.PeakMeetings = max(u.PeakMeetings, more.PeakMeetings)
	u.PeakPeople = max(u.PeakPeople, more.PeakPeople)
	u.Recordings = sum(u.Recordings, more.Recordings)
	u.Bytes = sum(u.Bytes, more.Bytes)
}

// sum adds what is more, unless that overflows.
func sum[N int | int64](n, more N) N {
	if (n+more < n) != (more < 0) {
		return n
	}
	return n + more
}

// UsageFilter selects days. The zero value selects all.
type UsageFilter struct {
	Tenant   string // "" is every one
	From, To string // days, both inclusive; "" for no bound
	After    Usage  // go on behind this row: its day and tenant; without a day for the first page
	Limit    int    // 0 is no limit
}
