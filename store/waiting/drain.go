package waiting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

const (
	page = 200 // entries that are read at once
	// markPrefix begins the IDs of sessions that are marks.
	markPrefix = "\x01bbbpool-once:"
	// marked is how long a mark stays: until nobody can have its entry at hand any more.
	marked = time.Hour
)

// moved is the reason of a stay that went on elsewhere, where the meeting counts.
const moved = "moved"

// errSettle is that it is too early to know what became of a write.
var errSettle = errors.New("whether it was written is not known yet")

// drain writes what waits, in order, until nothing does or the index is away.
func (x *Index) drain(ctx context.Context) {
	x.draining.Lock()
	defer x.draining.Unlock()
	err := x.drainAll(ctx)
	if ctx.Err() != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stuck = err
	if err == nil {
		x.looked = x.config.Now()
	}
}

func (x *Index) drainAll(ctx context.Context) error {
	unknown := 0
	for {
		list, err := x.config.Journal.Waiting(ctx, page+unknown)
		if err != nil {
			return err
		}
		if len(list) <= unknown {
			return x.drained(ctx, unknown)
		}
		unknown = 0
		for _, w := range list {
			known, err := x.do(ctx, w)
			if err != nil {
				return err
			}
			if !known {
				unknown++
				continue
			}
			if err := x.config.Journal.DeleteWaiting(ctx, w.ID); err != nil {
				return err
			}
			x.release(1, len(w.Data))
			x.meter.written.Add(1)
		}
	}
}

