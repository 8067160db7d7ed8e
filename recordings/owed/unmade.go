package owed

import (
	"slices"
	"strings"
	"sync"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// stock are the formats that BigBlueButton has scripts for. Which of them a server makes is known once it has told of some.
var stock = []string{"notes", "podcast", "presentation", "screenshare", "video"}

// mostFormats is how many formats of a server are remembered. One that tells of more is not believed to lack any.
const mostFormats = 64

// mostNoted is how long a list of formats may be that anybody means.
const mostNoted = 256

// makers are the formats that servers have told of since the start, by server. They are kept in memory alone, and told again at
// the next look.
type makers struct {
	mu sync.Mutex
	of map[string][]string
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
	off := switchedOff(c.Unmade)
	if len(off) == 0 || len(c.Unmade) > mostNoted {
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
