package admin

import (
	"math"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
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
}

// Present says who is there, as in "2 meetings with 1 person"; "" where nobody is.
func (s Server) Present() string { return present(s.Meetings, s.Users) }

// newServer shows a server that owes so many recordings.
func newServer(s poller.Status, owed int) Server {
	checksum := s.Checksum
	if checksum == "" {
		checksum = string(bbb.SHA256)
	}
	return Server{
		ID: s.ID, URL: s.URL, State: string(s.State), Health: string(s.Health), Reason: s.Reason,
		Weight: s.Weight, Capacity: s.Capacity, Hard: s.Hard, Tag: s.Tag, Checksum: checksum, Admitted: stamp(s.Admitted),
		Meetings: s.Load.Meetings, Users: people(s), Videos: s.Videos, Largest: s.Largest,
		Expected: tenths(s.Load.Expected), Kept: tenths(s.Load.Kept), Owed: owed,
		LastPoll: stamp(s.LastPoll), LatencyMS: milliseconds(s.Latency), FailingSince: stamp(s.Failing),
		Warnings: append([]string{}, s.Warnings...), SkewMS: milliseconds(s.ClockSkew),
		CertificateExpires: stamp(s.CertificateExpires),
	}
}

// EndedMeeting is what came of the end of a meeting.
type EndedMeeting struct {
	Owed []string `json:"owed"` // the servers that did not end it, with the reason: they do when they answer again
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
	Secret store.Secret `json:"secret"`
}

// Diagnosis is what a server told about itself.
type Diagnosis struct {
	Version  string `json:"version,omitempty"` // of BigBlueButton, where it reveals it
	Checksum string `json:"checksum"`          // the algorithm that it accepts
	Meetings int    `json:"meetings"`
	People   int    `json:"people"`
}

func newDiagnosis(d bbb.Diagnosis) *Diagnosis {
	return &Diagnosis{Version: d.Version, Checksum: string(d.Algorithm), Meetings: d.Meetings, People: d.People}
}

// NewServer asks for a server to be added.
type NewServer struct {
	URL      string       `json:"url"` // in any form that people have at hand
	Secret   store.Secret `json:"secret"`
	ID       string       `json:"id,omitempty"`     // made from the host's name by default
	Weight   *float64     `json:"weight,omitempty"` // 1 by default
	Capacity int          `json:"capacity,omitempty"`
	Hard     bool         `json:"hard,omitempty"` // no new meeting goes beyond the capacity
	Tag      string       `json:"tag,omitempty"`
	Enable   bool         `json:"enable,omitempty"` // it takes no meetings before it is enabled
	Force    bool         `json:"force,omitempty"`  // add it even if it cannot be reached, or fails the test
}

// Change asks for a server to be changed. What is nil stays.
type Change struct {
	URL      *string       `json:"url,omitempty"`
	Secret   *store.Secret `json:"secret,omitempty"`
	Weight   *float64      `json:"weight,omitempty"`
	Capacity *int          `json:"capacity,omitempty"`
	Hard     *bool         `json:"hard,omitempty"`
	Tag      *string       `json:"tag,omitempty"`
	Force    bool          `json:"force,omitempty"` // change it even if it cannot be reached then
}

// Forced is the body of requests that can be insisted on.
type Forced struct {
	Force bool `json:"force,omitempty"`
}

// Meeting is a meeting as operators see it.
type Meeting struct {
	MeetingID  string    `json:"meetingID"`
	Tenant     string    `json:"tenant"`
	Server     string    `json:"server"`
	InternalID string    `json:"internalMeetingID"` // "" until the server has answered
	CreateTime int64     `json:"createTime"`        // milliseconds since 1970, by the server's clock
	Placed     time.Time `json:"placed"`
	People     int       `json:"people"` // in it, or on the way
	Peak       int       `json:"peak"`   // most people seen at once
	Joins      int       `json:"joins"`  // sent so far
	Recorded   bool      `json:"recorded"`
	// OfflineSince is since when its server has been offline, so that nobody can join it; null while the server is not.
	OfflineSince *time.Time `json:"offline_since"`
}

func newMeeting(m placement.Info, away outages) Meeting {
	return Meeting{
		OfflineSince: away[m.Server],
		MeetingID:    m.MeetingID, Tenant: m.Tenant, Server: m.Server, InternalID: m.InternalID,
		CreateTime: m.CreateTime, Placed: m.Placed.UTC().Truncate(time.Millisecond),
		People: m.People, Peak: m.Peak, Joins: m.Joins, Recorded: m.Recorded,
	}
}

// Tenant is a tenant as operators see it.
type Tenant struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Secrets []string `json:"secrets"` // "***" unless they were asked for
	Source  string   `json:"source"`  // of the secrets: "stored" or "environment"
	// Generated says that a secret was made on the first start, and is kept: it holds where the environment gives none.
	Generated bool       `json:"generated"`
	Created   *time.Time `json:"created"` // null where it is not stored

	Tag         string `json:"tag"`          // asked of servers by creates that have no meta_server-tag of their own
	IgnoreHints bool   `json:"ignore_hints"` // what it says about the size of its meetings is not believed
}

// Status is the pool at a glance.
type Status struct {
	Version  string   `json:"version"`
	Listen   string   `json:"listen,omitempty"` // the address that the pool serves, while it does
	Problems []string `json:"problems"`         // what is wrong, in words
	Servers  Counts   `json:"servers"`
	Meetings int      `json:"meetings"`
	Users    int      `json:"users"`
	Expected float64  `json:"expected"`

	Recordings *RecordingSums `json:"recordings,omitempty"` // where the pool has any
}

// Counts are servers by state, and by health those that are not disabled.
type Counts struct {
	Total    int `json:"total"`
	Enabled  int `json:"enabled"`
	Cordoned int `json:"cordoned"`
	Draining int `json:"draining"`
	Disabled int `json:"disabled"`
	Online   int `json:"online"`
	Suspect  int `json:"suspect"`
	Offline  int `json:"offline"`
	Unknown  int `json:"unknown"`
}

// Check is the outcome of asking everybody.
type Check struct {
	OK       bool      `json:"ok"`
	Problems []string  `json:"problems"` // of the program itself
	Servers  []Checked `json:"servers"`

	Recordings *RecordingSums `json:"recordings,omitempty"` // where the pool has any
	Notes      []string       `json:"notes,omitempty"`      // what somebody should look at, although the pool works
	Advice     []string       `json:"advice,omitempty"`     // settings that may not be what was meant
}

// Checked is the outcome of asking one server.
type Checked struct {
	ID        string     `json:"id"`
	URL       string     `json:"url"`
	State     string     `json:"state"`
	OK        bool       `json:"ok"`
	Error     string     `json:"error,omitempty"` // what is wrong, and what to do
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`
	LatencyMS float64    `json:"latency_ms"` // of the whole diagnosis
}

// stamp is a time as it goes over the wire; the zero time is null.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func tenths(f float64) float64 { return math.Round(f*10) / 10 }

func milliseconds(d time.Duration) float64 { return tenths(float64(d) / float64(time.Millisecond)) }
