// Package mark leaves a note in a store that it is not to be used: it is being filled and is not whole yet, or what it had was
// moved elsewhere. Whoever opens stores looks for it, and whoever moves records puts it there first and takes it away last.
//
// The note is made of records that every adapter keeps: in the State a write that waits, in the Index something that happened
// to a server, both under a name that nothing else has. So it is in the store itself, wherever that is, and a store that is
// reached from several machines says the same to all of them. The package never opens a store, and never decides what to do
// about a note.
package mark

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// What a note says.
const (
	// Unfinished: the store is being filled, or was when whoever did it ended. It is not whole.
	Unfinished = "unfinished"
	// Moved: what is there is whole, and was taken elsewhere. It has gone on there since.
	Moved = "moved"
)

// Mark is a note. The zero value is none.
type Mark struct {
	What string    `json:"what"` // Unfinished or Moved; what a later version says is neither, and no less a note
	By   string    `json:"by"`   // what was done, in words, as "restore of /backups/pool.bbbpool", or where things are now
	At   time.Time `json:"at"`
}

// name sorts before the names of all that waits, and no server can have it.
const name = "!bbbpool-home"

// Row tells whether a row is a note, and no record of a pool.
func Row(r store.Row) bool {
	return string(r.Key) == name && (r.Kind == "waiting" || r.Kind == "events")
}

// Hides tells whether a row would stand before a note, so that nobody would find that: no write that waits is called so.
func Hides(r store.Row) bool { return r.Kind == "waiting" && string(r.Key) < name }

// OfState returns the note in a State.
func OfState(ctx context.Context, s store.Waiting) (Mark, error) {
	first, err := s.Waiting(ctx, 1)
	if err != nil || len(first) == 0 || first[0].ID != name {
		return Mark{}, err
	}
	return read(string(first[0].Data)), nil
}

// OfIndex returns the note in an Index.
func OfIndex(ctx context.Context, s store.Events) (Mark, error) {
	all, err := s.Events(ctx)
	if err != nil || len(all[name]) == 0 {
		return Mark{}, err
	}
	return read(all[name][0].Text), nil
}

// read never takes a note for none: one that cannot be read says at least that the store is not to be used.
func read(text string) (m Mark) {
	if json.Unmarshal([]byte(text), &m) != nil || m.What == "" {
		return Mark{What: Unfinished}
	}
	return m
}

// state is what a note in a State is made of.
type state interface {
	store.Waiting
	store.Whole
}

// OnState leaves a note in a State, in the place of one that is there. The zero one takes it away.
func OnState(ctx context.Context, s state, m Mark) error {
	if m == (Mark{}) {
		return s.DeleteWaiting(ctx, name)
	}
	row, err := rows.Waiting.Row(store.Wait{ID: name, Call: "none", Data: m.text()})
	if err != nil {
		return err
	}
	return s.Load(ctx, []store.Row{row}) // in one step, so that there is a note at any moment
}

// OnIndex leaves a note in an Index, in the place of one that is there. The zero one takes it away.
func OnIndex(ctx context.Context, s store.Events, m Mark) error {
	if m == (Mark{}) {
		return s.KeepEvents(ctx, name, nil)
	}
	return s.KeepEvents(ctx, name, []store.Event{{At: m.At, Kind: "none", Text: string(m.text())}})
}

func (m Mark) text() []byte {
	text, err := json.Marshal(m)
	if err != nil { // a time of a year that JSON has no form for: it is a note in any case
		return []byte(m.What)
	}
	return text
}