// drained says that nothing waits but what this version does not know. What has come in since the journal was found empty is
// counted again: it may be more, never less, for writes are queued behind what is counted.
func (x *Index) drained(ctx context.Context, unknown int) error {
	x.mu.Lock()
	counted := x.entries
	x.mu.Unlock()
	if counted == 0 {
		return nil
	}
	list, err := x.config.Journal.Waiting(ctx, unknown+1)
	if err != nil || len(list) > unknown {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.entries == counted {
		x.entries, x.bytes = 0, 0
		clear(x.events)
	}
	return nil
}

// recount counts again what waits, where another instance writes it: who went by what waited once would have all that it writes
// wait for ever, and would take the journal for full in the end. As many are looked at as limit says, and now and
// then all; where nothing is known to wait it is not looked for less than all.
func (x *Index) recount(ctx context.Context, limit int) (counted bool) {
	now, all := x.config.Now(), x.config.MaxEntries
	x.mu.Lock()
	before := x.entries
	if before > 0 && now.Sub(x.looked) >= others {
		limit, x.looked = max(limit, all), now
	}
	x.mu.Unlock()
	if before == 0 && limit < all || x.usable(ctx) != nil {
		return false
	}
	list, err := x.config.Journal.Waiting(ctx, limit)
	if err != nil || len(list) == limit && limit < all {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.entries != before {
		return false // something has come in since, and may not be among them
	}
	x.entries, x.bytes = len(list), 0
	for _, w := range list {
		x.bytes += len(w.Data)
	}
	if len(list) == 0 {
		clear(x.events)
	}
	return true
}

// do does what an entry asks for, and tells whether this version knows it. An error ends the writing of what waits; what
// the index refuses for good is given up.
func (x *Index) do(ctx context.Context, w store.Wait) (known bool, err error) {
	var e entry
	if err := json.Unmarshal(w.Data, &e); err != nil {
		x.refused(w, err)
		return true, nil
	}
	switch w.Call {
	case callSession:
		err = x.doSession(ctx, w.ID, e)
	case callUsage:
		err = x.doUsage(ctx, w.ID, e)
	case callAudit:
		err = x.doAudit(ctx, e)
	case callEvents:
		err = x.doEvents(ctx, e)
	case callCallbacks:
		err = x.doCallbacks(ctx, e)
	case callAnalysis:
		err = x.doAnalysis(ctx, e)
	case callRecording:
		err = x.doRecording(ctx, e)
	default:
		return false, nil
	}
	if errors.Is(err, errSettle) {
		return true, err
	}
	x.circuit.heard(ctx, err)
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrAway) {
		return true, errors.Join(err, ctx.Err())
	}
	x.refused(w, err)
	return true, nil
}

// refused gives up an entry that the index will never take: it would be in the way of all others.
func (x *Index) refused(w store.Wait, err error) {
	x.meter.lost.Add(1)
	x.config.Log.Error().Err(err).Str("call", w.Call).Msg("what waited for the index is not taken by it, and is given up")
}

// doSession adds the usage first: where the session stands, its usage was added, unless the meeting had only moved away. Who
// could not ask the index did not know.
func (x *Index) doSession(ctx context.Context, id string, e entry) error {
	s, err := record(rows.Sessions, e)
	if err != nil {
		return err
	}
	if !e.Unsure.IsZero() && !x.settled(e.Unsure) {
		return errSettle
	}
	standing, err := x.config.Index.Session(ctx, s.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case standing.Tenant != s.Tenant || standing.Server != s.Server:
		return store.ErrExists
	case !e.Unsure.IsZero() && standing.End.Equal(s.End) && standing.Reason == s.Reason:
		return nil // it was done
	case standing.Reason != moved:
		e.Used = nil
	}
	if err := x.doUsage(ctx, id, e); err != nil {
		return err
	}
	tell, err := recordsOf(rows.Callbacks, e.Tell)
	if err != nil {
		return err
	}
	return x.config.Index.AddSession(ctx, s, store.Along{Callbacks: tell})
}

// doCallbacks adds what front ends are to be told. What is there already was added before.
func (x *Index) doCallbacks(ctx context.Context, e entry) error {
	list, err := recordsOf(rows.Callbacks, e.Tell)
	if err != nil {
		return err
	}
	return x.config.Index.AddCallbacks(ctx, list...)
}

func (x *Index) doAnalysis(ctx context.Context, e entry) error {
	a, err := record(rows.Analytics, e)
	if err != nil {
		return err
	}
	return x.config.Index.KeepAnalysis(ctx, a)
}

// settled tells whether the index has answered for long enough to say what became of a write.
func (x *Index) settled(at time.Time) bool {
	_, since, _ := x.circuit.is()
	for _, t := range []time.Time{at, since} { // which are of two clocks
		if passed := x.config.Now().Sub(t); passed >= 0 && passed < x.config.Settle {
			return false
		}
	}
	return true
}

func (x *Index) doUsage(ctx context.Context, id string, e entry) error {
	list, err := recordsOf(rows.Usage, e.Used)
	if err != nil || len(list) == 0 {
		return err
	}
	mark := id
	if e.Mark != "" {
		mark = e.Mark
	}
	if err := store.Ignore(x.addOnce(ctx, mark, list), store.ErrExists); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.marks[mark] = x.config.Now()
	return nil
}

// theEnd is later than all times that are asked for.
var theEnd = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// addOnce adds usage, or returns store.ErrExists where it was added under that mark before.
func (x *Index) addOnce(ctx context.Context, mark string, list []store.Usage) error {
	id := markPrefix + mark
	s := store.Session{ID: id, Server: nonce(), End: theEnd, Start: theEnd, Meeting: id}
	return x.config.Index.AddSession(ctx, s, store.Along{Used: list})
}

// isMark tells whether a session is none.
func isMark(id string) bool { return strings.HasPrefix(id, markPrefix) }

// unmark takes away marks of long ago.
func (x *Index) unmark(ctx context.Context) {
	x.mu.Lock()
	var old []string
	for mark, at := range x.marks {
		if x.config.Now().Sub(at) > marked {
			old = append(old, mark)
			delete(x.marks, mark)
		}
	}
	x.mu.Unlock()
	for _, mark := range old {
		_, err := x.config.Index.EraseSessions(ctx, "", markPrefix+mark, 1)
		x.circuit.heard(ctx, err)
	}
}

func (x *Index) doAudit(ctx context.Context, e entry) error {
	a, err := record(rows.Audits, e)
	if err != nil {
		return err
	}
	return store.Ignore(x.config.Index.AddAudit(ctx, a), store.ErrExists)
}

func (x *Index) doEvents(ctx context.Context, e entry) error {
	j, err := record(rows.Events, e)
	if err != nil {
		return err
	}
	return x.config.Index.KeepEvents(ctx, j.Server, j.List)
}

// doRecording notes what a server owes. Of a recording that is here already another server may owe something.
func (x *Index) doRecording(ctx context.Context, e entry) error {
	r, err := record(rows.Recordings, e)
	if err != nil {
		return err
	}
	err = x.config.Index.CreateRecording(ctx, r)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	known, err := x.config.Index.Recording(ctx, r.RecordID)
	if err != nil || known.Server == "" || known.Server == r.Server || known.State == store.Deleted {
		return store.Ignore(err, store.ErrNotFound)
	}
	_, err = x.config.Index.UpdateRecording(ctx, known.Tenant, r.RecordID, func(known *store.Recording) error {
		if known.Owed == nil {
			known.Owed = r.Owed
		}
		return nil
	})
	return store.Ignore(err, store.ErrNotFound)
}

// whole is an error while something waits that would come back behind who wants it gone.
func (x *Index) whole() error {
	if x.behind() {
		return fmt.Errorf("%w: something waits for the index, and would be there again", store.ErrAway)
	}
	return nil
}
