package callback

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// FaultKind says what is wrong with callbacks.
type FaultKind string

// What can go wrong with callbacks that come up from then on.
const (
	Twice     FaultKind = "twice"     // everything is told twice
	Never     FaultKind = "never"     // nothing is told
	Late      FaultKind = "late"      // it is told after the delay
	Missigned FaultKind = "missigned" // it is signed with another secret; what bears no signature cannot be
)

var faultKinds = []FaultKind{Twice, Never, Late, Missigned}

// maxDelay is how late callbacks can be.
const maxDelay = 24 * time.Hour

// Fault is something that is wrong with callbacks.
type Fault struct {
	Kind      FaultKind
	Delay     time.Duration // of Late
	Callbacks []Kind        // those that it concerns; none: all
}

func (f *Fault) check() error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("fault %q: want one of %v", f.Kind, faultKinds)
	}
	if f.Delay < 0 || f.Delay > maxDelay || (f.Delay > 0) != (f.Kind == Late) {
		return fmt.Errorf("delay %v: want one up to %v for %q, and none for others", f.Delay, maxDelay, Late)
	}
	for _, k := range f.Callbacks {
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("callback %q: want some of %v", k, kinds)
		}
		if f.Kind == Missigned && (k == KindEnd || k == KindMarks) {
			return fmt.Errorf("callback %q: it bears no signature", k)
		}
	}
	return nil
}

// faultJSON is how a fault looks on the control port.
type faultJSON struct {
	Kind      FaultKind `json:"kind"`
	Delay     string    `json:"delay,omitempty"`
	Callbacks []Kind    `json:"callbacks,omitempty"`
}

// MarshalJSON writes the delay as people write it: "30s".
func (f Fault) MarshalJSON() ([]byte, error) {
	j := faultJSON{Kind: f.Kind, Callbacks: f.Callbacks}
	if f.Delay > 0 {
		j.Delay = f.Delay.String()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(b []byte) (err error) {
	var j faultJSON
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return err
	}
	*f = Fault{Kind: j.Kind, Callbacks: j.Callbacks}
	if j.Delay != "" {
		f.Delay, err = time.ParseDuration(j.Delay)
	}
	return err
}

// Faults are what is wrong with the callbacks of a server: at most one thing with each kind. Its methods are safe for concurrent
// use.
type Faults struct {
	mu sync.Mutex
	of map[Kind]Fault
}

// Set makes something go wrong from now on, with callbacks of some kinds or of all, instead of what went wrong with those.
func (f *Faults) Set(fault Fault) error {
	if err := fault.check(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = map[Kind]Fault{}
	}
	concerned := fault.Callbacks
	if len(concerned) == 0 {
		concerned = kinds
	}
	for _, k := range concerned {
		f.of[k] = Fault{Kind: fault.Kind, Delay: fault.Delay}
	}
	return nil
}

// Heal has callbacks of some kinds, or of all where none is named, made as they should be from now on.
func (f *Faults) Heal(healed ...Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.of, func(k Kind, _ Fault) bool { return len(healed) == 0 || slices.Contains(healed, k) })
}

// Of returns what is wrong with callbacks of a kind: the zero Fault is nothing.
func (f *Faults) Of(k Kind) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.of[k]
}

// All returns what is wrong, by kind of callback.
func (f *Faults) All() map[Kind]Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.of)
}

// Key returns what callbacks of a kind are signed with: a server's secret, or one that nobody knows.
func (f *Faults) Key(k Kind, secret bbb.Secret) bbb.Secret {
	if f.Of(k).Kind == Missigned {
		return bbb.Secret(rooms.RandomText(40, rooms.Alphanumeric))
	}
	return secret
}
