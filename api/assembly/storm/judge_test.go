package storm_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// judge compares what front ends were told with what they are to be told.
type judge struct {
	*world
	fronts *fronts
	rooms  []*room

	retried int // imports

	heard []*heard
	rows  map[string]v1.Callback
}

const (
	// unwritten is how long before its end a process may have heard an answer that it has not written down, and how long it may
	// take until a row is seen that was to be written. Where its records are elsewhere a write may take as long as the outbox waits.
	unwritten, unwrittenElsewhere = 2 * time.Second, 5 * time.Second
	// unheard is how long after its end something that a process has sent may be heard and answered.
	unheard = time.Second
)

// judge holds the pool to all that it has promised.
func (j *judge) judge() {
	j.t.Helper()
	j.heard = j.fronts.all()
	slices.SortStableFunc(j.heard, func(a, b *heard) int {
		if a.epoch != b.epoch && j.successive { // however late a request of one that was killed was heard
			return a.epoch - b.epoch
		}
		return a.at.Compare(b.at)
	})
	j.list()
	j.sound()
	j.again()
	j.order()
	sessions := 0
	for _, r := range j.rooms {
		for _, s := range r.sessions {
			sessions++
			j.session(r, s)
		}
		j.recordings(r)
	}
	j.calls.mu.Lock()
	made, took := j.calls.made, len(j.calls.took)
	j.calls.mu.Unlock()
	j.t.Logf("%d sessions, %d calls of servers, %d of these taken, %d callbacks, %d requests to front ends, %d imports retried",
		sessions, made, took, len(j.rows), len(j.heard), j.retried)
}

// list reads the whole outbox, in which nothing waits any more.
func (j *judge) list() {
	j.t.Helper()
	j.rows = map[string]v1.Callback{}
	for after := ""; ; {
		page, err := j.admin().Callbacks.List(j.t.Context(), v1.CallbackFilter{After: after, Limit: 1000})
		if err != nil {
			j.t.Fatal(err)
		}
		for _, row := range page {
			j.rows[row.ID] = row
			after = row.ID
		}
		if len(page) < 1000 {
			return
		}
	}
}

// sound checks each request for itself: it is to whom it is for, and signed by his tenant.
func (j *judge) sound() {
	for _, h := range j.heard {
		row, known := j.rows[h.id]
		switch {
		case h.wrong != "":
			j.t.Errorf("%s is told %s: %s", h.lane, h.what, h.wrong)
		case !known:
			j.t.Errorf("%s is told %s by %q, of which the outbox has nothing", h.lane, h.what, h.id)
		case row.Tenant != h.tenant || row.MeetingID != h.room || row.Kind != h.what:
			j.t.Errorf("%s is told %s by what is %s of %s %s", h.lane, h.what, row.Kind, row.Tenant, row.MeetingID)
		case h.secret != "" && h.secret != secretOf(h.mood) && h.mood != picky && h.mood != refusing:
			j.t.Errorf("%s is told %s, signed by %s", h.lane, h.what, h.secret)
		}
	}
}

// again checks that nothing is sent again that its receiver has taken or refused for good, unless the process was killed, or had
// to leave the decisions to another one, before it could write that down.
func (j *judge) again() {
	settled := map[string]*heard{}
	taken, ended := 0, 0
	for _, h := range j.heard {
		before := settled[h.id]
		if h.final() {
			settled[h.id] = h
		}
		if before == nil {
			continue
		}
		if taken++; before.status == http.StatusGone {
			taken--
			ended++
		}
		if !j.lapsed(before, h) {
			j.t.Errorf("%s is told %s by process %d although process %d was answered %d", h.lane, h.what, h.epoch,
				before.epoch, before.status)
		}
	}
	j.t.Logf("sent again as the process was killed behind the answer: %d that were taken, %d refused for good", taken, ended)
}

// lapsed tells whether what was answered before may be sent again: whoever heard the answer ceased to be before it could write
// it down, and before it was sent again.
func (j *judge) lapsed(before, h *heard) bool {
	most := unwritten
	if !j.successive {
		most = unwrittenElsewhere
	}
	return slices.ContainsFunc(j.lapses(before.epoch), func(l lapse) bool {
		return !l.from.After(h.at) && l.from.Sub(before.answered) <= most && before.answered.Sub(l.to) <= unheard
	})
}

// overtaken tells whether something older may come behind something newer: with several instances, where it was being written
// when the newer one was sent, or its sender had ceased to decide and is heard late.
func (j *judge) overtaken(newer, older *heard) bool {
	if j.successive {
		return false
	}
	late := slices.ContainsFunc(j.lapses(older.epoch), func(l lapse) bool {
		return older.epoch != newer.epoch && !l.from.After(older.at) && older.at.Sub(l.to) <= unheard
	})
	return late || newer.at.Sub(j.rows[older.id].Created) <= unwritten
}

