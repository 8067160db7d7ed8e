package poller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/store"
)

// changePace is how often a server is asked that has still to change its secret: for as long as its joins may be signed
// with a secret that it no longer has.
const changePace = time.Second

// restartPause is how long a server that may change its secret is left alone that has failed for so long: for a minute it may
// be restarting with the new one, and from then on it is ever less likely to come back with that.
func restartPause(failing time.Duration) time.Duration { return max(changePace, failing/60) }

// Changing is a server whose secret is being changed.
type Changing struct {
	store.Server
	OnFormer bool // it was last seen to accept the former secret
}

// Changing returns the servers whose secrets are being changed, by ID. It asks nobody.
func (p *Poller) Changing() (list []Changing) {
	for _, s := range p.pool.sorted() {
		s.mu.Lock()
		if st := &s.state; st.record.Former != "" {
			list = append(list, Changing{st.record, st.onFormer()})
		}
		s.mu.Unlock()
	}
	return list
}

// rekey tells the client of secrets that are new, with the record that is new as well. That somebody has seen the server
// with its new secret is believed when it is news: what the client has seen since is newer. A server that failed because it
// had another secret than we knew of has not failed.
func (st *state) rekey(record store.Server) {
	if st.client == nil {
		return
	}
	switched := !record.Switched.IsZero() && !record.Switched.Equal(st.record.Switched)
	st.client.SetSecrets(bbb.Secret(record.Secret), bbb.Secret(record.Former), switched)
	if st.record.Secret != record.Secret && st.failing() && st.health.Refused {
		st.health = observed.Machine{Is: Unknown}
		st.wakeWaiting()
	}
}

// onFormer tells whether the server was last seen to accept its former secret.
func (st *state) onFormer() bool {
	return st.client != nil && st.record.Former != "" && st.client.OnFormer()
}

// awaited tells whether the server may change its secret at any moment.
func (st *state) awaited() bool {
	return st.onFormer() && !st.disabled() && st.now().Before(st.record.FormerUntil)
}

// untilKnock is the time until the server should be asked beside its polls. A poll that has begun does not count: it may be a
// slow one, and tell too late. One that fails is polled as often.
func (s *server) untilKnock() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	if !st.awaited() || st.failing() {
		return s.config.Interval
	}
	return st.schedule.knocked.Add(changePace).Sub(s.now())
}

// knockIfDue asks a server that may change its secret for as little as there is, so that the change is found out long
// before the next poll. A list of its meetings every second would be too much for a large server that nobody changes for a
// day. What keeps it from an answer is for polls to find out.
func (s *server) knockIfDue(ctx context.Context) {
	if s.untilKnock() > 0 {
		return
	}
	s.mu.Lock()
	client, limit := s.state.client, s.state.patience()
	s.state.schedule.knocked = s.now()
	s.mu.Unlock()
	if client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	was := client.OnFormer()
	answer, err := client.Answer(ctx, "isMeetingRunning", "meetingID="+bbb.ProbePrefix+"secret")
	if client.OnFormer() != was {
		s.touch()
	}
	if err != nil {
		return
	}
	if answer.Err != nil && refused(answer.Err) {
		err = answer.Err
	}
	if s.report(client, err) {
		s.pollSoon()
	}
}

// refused tells whether a server has answered that it does not accept our secret.
func refused(err error) bool {
	answered, ok := errors.AsType[*bbb.Error](err)
	return ok && answered.Key == bbb.ErrChecksum.Key
}

// overdue says that a server has not taken over its new secret in time, and what to do about it; "" where that is not so.
func (s Status) overdue(now time.Time) string {
	if !s.OnFormer || now.Before(s.FormerUntil) {
		return ""
	}
	return fmt.Sprintf("server %s has its former secret still, since %s it should have the new one: run bbb-conf --setsecret there "+
		"with the new one, or go back to the former one here:", s.ID, s.FormerUntil.UTC().Format(time.DateTime+" MST"))
}
