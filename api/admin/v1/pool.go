package v1

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

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

	// Where several instances serve the pool: all of them, the one that decides ("" while none does), and how old the news of
	// the one is that is furthest behind.
	Instances []Instance `json:"instances,omitempty"`
	Leader    string     `json:"leader,omitempty"`
	LagMS     *float64   `json:"lag_ms,omitempty"`

	Backup *BackupStatus `json:"backup,omitempty"` // where it makes any by itself
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

// Problem is something that an operator has to look at.
type Problem struct {
	Severity string    `json:"severity"` // what it means for people, from "refusing" to "impending"; "advised" is mere advice
	Subject  Subject   `json:"subject"`
	Name     string    `json:"name"`             // what is wrong, in a word that never changes; with the subject it tells two apart
	Since    time.Time `json:"since"`            // when it began, or was first found
	Text     string    `json:"text"`             // in words; it ends in a colon where the remedy is a command to type
	Remedy   string    `json:"remedy,omitempty"` // what to do about it, if the text does not say
	Unready  bool      `json:"unready"`          // the program cannot do its work
	Meetings int       `json:"meetings"`         // that it concerns, as far as that is known
	People   int       `json:"people"`           // that it concerns
}

// Subject is what something is wrong with.
type Subject struct {
	Kind string `json:"kind"`         // "server", "volume", "store", "import", "network", "setting", "tenant", "pool", "process"
	ID   string `json:"id,omitempty"` // of the server, name of the volume …; empty where there is but one
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
	Notes     []string   `json:"notes,omitempty"` // what somebody should look at, although it works
	LatencyMS float64    `json:"latency_ms"`      // of the whole diagnosis
}

// Unfit tells whether something is wrong with a server that the pool uses: a disabled one may be switched off.
func (c Checked) Unfit() bool { return !c.OK && c.State != Disabled }

// Capacity is what the pool carries, in people.
type Capacity struct {
	Servers []ServerShare `json:"servers"`
	Carries float64       `json:"carries"` // the servers that take new meetings, together
	Now     Fullness      `json:"now"`
	// Tightest is the busiest time of the coming week, as it was in the last five; null where there is no history.
	Tightest *Fullness `json:"tightest"`
	Largest  string    `json:"largest"` // the server that carries the most
	Drain    *Room     `json:"drain,omitempty"`
}

// Fullness is how full the pool is, or will be.
type Fullness struct {
	At       time.Time `json:"at"`
	People   float64   `json:"people"` // here and still expected
	Meetings int       `json:"meetings"`
	Free     float64   `json:"free"`                 // more people that fit
	FreeN1   float64   `json:"free_without_largest"` // the same with the largest server gone
}

// ServerShare is what one server has to do with that.
type ServerShare struct {
	ID       string  `json:"id"`
	State    string  `json:"state"`
	Health   string  `json:"health"`
	Carries  float64 `json:"carries"`
	People   int     `json:"people"`
	Expected float64 `json:"expected"`
	Kept     float64 `json:"kept"`
	Meetings int     `json:"meetings"`
}

// DryRun asks where a create would go.
type DryRun struct {
	Tenant    string `json:"tenant,omitempty"` // the default one by default
	MeetingID string `json:"meetingID"`
	Hint      int    `json:"hint,omitempty"` // as in meta_bbb-meeting-size-hint
	Tag       string `json:"tag,omitempty"`  // as in meta_server-tag
}

// Placement is the answer to a dry run.
type Placement struct {
	Server   string   `json:"server"` // "" where none can take it
	Known    bool     `json:"known"`  // the meeting runs there already
	Why      string   `json:"why"`    // in one line, or why nobody can take it
	Expected float64  `json:"expected"`
	Basis    string   `json:"basis"` // what that was taken from: history, hint, tenant or default
	Servers  []Option `json:"servers"`
}

// Option is a server in the answer to a dry run.
type Option struct {
	ID       string  `json:"id"`
	Standing string  `json:"standing"` // open, unproven, doubtful, held or gone
	Tag      string  `json:"tag"`
	Here     int     `json:"here"`
	Expected float64 `json:"expected"`
	Kept     float64 `json:"kept"`
	Weight   float64 `json:"weight"`
	After    float64 `json:"after"` // people per weight that it would count with the meeting
	Full     bool    `json:"full"`  // it has no room within its hard capacity
}

// Version is the version of the program, and what it was built from as far as its build has noted that.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the source; "" where it is not known, like the next one
	Date     string `json:"date"`     // of the revision
	Modified bool   `json:"modified"` // the source was not quite that
	Go       string `json:"go"`       // what it was built with
}

// Build is what this program is, which calls itself by a version.
func Build(version string) Version {
	v := Version{Version: version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Go = info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Date = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String is the version in one line, as in "1.2.3 (4aebd5e13c2f, 2026-11-28)".
func (v Version) String() string {
	if v.Revision == "" {
		return v.Version
	}
	const short = 12
	revision := v.Revision[:min(short, len(v.Revision))]
	if v.Modified {
		revision += " and changes"
	}
	day, _, _ := strings.Cut(v.Date, "T")
	return fmt.Sprintf("%s (%s, %s)", v.Version, revision, day)
}

// Pool are the calls about all of it.
type Pool struct{ client *Client }

// Status returns the pool at a glance.
func (p Pool) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, p.client, http.MethodGet, "/status", nil, nil)
}

// Problems returns everything that is wrong, the worst first, and what is advised.
func (p Pool) Problems(ctx context.Context) ([]Problem, error) {
	return call[[]Problem](ctx, p.client, http.MethodGet, "/problems", nil, nil)
}

// Check asks every server who it is, which may take a while.
func (p Pool) Check(ctx context.Context) (Check, error) {
	return call[Check](ctx, p.client, http.MethodPost, "/check", nil, struct{}{})
}

// Version returns the version of the program that answers.
func (p Pool) Version(ctx context.Context) (Version, error) {
	return call[Version](ctx, p.client, http.MethodGet, "/version", nil, nil)
}

// Capacity returns what the pool carries and, unless drain is "", what is left of it without that server.
func (p Pool) Capacity(ctx context.Context, drain string) (Capacity, error) {
	query := url.Values{}
	if drain != "" {
		query.Set("drain", drain)
	}
	return call[Capacity](ctx, p.client, http.MethodGet, "/capacity", query, nil)
}

// DryRun returns where a create would go.
func (p Pool) DryRun(ctx context.Context, d DryRun) (Placement, error) {
	return call[Placement](ctx, p.client, http.MethodPost, "/placements/dry-run", nil, d)
}
