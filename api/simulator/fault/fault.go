package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Kind says what is wrong with a server.
type Kind string

// The kinds of faults; the package comment tells them apart.
const (
	Refuse      Kind = "refuse"
	BlackHole   Kind = "black-hole"
	Hang        Kind = "hang"
	Slow        Kind = "slow"
	ServerError Kind = "5xx"
	Garbage     Kind = "garbage"
	Truncated   Kind = "truncated"
	Malformed   Kind = "malformed"
)

var kinds = []Kind{Refuse, BlackHole, Hang, Slow, ServerError, Garbage, Truncated, Malformed}

// Fault is something that is wrong with a server.
type Fault struct {
	Kind   Kind
	Calls  []string      // the calls it concerns, as [Port.Answer] is told them; none: all
	Delay  time.Duration // of Slow
	Status int           // of ServerError; 0 is 500
}

// check tells what is wrong with the fault itself.
func (f *Fault) check() error {
	if f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("fault %q: want one of %v", f.Kind, kinds)
	case f.Status < 500 || f.Status > 599:
		return fmt.Errorf("status %d: want one from 500 to 599", f.Status)
	case f.Delay < 0 || f.Delay > time.Hour:
		return fmt.Errorf("delay %v: want one from 0 to 1h", f.Delay)
	case len(f.Calls) > 0 && (f.Kind == Refuse || f.Kind == BlackHole):
		return fmt.Errorf("fault %q: concerns all calls; leave out the list", f.Kind)
	}
	return nil
}

// faultJSON is how a fault looks on the control port.
type faultJSON struct {
	Kind   Kind     `json:"kind"`
	Calls  []string `json:"calls,omitempty"`
	Delay  string   `json:"delay,omitempty"`
	Status int      `json:"status,omitempty"`
}

// MarshalJSON writes the delay as people write it: "8s".
func (f Fault) MarshalJSON() ([]byte, error) {
	j := faultJSON{Kind: f.Kind, Calls: f.Calls}
	if f.Kind == Slow {
		j.Delay = f.Delay.String()
	}
	if f.Kind == ServerError {
		j.Status = f.Status
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(b []byte) error {
	var j faultJSON
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return err
	}
	*f = Fault{Kind: j.Kind, Calls: j.Calls, Status: j.Status}
	if j.Delay == "" {
		return nil
	}
	var err error
	f.Delay, err = time.ParseDuration(j.Delay)
	return err
}
