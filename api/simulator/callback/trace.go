package callback

import (
	"slices"
	"sync"
	"time"
)

// maxTraces is how many traces a server keeps; the oldest go.
const maxTraces = 200

// Outcome is what became of an attempt.
type Outcome string

// The outcomes of attempts.
const (
	Answered   Outcome = "answered"   // as it should be
	Failed     Outcome = "failed"     // it is sent again at the time of Again, if there is one
	Refused    Outcome = "refused"    // the rules forbid the address: it is never called
	Suppressed Outcome = "suppressed" // a fault kept it back, or the queue was full
)

// Trace is what a server's log says of one attempt to call back.
type Trace struct {
	At      time.Time  `json:"at"`
	Kind    Kind       `json:"kind"`
	Meeting string     `json:"meeting,omitempty"` // its meetingID
	Event   string     `json:"event,omitempty"`   // of a hook
	URL     string     `json:"url"`
	Attempt int        `json:"attempt"` // 1 is the first
	Outcome Outcome    `json:"outcome"`
	Status  int        `json:"status,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Again   *time.Time `json:"again,omitempty"`
}

// Traces are the last traces of a server. Its methods are safe for concurrent use.
type Traces struct {
	mu   sync.Mutex
	list []Trace
}

// Add keeps a trace.
func (t *Traces) Add(trace Trace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) >= maxTraces {
		t.list = slices.Delete(t.list, 0, len(t.list)-maxTraces+1)
	}
	t.list = append(t.list, trace)
}

// All returns the traces, the oldest first.
func (t *Traces) All() []Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Trace{}, t.list...)
}