// order checks that of what goes to one address nothing older comes behind something newer.
func (j *judge) order() {
	newest := map[string]*heard{}
	for _, h := range j.heard {
		before := newest[h.lane]
		if before == nil {
			newest[h.lane] = h
			continue
		}
		was, is := j.rows[before.id].Created, j.rows[h.id].Created
		if is.Before(was) && before.id != h.id && j.overtaken(before, h) {
			j.t.Logf("%s is told %s of %s behind what is newer by %v", h.lane, h.what, j.rows[h.id].Subject, was.Sub(is))
			continue
		}
		if is.Before(was) && before.id != h.id {
			j.t.Errorf("%s is told %s of %s (row of %s) behind %s of %s (row of %s), by processes %d and %d", h.lane,
				h.what, j.rows[h.id].Subject, is.Format(time.StampMilli), before.what, j.rows[before.id].Subject, was.Format(time.StampMilli), h.epoch, before.epoch)
			continue
		}
		newest[h.lane] = h
	}
}

// unwritten tells whether it may not have been written down what a server has made: it was while Redis was cut, or the lease was
// lost. That is in memory alone until a poll has seen it, and who takes over may never know of a meeting that does not last.
func (j *judge) unwritten(s *session) bool { return j.away(s.asked, s.answered) }

// session checks that all was told of a meeting, each thing once.
func (j *judge) session(r *room, s *session) {
	what := []string{"ended", "end"}
	if !j.calls.taken(s.internal).IsZero() {
		what = append(what, "analytics")
	}
	for _, kind := range what {
		ids, final := map[string]bool{}, 0
		for _, h := range j.heard {
			if about, _, _ := strings.Cut(j.rows[h.id].Subject, "~"); h.tenant != r.tenant.id || h.what != kind || about != s.internal {
				continue
			}
			if !ids[h.id] {
				j.marks(r, s, h)
			}
			ids[h.id] = true
			if h.final() {
				final++
			}
		}
		if len(ids) == 0 && j.unwritten(s) {
			j.t.Logf("%s %s session %d, which was begun while nothing could be written, is not told %s", r.tenant.id, r.id, s.n, kind)
		} else if len(ids) != 1 || final == 0 {
			j.t.Errorf("%s %s session %d (%s) is told %s by %d callbacks and has taken it %d times: %s",
				r.tenant.id, r.id, s.n, s.internal, kind, len(ids), final, j.subjects(ids))
		}
	}
}

// subjects are what callbacks are about, and when each was written.
func (j *judge) subjects(ids map[string]bool) string {
	var list []string
	for id := range ids {
		row := j.rows[id]
		list = append(list, fmt.Sprintf("%s of %s at %s (%s)", row.Kind, row.Subject, row.Created.Format(time.StampMilli), row.Reason))
	}
	return strings.Join(list, ", ")
}

// marks checks what is said of record marks: people were in each meeting, so that one that is recorded has them. What its server
// could not tell nobody knows, nor what could not be written down, nor what comes while the end is on its way, which takes a while
// on a machine that has much to do.
func (j *judge) marks(r *room, s *session, h *heard) {
	if h.what != "end" {
		return
	}
	told := j.calls.taken(s.marks)
	known := !told.IsZero() && told.Before(h.at.Add(-3*time.Second)) && !j.away(s.asked, h.at)
	if want := fmt.Sprint(s.recorded); h.marks != want && (!s.recorded || known) {
		j.t.Errorf("%s %s session %d: marks of %s are %q, want %q", r.tenant.id, r.id, s.n, s.internal, h.marks, want)
	}
}

// recordings checks that all recordings of a room have come and been told of, each once.
func (j *judge) recordings(r *room) {
	body := j.call(r.tenant, "one", "getRecordings", url.Values{"meetingID": {r.id}})
	for _, s := range r.sessions {
		if !s.recorded {
			continue
		}
		if !strings.Contains(body, "<recordID>"+s.internal+"</recordID>") && !j.unwritten(s) {
			j.t.Errorf("%s has no recording of session %d, %s", r.id, s.n, s.internal)
		}
		ids, final := map[string]bool{}, 0
		for _, h := range j.heard {
			if h.tenant != r.tenant.id || h.room != r.id || h.what != "ready" || h.record != s.internal {
				continue
			}
			ids[h.id] = true
			if h.final() {
				final++
			}
		}
		if len(ids) == 0 && j.unwritten(s) {
			j.t.Logf("%s %s session %d, which was begun while nothing could be written: its recording is not told of", r.tenant.id, r.id, s.n)
		} else if len(ids) != 1 || final == 0 {
			j.t.Errorf("%s %s session %d, recording %s is told by %d callbacks and was taken %d times", r.tenant.id, r.id, s.n, s.internal,
				len(ids), final)
		}
	}
}
