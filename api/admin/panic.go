package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/recordings"
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

// panicServer ends everything on a server, and takes it out of use. What has begun is brought to its end also if nobody
// listens any more.
func (a *API) panicServer(r *http.Request) (any, error) {
	var p Panic
	if err := read(r, &p); err != nil {
		return nil, err
	}
	s, err := a.record(r)
	if err != nil {
		return nil, err
	}
	return long(func(ctx context.Context, tell func(recordings.Progress)) (any, error) {
		ctx = context.WithoutCancel(ctx)
		e, err := a.evacuate(ctx, s.ID, p, tell)
		if err != nil {
			return nil, err
		}
		record, err := a.update(ctx, s.ID, func(s *store.Server) error {
			switch {
			case !p.KeepState:
				s.State = store.Disabled
			case s.State == store.Cordoned: // else somebody has changed it meanwhile
				s.State = e.former
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		a.logger(r).Warn().Str("server", s.ID).Str("state", string(record.State)).Int("ended", e.ended-e.forgotten).
			Int("forgotten", e.forgotten).Int("failed", len(e.failed)).Bool("skip_end_calls", p.SkipEndCalls).Msg("server panic")
		return Panicked{
			Server: a.outcome(ctx, record, Result{}).Server, Ended: e.ended - e.forgotten, Forgotten: e.forgotten, Failed: e.failed,
		}, nil
	}), nil
}

// evacuation is the end of all meetings on a server.
type evacuation struct {
	api    *API
	id     string
	skip   bool // the server is not called
	former store.ServerState
	tell   func(recordings.Progress)

	mu     sync.Mutex
	most   int // meetings there at once
	ended  int // or forgotten
	failed []string

	forgotten int // of these, without the server having ended them
}

// evacuate keeps new meetings away from a server, and ends those that are claimed there: in rounds, for a create may be
// under way. Those that the server does not end in time are over all the same. Then it ends what else the server has.
func (a *API) evacuate(
	ctx context.Context, id string, p Panic, tell func(recordings.Progress),
) (*evacuation, error) {
	e := &evacuation{api: a, id: id, skip: p.SkipEndCalls, tell: tell, failed: []string{}}
	_, err := a.update(ctx, id, func(s *store.Server) error {
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
		claims := a.claimsOn(id)
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
	if _, err := e.round(ctx, a.claimsOn(id)); err != nil { // nobody is asked any more when time is up
		return nil, err
	}
	for _, c := range a.claimsOn(id) {
		e.failed = append(e.failed, fmt.Sprintf("%s of tenant %s: it is just being created", c.MeetingID, c.Tenant))
	}
	e.endOthers(ctx)
	slices.Sort(e.failed)
	return e, nil
}

func (a *API) claimsOn(id string) (claims []store.Claim) {
	for _, m := range a.Meetings.Meetings() {
		if m.Server == id {
			claims = append(claims, m.Claim)
		}
	}
	return claims
}

// round ends meetings, and returns how many of them are over.
func (e *evacuation) round(ctx context.Context, claims []store.Claim) (int, error) {
	before := e.ended
	e.most = max(e.most, before+len(claims))
	var ending errgroup.Group
	ending.SetLimit(panicAtOnce)
	for _, c := range claims {
		ending.Go(func() error { return e.end(ctx, c) })
	}
	err := ending.Wait()
	return e.ended - before, err
}

// end ends one meeting wherever it is, and closes its claim whatever the servers say: what they did not end they owe. One
// that has moved, or is just being created, is left for another round.
func (e *evacuation) end(ctx context.Context, c store.Claim) error {
	if e.skip {
		return e.forget(ctx, c)
	}
	ending := e.api.Meetings.TryEnd(c.MeetingKey)
	if ending == nil {
		return nil
	}
	defer ending.Release()
	if found, err := e.api.Meetings.Peek(c.MeetingKey); err != nil || found.Claim.Server != e.id {
		return nil // it is over, or has moved
	}
	ending.Reason = "panic"
	copies, failed := e.api.endCopies(ctx, c.MeetingKey)
	if err := ending.Ended(context.WithoutCancel(ctx), copies); err != nil {
		return e.keeps(err)
	}
	e.count(c.MeetingKey, failed[e.id] != nil, errors.Join(failed.list()...))
	return nil
}

// forget closes a claim without a word to the server. If the meeting is seen again it is claimed again.
func (e *evacuation) forget(ctx context.Context, c store.Claim) error {
	closed, err := e.api.Meetings.Close(context.WithoutCancel(ctx), c, placement.Forgotten)
	if err != nil {
		return e.keeps(err)
	}
	if closed {
		e.count(c.MeetingKey, true, nil)
	}
	return nil
}

// keeps is why nothing more is ended.
func (e *evacuation) keeps(err error) error {
	return fmt.Errorf("server %s keeps its meetings: %w", e.id, err)
}

// count counts a meeting whose claim is closed.
func (e *evacuation) count(key store.MeetingKey, forgotten bool, failed error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended++
	if forgotten {
		e.forgotten++
	}
	e.note(key, failed)
}

// note tells how it went with a meeting. The caller holds the lock.
func (e *evacuation) note(key store.MeetingKey, failed error) {
	p := recordings.Progress{Done: e.ended, Total: e.most, Current: key.MeetingID}
	if failed != nil {
		p.Problem = failed.Error()
		e.failed = append(e.failed, fmt.Sprintf("%s of tenant %s: %v", key.MeetingID, key.Tenant, failed))
	}
	e.tell(p)
}

// endOthers ends what the server has besides the meetings that were claimed there, such as copies of meetings that are
// claimed elsewhere. Breakout rooms end with their meetings.
func (e *evacuation) endOthers(ctx context.Context) {
	if e.skip {
		return
	}
	others, broken, err := e.api.seen(ctx, e.id)
	if err != nil {
		e.failed = append(e.failed, fmt.Sprintf("what else goes on there cannot be seen: server %s: %v", e.id, err))
	}
	others = slices.DeleteFunc(others, func(m bbb.Meeting) bool {
		return m.Ended || m.Breakout || e.api.Meetings.Over(e.id, sighting(m))
	})
	e.most = max(e.most, e.ended+len(others))
	var ending errgroup.Group
	ending.SetLimit(panicAtOnce)
	for _, m := range others {
		if key := sighting(m).Key; bbb.CheckMeetingID(key.MeetingID) != nil || len(key.Tenant) > maxID {
			broken++
			continue
		}
		ending.Go(func() error { return e.endOther(ctx, m) })
	}
	if err := ending.Wait(); err != nil {
		e.failed = append(e.failed, err.Error())
	}
	if broken > 0 {
		e.failed = append(e.failed, count(broken, "meeting", "meetings")+" that cannot be read, or asked for, may go on")
	}
}

// sighting is a meeting as the ledger knows it.
func sighting(m bbb.Meeting) placement.Sighting {
	key := store.MeetingKey{Tenant: cmp.Or(m.Tenant, store.DefaultTenant), MeetingID: m.MeetingID}
	return placement.Sighting{Key: key, InternalID: m.InternalID, CreateTime: m.CreateTime}
}

// endOther ends a meeting on this server alone. Unless it is claimed elsewhere it is over for good, however long it is
// listed; a poll may be about to claim it here, and is waited for.
func (e *evacuation) endOther(ctx context.Context, m bbb.Meeting) error {
	key := sighting(m).Key
	ending, failed := e.api.beginEnd(ctx, key)
	if failed == nil {
		defer ending.Release()
		failed = e.api.endOn(ctx, e.id, m.MeetingID)
	}
	e.mu.Lock()
	if failed == nil {
		e.ended++
	}
	e.note(key, failed)
	e.mu.Unlock()
	if failed != nil {
		return nil
	}
	if found, err := e.api.Meetings.Peek(key); err == nil && found.Claim.Server != e.id {
		return nil
	}
	ending.Reason = "panic"
	return ending.Ended(context.WithoutCancel(ctx), []placement.Copy{{Server: e.id, InternalID: m.InternalID}})
}

// seen asks a server for its meetings. Those that cannot be read are counted.
func (a *API) seen(ctx context.Context, id string) (meetings []bbb.Meeting, broken int, err error) {
	s, ok := a.Pool.Server(id)
	if !ok {
		return nil, 0, noServer(id)
	}
	ctx, cancel := context.WithTimeout(ctx, endDeadline)
	defer cancel()
	list, err := a.client(s.Server).Meetings(ctx)
	return list.Meetings, list.Broken, err
}
