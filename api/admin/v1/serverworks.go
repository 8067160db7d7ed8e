package v1

import (
	"context"
	"net/http"
	"time"
)

// Trial asks for a server to be tested.
type Trial struct {
	Meetings    int  `json:"meetings,omitempty"`    // of the load test; 0 tests without load
	Concurrency int  `json:"concurrency,omitempty"` // how many at once
	Admit       bool `json:"admit,omitempty"`       // enable it if it is disabled, passes, and was never admitted
}

// The levels of a [TrialCheck].
const (
	Pass    = "pass"
	Warning = "warning" // it can carry meetings, and something wants looking at
	Fail    = "fail"    // it cannot carry meetings
	Skipped = "skipped" // does not apply, or could not be tried because of what failed before
)

// Tried is the outcome of a test.
type Tried struct {
	Passed    bool         `json:"passed"` // nothing failed; there may be warnings
	URL       string       `json:"url"`
	Version   string       `json:"version,omitempty"`   // of BigBlueButton, where it reveals it
	Algorithm string       `json:"algorithm,omitempty"` // the best one that it accepts
	Expires   time.Time    `json:"expires,omitzero"`    // its certificate; none over http
	SkewMS    float64      `json:"skew_ms"`             // its clock minus ours; 0 where that is unknown
	Checks    []TrialCheck `json:"checks"`              // always all of them, in the order in which they are tried
	Load      *LoadReport  `json:"load,omitempty"`
	Admitted  bool         `json:"admitted"` // the test has let the server into the pool
}

// TrialCheck is one thing that was tried.
type TrialCheck struct {
	Name      string  `json:"name"`
	Level     string  `json:"level"`
	Detail    string  `json:"detail"`               // what was found and, where that is bad, what to do
	LatencyMS float64 `json:"latency_ms,omitempty"` // of the call that it took
}

// LoadReport is what a load test found.
type LoadReport struct {
	Meetings    int           `json:"meetings"` // that were tried
	Concurrency int           `json:"concurrency"`
	Failed      int           `json:"failed"`          // meetings of which some call failed
	Error       string        `json:"error,omitempty"` // the first one
	Calls       []CallLatency `json:"calls"`
	Verdict     string        `json:"verdict"` // in words, with what to do
}

// CallLatency is how long the calls of a kind took, in milliseconds.
type CallLatency struct {
	Call   string  `json:"call"`
	Count  int     `json:"count"` // that succeeded, which are those that were timed
	Failed int     `json:"failed"`
	P50    float64 `json:"p50_ms"`
	P95    float64 `json:"p95_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
	Pool   float64 `json:"pool_p50_ms,omitempty"` // of the other servers, where it is known
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
	ID      string  `json:"id"`
	URL     string  `json:"url,omitempty"`
	Secret  Secret  `json:"secret"`
	Enabled bool    `json:"enabled"` // false cordons it if it is enabled
	Weight  float64 `json:"weight,omitempty"`
	Tag     string  `json:"tag,omitempty"`
	Former  Secret  `json:"former,omitempty"` // that a new server may have as well, as its secret is being changed
}

// Synced is what a sync has done, or would do.
type Synced struct {
	DryRun  bool         `json:"dry_run"`
	Changes []SyncChange `json:"changes"` // none where everything is as listed
	// Warning is what somebody should know of all of it, as that no server takes new meetings afterwards.
	Warning string `json:"warning,omitempty"`
}

// SyncChange is what has become of one server, or of one tenant. Secrets are shown as ***.
type SyncChange struct {
	ID     string   `json:"id"`
	Action string   `json:"action"` // created, updated, enabled, cordoned, disabled, removed or failed
	Fields []string `json:"fields"` // what was changed, as "weight: 1 -> 2"
	Error  string   `json:"error,omitempty"`
	// Meetings are those that end with a server that is removed by force, and People who is in them.
	Meetings int `json:"meetings,omitempty"`
	People   int `json:"people,omitempty"`
	// Warning is what somebody should know although it was done, as that the server cannot be reached.
	Warning string `json:"warning,omitempty"`
}

// Test tests a server, and tells how far that is. A server that does not pass is no error.
func (s Servers) Test(ctx context.Context, id string, t Trial, tell func(Progress)) (Tried, error) {
	return follow[Tried](ctx, s.client, server(id)+"/test", t, tell)
}

// Drain lets a server keep its meetings until they are over, and disables it then. With Wait it returns when that
// is done, or ctx ends: then the server goes on draining.
func (s Servers) Drain(ctx context.Context, id string, d Drain, tell func(Progress)) (Drained, error) {
	if d.Wait {
		return follow[Drained](ctx, s.client, server(id)+"/drain", d, tell)
	}
	return call[Drained](ctx, s.client, http.MethodPost, server(id)+"/drain", nil, d)
}

// Panic ends all meetings on a server and disables it, and tells how far that is.
func (s Servers) Panic(ctx context.Context, id string, p Panic, tell func(Progress)) (Panicked, error) {
	return follow[Panicked](ctx, s.client, server(id)+"/panic", p, tell)
}

// Sync brings the pool in line with a list of servers, and tells how far that is.
func (s Servers) Sync(ctx context.Context, list Sync, tell func(Progress)) (Synced, error) {
	type revealed struct {
		SyncServer
		Secret string `json:"secret"` // takes the place of the one that will not be marshalled
		Former string `json:"former,omitempty"`
	}
	body := struct {
		Sync
		Servers []revealed `json:"servers"`
	}{Sync: list, Servers: []revealed{}}
	for _, listed := range list.Servers {
		body.Servers = append(body.Servers, revealed{listed, listed.Secret.Reveal(), listed.Former.Reveal()})
	}
	return follow[Synced](ctx, s.client, "/servers/sync", body, tell)
}
