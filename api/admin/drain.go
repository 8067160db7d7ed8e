package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// recordingsTimeout is how long a drain waits for recordings, unless it is told otherwise.
	recordingsTimeout = 24 * time.Hour
	// maxRecordingsTimeout is when nothing is expected any more: BigBlueButton keeps its raw material for two weeks.
	maxRecordingsTimeout = 14 * 24 * time.Hour
	// drainPulse is how often a drain looks for what is left.
	drainPulse = 500 * time.Millisecond
)

// drain takes a server out of use without anybody noticing: it keeps its meetings until they are over, delivers their
// recordings, and is disabled then. Without wait it is left to those who look again what becomes of it, unless there is
// nothing to wait for.
func (a *API) drain(r *http.Request) (any, error) {
	d := Drain{}
	if err := read(r, &d); err != nil {
		return nil, err
	}
	limit, err := d.limit()
	if err != nil {
		return nil, err
	}
	s, err := a.server(r)
	if err != nil {
		return nil, err
	}
	room, err := a.spare(s, d.Force)
	if err != nil {
		return nil, err
	}
	if err := a.beginDrain(r, s, d); err != nil {
		return nil, err
	}
	w := &drainage{api: a, log: a.logger(r), id: s.ID, limit: limit, room: room}
	if d.Wait {
		return long(w.wait), nil
	}
	done, err := w.look(r.Context())
	return w.outcome(r.Context(), done), err
}

// limit is how long to wait for recordings.
func (d Drain) limit() (time.Duration, error) {
	if d.RecordingsTimeout == nil {
		return recordingsTimeout, nil
	}
	if limit := *d.RecordingsTimeout; limit >= 0 && limit <= maxRecordingsTimeout {
		return limit, nil
	}
	return 0, invalid("recordings_timeout: want from 0, which waits for no recording, to %s, in nanoseconds", maxRecordingsTimeout)
}

// beginDrain keeps new meetings away from a server. One that is disabled and has nothing left stays that.
func (a *API) beginDrain(r *http.Request, s poller.Status, d Drain) error {
	left, err := a.left(r.Context(), s.ID)
	if err != nil || s.State == store.Disabled && left.nothing() {
		return err
	}
	record, err := a.update(r.Context(), s.ID, func(s *store.Server) error {
		s.State = store.Draining
		return nil
	})
	if err == nil {
		a.logState(r, record, s.State, Forced{d.Force})
	}
	return err
}

// spare tells what the pool has left without a server. It refuses to take one that the pool counts on where the others
// could not carry its people as well. One that fails, or takes no new meetings anyway, is not counted on, and a pool of
// one has no others: whoever drains it means to stop.
func (a *API) spare(s poller.Status, force bool) (Room, error) {
	c := a.Meetings.Capacity()
	drained, ok := c.Drain(s.ID)
	if !ok {
		return Room{}, noServer(s.ID)
	}
	room := newRoom(drained)
	counted := false
	for _, share := range c.Servers {
		counted = counted || share.Server == s.ID && share.Standing >= placement.Unproven
	}
	if force || !counted || len(c.Servers) == 1 || !room.Short {
		return room, nil
	}
	return room, conflict("server %s cannot be spared: %s; enable or add another server, drain it at a quieter time, "+
		"or insist with --force", s.ID, room.lack())
}

func newRoom(d placement.Drained) Room {
	return Room{
		Server: d.Server, Carries: tenths(d.Carries), Now: tenths(d.Now), Tightest: tenths(d.Tightest), Short: d.Short(),
	}
}

// lack says what the numbers mean where they are short.
func (r Room) lack() string {
	var list []string
	if r.Now < 0 {
		list = append(list, fmt.Sprintf("of the %.0f that are here or expected now %.0f would have no room", r.Carries-r.Now, -r.Now))
	}
	if r.Tightest < 0 {
		list = append(list, fmt.Sprintf("of the %.0f at the busiest time of the coming 24 hours, as that was in the last weeks, "+
			"%.0f would have no room", r.Carries-r.Tightest, -r.Tightest))
	}
	return fmt.Sprintf("the other servers that take meetings carry %.0f people; %s", r.Carries, strings.Join(list, "; "))
}

// left is what keeps a server from being switched off.
type left struct {
	state    store.ServerState
	offline  bool
	meetings int
	people   int      // in these, and in copies of meetings that are claimed elsewhere
	owed     []string // record IDs
}

// left looks for what is left on a server. Recordings are looked at last: what a meeting owes is known before its claim
// is gone.
func (a *API) left(ctx context.Context, id string) (left, error) {
	s, ok := a.Pool.Server(id)
	if !ok {
		return left{}, noServer(id)
	}
	owed, err := a.owed(ctx)
	return newLeft(s, owed[id]), err
}

func newLeft(s poller.Status, owed []string) left {
	return left{
		state: s.State, offline: s.Health == poller.Offline, meetings: s.Load.Meetings, people: people(s), owed: owed,
	}
}

// people is how many people count on a server. Nobody looks at one that is disabled: how many were in copies there when
// somebody last did is no news any more.
func people(s poller.Status) int {
	if s.State == store.Disabled && s.Load.Meetings == 0 {
		return 0
	}
	return s.Load.People
}

func (l left) nobody() bool { return l.meetings == 0 && l.people == 0 }

func (l left) nothing() bool { return l.nobody() && len(l.owed) == 0 }

// has says what is there, as "has 1 meeting with 2 people and owes 3 recordings".
func (l left) has() string {
	var list []string
	if !l.nobody() {
		list = append(list, "has "+present(l.meetings, l.people))
	}
	if len(l.owed) > 0 {
		list = append(list, "owes "+count(len(l.owed), "recording", "recordings"))
	}
	return strings.Join(list, " and ")
}

