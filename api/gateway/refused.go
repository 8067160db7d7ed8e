package gateway

import (
	"errors"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// refusals remembers which meetings no server could take a moment ago: whoever is sent to such a meeting all the same is
// told why there is none.
type refusals struct {
	mu       sync.Mutex
	meetings refusedCreates
}

// refusedCreates are creates by their meetings.
type refusedCreates map[store.MeetingKey]refusedCreate

// refusedCreate is what a create was told, and until when that is of interest.
type refusedCreate struct {
	err   *bbb.Error
	until time.Time
}

const (
	refusalTime  = 5 * time.Minute
	mostRefusals = 1000
)

// causes are the errors of creates that no server could take, as they are counted.
var causes = map[*bbb.Error]string{errFull: causeFull, errNoTag: causeTag, bbb.ErrUnavailable: causeNone}

// note takes note of how a create has ended, and returns why it was refused, or "".
func (r *refusals) note(key store.MeetingKey, err error, now time.Time) (cause string) {
	told, _ := errors.AsType[*bbb.Error](err)
	cause = causes[told]
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.meetings, key)
	}
	if cause == "" {
		return ""
	}
	if len(r.meetings) >= mostRefusals {
		r.meetings.makeRoom(now)
	}
	if r.meetings == nil {
		r.meetings = refusedCreates{}
	}
	r.meetings[key] = refusedCreate{told, now.Add(refusalTime)}
	return cause
}

// makeRoom makes room for another one: what is over goes, or else any.
func (m refusedCreates) makeRoom(now time.Time) {
	var last store.MeetingKey
	for key, was := range m {
		if last = key; now.After(was.until) {
			delete(m, key)
		}
	}
	if len(m) >= mostRefusals {
		delete(m, last)
	}
}

// why returns what the last create of a meeting was told, if that was not long ago.
func (r *refusals) why(key store.MeetingKey, now time.Time) *bbb.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, ok := r.meetings[key]; ok && now.Before(was.until) {
		return was.err
	}
	return nil
}
