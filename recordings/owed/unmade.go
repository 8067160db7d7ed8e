package owed

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// stock are the formats that BigBlueButton has scripts for. Which of them a server makes is known once it has told of some.
var stock = []string{"notes", "podcast", "presentation", "screenshare", "video"}

// mostFormats is how many formats of a server are remembered. One that tells of more is not believed to lack any.
const mostFormats = 64

// mostNotes is how many meetings are remembered that have formats switched off, and mostNoted how long such a list may be. What
// has no room is owed like any other recording, and forgotten a day after its server has said that there is none.
const (
	mostNotes = 10_000
	mostNoted = 256
)

// makers are the formats that servers have told of since the start, by server, and those that creates have switched off, by the
// internal ID of the meeting. Both are kept in memory alone: a front end repeats its creates, so that what was lost with a
// restart is mostly known again when the meeting ends, and where it is not the recording is looked for in vain.
type makers struct {
	mu    sync.Mutex
	of    map[string][]string
	notes map[string]note
	swept time.Time // when what is long over was looked for last
}

// note is what a create has switched off, and when it said so.
type note struct {
	formats []string
	at      time.Time
}

// Unmade notes which formats of its recording a create has switched off, as it says them. The first create of a meeting is the
// one that its server goes by.
func (d *Debts) Unmade(internalID, formats string) {
	if off := switchedOff(formats); len(formats) <= mostNoted && len(off) > 0 && internalID != "" {
		d.makers.note(internalID, note{off, d.Now()})
	}
}

func (m *makers) note(internalID string, n note) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.notes[internalID]; known {
		return
	}
	if len(m.notes) >= mostNotes && n.at.Sub(m.swept) > time.Minute {
		m.swept = n.at
		for id, was := range m.notes {
			if n.at.Sub(was.at) > rawKept {
				delete(m.notes, id)
			}
		}
	}
	if len(m.notes) >= mostNotes {
		return
	}
	if m.notes == nil {
		m.notes = map[string]note{}
	}
	m.notes[internalID] = n
}

// learn takes note of what a server has told of.
func (m *makers) learn(server string, told store.Recording) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of[server]
	for _, name := range record.FormatNames(told) {
		if !slices.Contains(known, name) && len(known) < mostFormats {
			known = append(known, name)
		}
	}
	if m.of == nil {
		m.of = map[string][]string{}
	}
	if len(known) > 0 {
		m.of[server] = known
	}
}

// makesNothing tells whether a server makes no format of a meeting's recording, because the create has switched off all that it
// makes. Then nothing is owed: the server would never tell of it, and it would be looked for in vain. Where it is not known
// what a server makes, that is any format there is. A server that is too old to know of the switch, or makes a format that it
// has not told of yet, sends its recording all the same, and that is taken in like any other.
func (m *makers) makesNothing(c store.Claim) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	off := m.notes[c.InternalID].formats
	if len(off) == 0 {
		return false
	}
	made := m.of[c.Server]
	switch {
	case len(made) == 0:
		made = stock
	case len(made) >= mostFormats:
		return false
	}
	return !slices.ContainsFunc(made, func(name string) bool { return !slices.Contains(off, name) })
}

// switchedOff reads such a list as BigBlueButton does: "video,notes" or "[video, notes]".
func switchedOff(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("[],\"' \t", r) })
}