// follows says what becomes of that where nobody waits for its end.
func (l left) follows() string {
	var list []string
	switch {
	case l.meetings > 0:
		list = append(list, "nobody can join its meetings any more: the next create makes them anew on another server")
	case l.people > 0:
		list = append(list, "nobody ends the copies, or looks after them, any more")
	}
	if len(l.owed) > 0 {
		list = append(list, "nobody waits for its recordings any more")
	}
	return strings.Join(list, "; ")
}

// count is how many things are waited for.
func (l left) count() int {
	if l.meetings == 0 && l.people > 0 {
		return 1 + len(l.owed)
	}
	return l.meetings + len(l.owed)
}

// String says what is waited for.
func (l left) String() string {
	switch {
	case l.meetings > 0 && l.offline:
		return Running(l.meetings, l.people) + " left, claimed on a server that is offline: nobody can see or end them there; " +
			"bbbpool server panic forgets them"
	case l.meetings > 0:
		return Running(l.meetings, l.people) + " left"
	case l.people > 0:
		return present(0, l.people)
	case len(l.owed) > 0:
		return "waiting for " + count(len(l.owed), "recording", "recordings") + ": " + some(l.owed)
	}
	return "nothing left"
}

// some names the first few of a list.
func some(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// owed returns the recordings that servers have still to deliver, by server. Those that a server does not know are not
// waited for: nobody pressed the button, or they are lost.
func (a *API) owed(ctx context.Context) (map[string][]string, error) {
	owed, _, err := a.debts(ctx)
	return owed, err
}

// debts are the recordings that servers have still to deliver, by server, and those that they say they do not have.
func (a *API) debts(ctx context.Context) (owed, notMade map[string][]string, err error) {
	owed, notMade = map[string][]string{}, map[string][]string{}
	if a.Recordings == nil {
		return owed, notMade, nil
	}
	list, err := a.Recordings.Owed(ctx)
	for _, o := range list {
		of := owed
		if o.Owed.Step == store.OwedMissing {
			of = notMade
		}
		of[o.Owed.Server] = append(of[o.Owed.Server], o.RecordID)
	}
	return owed, notMade, err
}

// drainage is the wait for the end of a drain.
type drainage struct {
	api   *API
	log   *zerolog.Logger
	id    string
	limit time.Duration // for recordings, from when the last meeting was over
	room  Room

	now     left
	most    int       // things that were waited for at once
	quiet   time.Time // since when nobody is there
	missing []string
	failing bool // the last look failed
}

// wait waits until the server is disabled, and tells how far that is. What the store refuses is asked again. Whoever
// hangs up leaves the server draining.
func (w *drainage) wait(ctx context.Context, tell func(recordings.Progress)) (any, error) {
	ticker := time.NewTicker(drainPulse)
	defer ticker.Stop()
	for {
		done, err := w.look(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, final := errors.AsType[*Error](err); final {
			return nil, err
		}
		if done {
			return w.outcome(ctx, true), nil
		}
		tell(w.progress(err))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

// progress tells how far the drain is. What keeps it from looking is told once.
func (w *drainage) progress(err error) recordings.Progress {
	p := recordings.Progress{Done: w.most - w.now.count(), Total: w.most, Current: w.now.String()}
	if err != nil && !w.failing {
		w.log.Error().Err(err).Str("server", w.id).Msg("look at what a drain waits for")
		p.Problem = "what is left cannot be looked at, or the server not be disabled: it is tried again, and the log says why"
	}
	w.failing = err != nil
	return p
}

// look looks once, and disables the server when there is nothing left to wait for. It returns true if it is disabled.
func (w *drainage) look(ctx context.Context) (done bool, err error) {
	now, err := w.api.left(ctx, w.id)
	if err != nil {
		return false, err
	}
	w.now, w.most = now, max(w.most, now.count())
	switch {
	case now.state == store.Disabled && now.nothing():
		return true, nil
	case now.state != store.Draining:
		return false, overtaken(w.id, now.state)
	case !now.nobody():
		w.quiet = time.Time{}
		return false, nil
	}
	if w.quiet.IsZero() {
		w.quiet = w.api.now()
	}
	if len(now.owed) > 0 && w.api.now().Sub(w.quiet) < w.limit {
		return false, nil
	}
	w.missing = now.owed
	err = w.disable(ctx)
	return err == nil, err
}

func (w *drainage) disable(ctx context.Context) error {
	_, err := w.api.update(ctx, w.id, func(s *store.Server) error {
		if s.State != store.Draining {
			return overtaken(w.id, s.State)
		}
		s.State = store.Disabled
		return nil
	})
	if err == nil {
		w.log.Info().Str("server", w.id).Str("state", string(store.Disabled)).Strs("missing", w.missing).
			Msg("server drained")
	}
	return err
}

func overtaken(id string, state store.ServerState) *Error {
	return conflict("server %s was drained, and is %s now: somebody has changed its state meanwhile, which ends this drain",
		id, state)
}

// outcome is how far the drain has come.
func (w *drainage) outcome(ctx context.Context, done bool) Drained {
	s, ok := w.api.Pool.Server(w.id)
	if !ok { // removed in this very moment
		s.ID, s.Health = w.id, poller.Unknown
	}
	_, notMade, err := w.api.debts(ctx)
	if err != nil {
		w.log.Error().Err(err).Str("server", w.id).Msg("look for what a server has not made")
	}
	return Drained{
		Server: w.api.show(ctx, s), Done: done, Missing: append([]string{}, w.missing...),
		NotMade: append([]string{}, notMade[w.id]...), Room: w.room,
	}
}
