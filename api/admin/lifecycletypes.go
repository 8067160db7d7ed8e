package admin

import (
	"time"

	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/store"
)

// Event is something that happened to a server.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

// Trial asks for a server to be tested.
type Trial struct {
	Meetings    int  `json:"meetings,omitempty"`    // of the load test; 0 tests without load
	Concurrency int  `json:"concurrency,omitempty"` // how many at once
	Admit       bool `json:"admit,omitempty"`       // enable it if it is disabled, passes, and was never admitted
}

// Tried is the outcome of a test.
type Tried struct {
	trial.Report
	Admitted bool `json:"admitted"` // the test has let the server into the pool
}

// Drain asks for a server to be drained.
type Drain struct {
	Wait bool `json:"wait,omitempty"` // until it is disabled, and tell how far that is
	// RecordingsTimeout is how long to wait for recordings after the last meeting, in ns, at most 14 days: 0 does not wait
	// for any, nil waits 24 hours.
	RecordingsTimeout *time.Duration `json:"recordings_timeout,omitempty"`
	Force             bool           `json:"force,omitempty"` // drain it even if the others lack room
}

// Drained is the outcome of a drain.
type Drained struct {
	Server
	Done    bool     `json:"done"`     // it is disabled; else it goes on draining
	Missing []string `json:"missing"`  // recordings that did not arrive in time, or were not waited for
	NotMade []string `json:"not_made"` // recordings of which the server says that there are none: nobody waits for them
	Room    Room     `json:"room"`     // what the others have left
}

// Room is what is left of the pool without one server, in people.
type Room struct {
	Server   string  `json:"server"`
	Carries  float64 `json:"carries"`  // of the other servers that take new meetings
	Now      float64 `json:"now"`      // how many more fit there, with those of the server come over; less than 0 where they do not
	Tightest float64 `json:"tightest"` // the same at the busiest time of the coming 24 hours
	Short    bool    `json:"short"`
}

// Panic asks for all meetings on a server to be ended.
type Panic struct {
	SkipEndCalls bool `json:"skip_end_calls,omitempty"` // the server is not called: its meetings are only forgotten
	KeepState    bool `json:"keep_state,omitempty"`     // it is not disabled
}

// Panicked is the outcome.
type Panicked struct {
	Server
	Ended int `json:"ended"`
	// Forgotten are the meetings that the server was not asked to end, or did not: they may go on there. What it was asked
	// to end it ends when it answers again.
	Forgotten int      `json:"forgotten"`
	Failed    []string `json:"failed"` // what a server did not end, or show, with the reason; claims are closed all the same
}

// Sync asks for the pool to have exactly the servers of a list.
type Sync struct {
	Mode    string       `json:"mode,omitempty"` // what becomes of servers that are not listed: keep, cordon (default) or force
	DryRun  bool         `json:"dry_run,omitempty"`
	Servers []SyncServer `json:"servers"`
}

// SyncServer is a server as it should be.
type SyncServer struct {
	ID      string       `json:"id"`
	URL     string       `json:"url"`
	Secret  store.Secret `json:"secret"`
	Enabled bool         `json:"enabled"` // false cordons it if it is enabled
	Weight  float64      `json:"weight"`
	Tag     string       `json:"tag"`
}

// Synced is what a sync has done, or would do.
type Synced struct {
	DryRun  bool         `json:"dry_run"`
	Changes []SyncChange `json:"changes"` // none where everything is as listed
	// Warning is what somebody should know of all of it, as that no server takes new meetings afterwards.
	Warning string `json:"warning,omitempty"`
}

// SyncChange is what has become of one server. Secrets are shown as ***.
type SyncChange struct {
	ID     string   `json:"id"`
	Action string   `json:"action"` // created, updated, enabled, cordoned, removed or failed
	Fields []string `json:"fields"` // what was changed, as "weight: 1 -> 2"
	Error  string   `json:"error,omitempty"`
	// Meetings are those that end with a server that is removed by force, and People who is in them.
	Meetings int `json:"meetings,omitempty"`
	People   int `json:"people,omitempty"`
	// Warning is what somebody should know although it was done, as that the server cannot be reached.
	Warning string `json:"warning,omitempty"`
}

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

// Explained tells why a meeting is, or was, where it is.
type Explained struct {
	MeetingID string        `json:"meetingID"`
	Tenant    string        `json:"tenant"`
	Sessions  []ExplainedAt `json:"sessions"` // newest first; the first may go on
}

// ExplainedAt is one session of a room and the decision that it began with.
type ExplainedAt struct {
	InternalID string     `json:"internalMeetingID"`
	Server     string     `json:"server"`
	Start      time.Time  `json:"start"`
	End        *time.Time `json:"end"`    // null while it goes on
	People     int        `json:"people"` // now, or 0 when it is over
	Peak       int        `json:"peak"`
	Joins      int        `json:"joins"`
	Reason     string     `json:"reason"` // why it is over
	Recorded   bool       `json:"recorded"`
	Why        string     `json:"why"`      // in one line
	Decision   *Decision  `json:"decision"` // null for a meeting that was found on its server
	// OfflineSince is since when its server has been offline; null while it is not, and once the session is over.
	OfflineSince *time.Time `json:"offline_since"`
}

// Decision is the numbers that a server was chosen by.
type Decision struct {
	Here     int     `json:"here"`
	Expected float64 `json:"expected"`
	Kept     float64 `json:"kept"`
	Own      float64 `json:"own"`
	Basis    string  `json:"basis"`
	Weight   float64 `json:"weight"`
	Next     string  `json:"next"`
	NextAt   float64 `json:"next_at"`
}

// TenantChange asks for a tenant to be changed. What is nil stays.
type TenantChange struct {
	Tag         *string `json:"tag,omitempty"`
	IgnoreHints *bool   `json:"ignore_hints,omitempty"`
	// DropGenerated forgets the secret that was made on the first start. The environment must give another.
	DropGenerated bool `json:"drop_generated,omitempty"`
}
