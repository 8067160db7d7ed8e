package admin

import (
	"cmp"
	"context"
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

	forgotten int             // of these, without the server having ended them
	asked     map[string]bool // IDs of meetings whose claims are closed
}

// evacuate keeps new meetings away from a server, and ends those that are claimed there: in rounds, for a create may be
// under way. Those that it does not end in time are forgotten all the same. Then it ends what else the server has.
func (a *API) evacuate(
	ctx context.Context, id string, p Panic, tell func(recordings.Progress),
) (*evacuation, error) {
	e := &evacuation{api: a, id: id, skip: p.SkipEndCalls, tell: tell, failed: []string{}, asked: map[string]bool{}}
	_, err := a.update(ctx, id, func(s *store.Server) error {
		if e.former = s.State; s.State == store.Enabled {
			s.State = store.Cordoned
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, panicDeadline)
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
	if err := e.forget(context.WithoutCancel(ctx)); err != nil {
		return nil, err
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

// end ends one meeting on the server, and closes its claim whatever the server says.
func (e *evacuation) end(ctx context.Context, c store.Claim) error {
	var failed error
	if !e.skip {
		failed = e.api.end(ctx, c)
	}
	return e.close(ctx, c, failed)
}

// close closes a claim. One that has changed, or is just being created, is left for another round.
func (e *evacuation) close(ctx context.Context, c store.Claim, failed error) error {
	reason := "panic"
	if e.skip || failed != nil {
		reason = placement.Forgotten
	}
	closed, err := e.api.Meetings.Close(context.WithoutCancel(ctx), c, reason)
	if err != nil {
		return fmt.Errorf("server %s keeps its meetings: %w", e.id, err)
	}
	if !closed {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked[c.MeetingID] = true
	e.ended++
	if reason == placement.Forgotten {
		e.forgotten++
	}
	e.note(c.MeetingKey, failed)
	return nil
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

// forget closes the claims that are left when time is up.
func (e *evacuation) forget(ctx context.Context) error {
	for _, c := range e.api.claimsOn(e.id) {
		if err := e.close(ctx, c, fmt.Errorf("not ended within %s", panicDeadline)); err != nil {
			return err
		}
	}
	for _, c := range e.api.claimsOn(e.id) {
		e.failed = append(e.failed, fmt.Sprintf("%s of tenant %s: it is just being created", c.MeetingID, c.Tenant))
	}
	return nil
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
	others = slices.DeleteFunc(others, func(m bbb.Meeting) bool { return m.Ended || m.Breakout || e.asked[m.MeetingID] })
	e.most = max(e.most, e.ended+len(others))
	var ending errgroup.Group
	ending.SetLimit(panicAtOnce)
	for _, m := range others {
		key := store.MeetingKey{Tenant: cmp.Or(m.Tenant, store.DefaultTenant), MeetingID: m.MeetingID}
		if bbb.CheckMeetingID(key.MeetingID) != nil || len(key.Tenant) > maxID {
			broken++
			continue
		}
		ending.Go(func() error {
			e.endOther(ctx, key)
			return nil
		})
	}
	_ = ending.Wait() // none fails
	if broken > 0 {
		e.failed = append(e.failed, count(broken, "meeting", "meetings")+" that cannot be read, or asked for, may go on")
	}
}

func (e *evacuation) endOther(ctx context.Context, key store.MeetingKey) {
	failed := e.api.end(ctx, store.Claim{MeetingKey: key, Server: e.id})
	e.mu.Lock()
	defer e.mu.Unlock()
	if failed == nil {
		e.ended++
	}
	e.note(key, failed)
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
