// Package reload owns that a change of the records is in force at every instance: whoever changes something that others keep in
// memory says what, and they read it again.
//
// [Notices] read again what they are told has changed, a part at a time, and tell other instances of it in frames; how frames
// get there is not known here. A read that fails is tried again until it succeeds, and what was read before stays in force
// meanwhile. A notice says what has changed and never what it has become: what is in force is always what is stored, so that
// notices that come twice, late or in another order do no harm. The package knows no part: it never reads a record itself.
package reload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// What can be read again.
const (
	Servers = "servers" // the records of servers
	Tenants = "tenants" // tenants and their secrets
	Tokens  = "tokens"  // those of administration
	Hooks   = "hooks"   // webhooks
	Spool   = "spool"   // what lies there: an archive has come in at another instance
)

const (
	kind = "reload"
	// maxFrame and maxParts bound what is taken from another instance.
	maxFrame = 4 << 10
	maxParts = 32
	// again is how soon a read is tried again that has failed.
	again = time.Second
)

// Notices tell of changes, and follow those they are told of. The exported fields must be set before they are used.
type Notices struct {
	// Parts reads again what is called so. Where it fails everything must stay as it was.
	Parts map[string]func(ctx context.Context) error
	Log   zerolog.Logger
	// Report sends a frame to the instance that decides; nil where this is the only one.
	Report func(frame []byte)

	mu    sync.Mutex
	parts map[string]*part
	told  map[int]func(frame []byte) // who is told of changes
	next  int                        // the number of the next of them
}

// part is how far one of the parts is. It is guarded by the lock of all.
type part struct {
	heard, read uint64        // how often it was heard to have changed, and how much of that was read
	bell        chan struct{} // rings when there is something to be read
}

// frame is what instances tell each other. Names that one of them does not know are passed over: it may be older.
type frame struct {
	Kind string   `json:"kind"`
	What []string `json:"what"`
}

// encode makes a frame.
func encode(what []string) []byte {
	text, err := json.Marshal(frame{kind, what})
	if err != nil {
		return nil // a struct of texts: cannot be
	}
	return text
}

// decode reads a frame. One of another kind says nothing.
func decode(text []byte) ([]string, error) {
	if len(text) > maxFrame {
		return nil, fmt.Errorf("a notice of %d bytes: at most %d", len(text), maxFrame)
	}
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("read a notice: %w", err)
	}
	if f.Kind != kind {
		return nil, nil
	}
	return f.What[:min(len(f.What), maxParts)], nil
}

// Reload reads parts again, without names all of them, and then has other instances do so.
func (n *Notices) Reload(ctx context.Context, what ...string) error {
	if len(what) == 0 {
		what = n.names()
	}
	var errs []error
	for _, name := range what {
		if read := n.Parts[name]; read != nil {
			if err := read(ctx); err != nil {
				errs = append(errs, fmt.Errorf("read %s again: %w", name, err))
			}
		}
	}
	n.Changed(what...)
	return errors.Join(errs...)
}

// names are those of all parts.
func (n *Notices) names() []string { return slices.Sorted(maps.Keys(n.Parts)) }

// Changed tells other instances that something has changed, which is in force here already.
func (n *Notices) Changed(what ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := encode(what)
	for _, send := range n.told {
		send(text)
	}
}

// Elsewhere tells the instance that decides that something has come to be here.
func (n *Notices) Elsewhere(what ...string) {
	if n.Report != nil {
		n.Report(encode(what))
	}
}

// Tell has changes told to another instance from now on, and first that all may have changed, until stop.
func (n *Notices) Tell(send func(frame []byte)) (stop func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := n.next
	n.next++
	if n.told == nil {
		n.told = map[int]func(frame []byte){}
	}
	n.told[id] = send
	send(encode(n.names()))
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.told, id)
	}
}

// Hear takes what the instance that decides tells of changes. What they are is read by Run.
func (n *Notices) Hear(text []byte, _ bool) error {
	what, err := decode(text)
	if err != nil {
		return err
	}
	n.want(what)
	return nil
}

// Want has parts read again by Run, which then tells others of it: for whoever must not wait, or hears of a change that was made
// elsewhere.
func (n *Notices) Want(what ...string) {
	n.want(what)
	n.Changed(what...)
}

// Take takes what another instance tells the one that decides, which is this one.
func (n *Notices) Take(text []byte) error { return n.Hear(text, false) }

// want notes what is to be read again.
func (n *Notices) want(what []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range what {
		if n.Parts[name] == nil {
			continue
		}
		p := n.part(name)
		p.heard++
		select {
		case p.bell <- struct{}{}:
		default:
		}
	}
}

// part is how far one is. The lock is held.
func (n *Notices) part(name string) *part {
	if n.parts == nil {
		n.parts = map[string]*part{}
	}
	if n.parts[name] == nil {
		n.parts[name] = &part{bell: make(chan struct{}, 1)}
	}
	return n.parts[name]
}

// Behind tells whether any of these was heard to have changed, and was not read since.
func (n *Notices) Behind(what ...string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(what, func(name string) bool { return n.part(name).read < n.part(name).heard })
}

// Run reads again what was heard to have changed, until ctx ends. It runs in every instance, whoever decides. Each part is read
// by itself: what is in a database that hangs keeps nobody from reading what is in another one.
func (n *Notices) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, name := range n.names() {
		all.Go(func() { n.follow(ctx, name) })
	}
	all.Wait()
	return nil
}

// follow reads a part again whenever it is heard to have changed, and soon where that has failed.
func (n *Notices) follow(ctx context.Context, name string) {
	n.mu.Lock()
	bell := n.part(name).bell
	n.mu.Unlock()
	for {
		var late <-chan time.Time
		if n.read(ctx, name) {
			late = time.After(again)
		}
		select {
		case <-ctx.Done():
			return
		case <-bell:
		case <-late:
		}
	}
}

// read reads a part again if that is to be, and tells whether it is to be tried once more.
func (n *Notices) read(ctx context.Context, name string) (retry bool) {
	n.mu.Lock()
	heard, read := n.part(name).heard, n.part(name).read
	n.mu.Unlock()
	if read == heard {
		return false
	}
	err := n.Parts[name](ctx)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		n.Log.Warn().Err(err).Str("what", name).Msg("a change cannot be read: what was read before stays in force")
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.part(name).read = heard // what was heard meanwhile has rung the bell
	return false
}
