package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// panicDeadline is how long a server may take to end all its meetings.
	panicDeadline = time.Minute
	// panicAtOnce is how many of them it is asked to end at the same time.
	panicAtOnce = 8
	// panicPause is how long a create that is under way is left alone before it is looked at again.
	panicPause = 100 * time.Millisecond
)

// tally counts what has become of the meetings on a server, and tells of it. Several may count at once; one waits for another.
type tally struct {
	tell func(v1.Progress)

	mu        sync.Mutex
	most      int // meetings there at once
	ended     int // or forgotten
	forgotten int // of these, without the server having ended them
	failed    []string
}

// done is how many meetings are over.
func (t *tally) done() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// expect says that there are so many more than are over by now.
func (t *tally) expect(more int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most = max(t.most, t.ended+more)
}

// count counts what has become of a meeting: over or not, without the server having ended it or with.
func (t *tally) count(key store.MeetingKey, over, forgotten bool, failed error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over {
		t.ended++
	}
	if forgotten {
		t.forgotten++
	}
	p := v1.Progress{Done: t.ended, Total: t.most, Current: key.MeetingID}
	if failed != nil {
		p.Problem = failed.Error()
		t.failed = append(t.failed, fmt.Sprintf("%s of tenant %s: %v", key.MeetingID, key.Tenant, failed))
	}
	t.tell(p)
}

// fail adds something that was not ended.
func (t *tally) fail(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = append(t.failed, text)
}

// evacuation is the end of all meetings on a server.
type evacuation struct {
	roster *Roster
	tally  tally
	id     string
	skip   bool // the server is not called
	former store.ServerState
}

// Panic ends everything on a server, and takes it out of use. What has begun is brought to its end also if nobody listens any
// more.
func (r *Roster) Panic(ctx context.Context, id string, p v1.Panic, tell func(v1.Progress)) (v1.Panicked, error) {
	ctx = context.WithoutCancel(ctx)
	e, err := r.evacuate(ctx, id, p, tell)
	if err != nil {
		return v1.Panicked{}, err
	}
	record, err := r.Records.update(ctx, id, func(s *store.Server) error {
		switch {
		case !p.KeepState:
			s.State = store.Disabled
		case s.State == store.Cordoned: // else somebody has changed it meanwhile
			s.State = e.former
		}
		return nil
	})
	if err != nil {
		return v1.Panicked{}, err
	}
	return v1.Panicked{
		Server: r.outcome(ctx, record, v1.Result{}).Server, Ended: e.tally.ended - e.tally.forgotten,
		Forgotten: e.tally.forgotten, Failed: e.tally.failed,
	}, nil
}

// evacuate keeps new meetings away from a server, and ends those that are claimed there: in rounds, for a create may be
// under way. Those that the server does not end in time are over all the same. Then it ends what else the server has. It
// returns after [panicDeadline] at the latest, unless the store, or who is told of the progress, takes longer.
func (r *Roster) evacuate(
	ctx context.Context, id string, p v1.Panic, tell func(v1.Progress),
) (*evacuation, error) {
	e := &evacuation{roster: r, tally: tally{tell: tell, failed: []string{}}, id: id, skip: p.SkipEndCalls}
	_, err := r.Records.update(ctx, id, func(s *store.Server) error {
		if e.former = s.State; s.State == store.Enabled {
			s.State = store.Cordoned
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, panicDeadline, fmt.Errorf("not ended within %s", panicDeadline))
	defer cancel()
	for ctx.Err() == nil {
		claims := claimsOn(r.Claims, id)
		if len(claims) == 0 {
			break
		}
		closed, err := e.round(ctx, claims)
		if err != nil {
			return nil, err
		}
		if closed < len(claims) {
			time.Sleep(panicPause)
		}
	}
	if _, err := e.round(ctx, claimsOn(r.Claims, id)); err != nil { // nobody is asked any more when time is up
		return nil, err
	}
	for _, c := range claimsOn(r.Claims, id) {
		e.tally.fail(fmt.Sprintf("%s of tenant %s: it is just being created", c.MeetingID, c.Tenant))
	}
	e.endOthers(ctx)
	slices.Sort(e.tally.failed)
	return e, nil
}

// claimsOn are the claims on a server.
func claimsOn(c Claims, id string) (claims []store.Claim) {
	for _, m := range c.Meetings() {
		if m.Server == id {
			claims = append(claims, m.Claim)
		}
	}
	return claims
}

// round ends meetings, some at the same time, and returns how many of them are over when it is done.
func (e *evacuation) round(ctx context.Context, claims []store.Claim) (int, error) {
	before := e.tally.done()
	e.tally.expect(len(claims))
	var ending errgroup.Group
	ending.SetLimit(panicAtOnce)
	for _, c := range claims {
		ending.Go(func() error { return e.end(ctx, c) })
	}
	err := ending.Wait()
	return e.tally.done() - before, err
}

// end ends one meeting wherever it is, and closes its claim whatever the servers say: what they did not end they owe. One
// that has moved, or is just being created, is left for another round.
func (e *evacuation) end(ctx context.Context, c store.Claim) error {
	if e.skip {
		return e.forget(ctx, c)
	}
	ending := e.roster.Endings.try(c.MeetingKey)
	if ending == nil {
		return nil
	}
	defer ending.Release()
	if found, err := e.roster.Claims.Peek(c.MeetingKey); err != nil || found.Claim.Server != e.id {
		return nil // it is over, or has moved
	}
	ending.Reason = "panic"
	copies, failed := ending.Everywhere(ctx)
	if err := ending.Ended(context.WithoutCancel(ctx), copies); err != nil {
		return e.keeps(err)
	}
	e.tally.count(c.MeetingKey, true, failed[e.id] != nil, errors.Join(failed.List()...))
	return nil
}

// forget closes a claim without a word to the server. If the meeting is seen again it is claimed again.
func (e *evacuation) forget(ctx context.Context, c store.Claim) error {
	closed, err := e.roster.Claims.Close(context.WithoutCancel(ctx), c, placement.Forgotten)
	if err != nil {
		return e.keeps(err)
	}
	if closed {
		e.tally.count(c.MeetingKey, true, true, nil)
	}
	return nil
}

// keeps is why nothing more is ended.
func (e *evacuation) keeps(err error) error {
	return fmt.Errorf("server %s keeps its meetings: %w", e.id, err)
}

// endOthers ends what the server has besides the meetings that were claimed there, such as copies of meetings that are
// claimed elsewhere. Breakout rooms end with their meetings.
func (e *evacuation) endOthers(ctx context.Context) {
	if e.skip {
		return
	}
	others, broken, err := e.roster.Endings.seen(ctx, e.id)
	if err != nil {
		e.tally.fail(fmt.Sprintf("what else goes on there cannot be seen: server %s: %v", e.id, err))
	}
	others = slices.DeleteFunc(others, func(m bbb.Meeting) bool {
		return m.Ended || m.Breakout || e.roster.Claims.Over(e.id, sighting(m))
	})
	e.tally.expect(len(others))
	var ending errgroup.Group
	ending.SetLimit(panicAtOnce)
	for _, m := range others {
		if bbb.CheckMeetingID(m.MeetingID) != nil || bbb.CheckMeetingID(m.OnServer()) != nil || len(m.Tenant) > maxID {
			broken++
			continue
		}
		ending.Go(func() error { return e.endOther(ctx, m) })
	}
	if err := ending.Wait(); err != nil {
		e.tally.fail(err.Error())
	}
	if broken > 0 {
		e.tally.fail(quantity.Count(broken, "meeting", "meetings") + " that cannot be read, or asked for, may go on")
	}
}

// sighting is a meeting as the ledger knows it.
func sighting(m bbb.Meeting) placement.Sighting {
	key := store.MeetingKey{Tenant: cmp.Or(m.Tenant, store.DefaultTenant), MeetingID: m.MeetingID}
	return placement.Sighting{Key: key, InternalID: m.InternalID, CreateTime: m.CreateTime, Alias: m.Alias}
}

// endOther ends a meeting on this server alone. Unless it is claimed elsewhere it is over for good, however long it is
// listed; a poll may be about to claim it here, and is waited for.
func (e *evacuation) endOther(ctx context.Context, m bbb.Meeting) error {
	key := sighting(m).Key
	ending, failed := e.roster.Endings.Begin(ctx, key)
	if failed == nil {
		defer ending.Release()
		failed = ending.on(ctx, e.id, m.OnServer())
	}
	e.tally.count(key, failed == nil, false, failed)
	if failed != nil {
		return nil
	}
	if found, err := e.roster.Claims.Peek(key); err == nil && found.Claim.Server != e.id {
		return nil
	}
	ending.Reason = "panic"
	return ending.Ended(context.WithoutCancel(ctx), []placement.Copy{{Server: e.id, InternalID: m.InternalID, Alias: m.Alias}})
}
