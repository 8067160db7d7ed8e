package poller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/poller/seen"
	"github.com/bbbpool/bbbpool/store"
)

// Client returns the client of a server, or nil for one that is not in the pool.
func (p *Poller) Client(id string) *bbb.Client {
	s := p.pool.server(id)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.client
}

// Patience is how long a server may take for a sign of life before it counts as silent: the connect timeout or, where it
// has answered slowly of late, the smoothed latency and four times its deviation (RFC 6298), up to the response timeout.
// Of a server that is not in the pool it is the connect timeout.
func (p *Poller) Patience(id string) time.Duration {
	s := p.pool.server(id)
	if s == nil {
		return p.config.Connect
	}
	return s.patience()
}

func (s *server) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.patience()
}

func (st *state) patience() time.Duration {
	return st.traits.pace.Patience(st.config.Connect, st.config.Response)
}

// Failing tells whether the last call to a server failed. One that is not in the pool fails.
func (p *Poller) Failing(id string) bool {
	s := p.pool.server(id)
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.failing()
}

// Alive waits until a failing server has either answered again, then it returns true, or failed for the whole of
// Failover, so that a meeting with people in it may be created elsewhere. It returns false also when ctx ends, or the
// server is not in the pool.
func (p *Poller) Alive(ctx context.Context, id string) bool {
	for {
		s := p.pool.server(id)
		if s == nil {
			return false
		}
		s.mu.Lock()
		failing, changed := s.state.health.Failing, s.state.changed
		s.mu.Unlock()
		if failing.IsZero() {
			return true
		}
		rest := p.config.Failover - p.now().Sub(failing)
		if rest <= 0 {
			return false
		}
		select {
		case <-changed:
		case <-time.After(rest):
		case <-ctx.Done():
			return false
		}
	}
}

// Created adds a meeting to the view, for as long as no poll that began later has looked.
func (p *Poller) Created(server string, m bbb.Meeting) {
	s := p.pool.server(server)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.disabled() {
		return // nothing is seen there, and no poll will take it back
	}
	s.state.view.Created = append(s.state.view.Created, seen.Created{At: p.now(), Meeting: m})
	s.state.news.created++
	s.touch()
}

// Report takes into account how a call to a server went. A FAILED answer is a sign of life unless it says that the
// server does not accept our secret. Client tells which address and secret the call was made with: what is said of
// former ones is not held against the present ones.
func (p *Poller) Report(id string, client *bbb.Client, err error) {
	s := p.pool.server(id)
	switch {
	case s == nil:
	case p.pool.following.Load():
		s.reportToLeader(client, err)
	case s.report(client, err):
		s.pollSoon()
	}
}

// reportToLeader is report where another instance leads. What has failed is suspect here at once, until the leader tells how
// the server is; it is never worse, and nothing has happened that people should hear of.
func (s *server) reportToLeader(client *bbb.Client, err error) {
	if client == nil || cancelled(err) {
		return
	}
	s.mu.Lock()
	healthy := s.state.health.Is == Online
	s.mu.Unlock()
	s.apply(client, err, true)
	s.handOn(client, err, healthy)
}

// report is Report for polls as well. It tells whether this is the first failure.
func (s *server) report(client *bbb.Client, err error) (first bool) {
	if client == nil || cancelled(err) {
		return false
	}
	ours := err != nil && s.pool.network.countFailing().Most()
	changed, first := s.apply(client, err, ours)
	if changed {
		s.pool.network.watchServers()
	}
	return first
}

// apply changes the health of the server by the outcome of a call, unless that was made with a former address or secret.
// With ours set our own network is the likelier cause of a failure. It tells whether the server has changed, and whether
// it begins to fail.
func (s *server) apply(client *bbb.Client, err error, ours bool) (changed, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	was, failing := st.health.Is, st.failing()
	if st.client != client || err == nil && was == Online {
		return false, false // the hot path: nothing changes
	}
	if err == nil {
		st.health.Succeed(s.now(), s.config.Thresholds())
	} else {
		st.health.Fail(s.now(), failureOf(err), s.config.Thresholds(), ours)
	}
	s.touch()
	if st.failing() == failing && st.health.Is == was {
		return false, false
	}
	st.wakeWaiting()
	s.ledger.SetServer(st.forLedger()) // what it may be used for follows from both
	if st.health.Is != was && !s.pool.following.Load() {
		st.tellHealth(was, ours)
	}
	return true, st.failing() && !failing
}

// tellHealth tells people that the server's health is another one, in the log and in an event.
func (st *state) tellHealth(was Health, ours bool) {
	level := zerolog.WarnLevel
	if st.health.Is == Online || st.health.Recovering() {
		level = zerolog.InfoLevel
	}
	st.log.WithLevel(level).Str("server", st.record.ID).Str("was", string(was)).Str("health", string(st.health.Is)).
		Str("reason", st.health.Why(st.now(), st.config.Thresholds())).Bool("own_network", ours).Msg("health")
	st.addEvent(string(st.health.Is), st.consequence(was))
}

// consequence says what the server's new health is, and what follows.
func (st *state) consequence(was Health) string {
	switch {
	case st.health.Is == Offline:
		return "offline: " + st.health.Reason + "; its meetings are created elsewhere when somebody asks, none is ended"
	case st.health.Recovering():
		return "suspect: it answers again; " + st.untilPlaced()
	case st.health.Is == Suspect && was == Offline:
		return "suspect, no longer offline: most of the pool fails, our own network is the likelier cause"
	case st.health.Is == Suspect:
		return "suspect: " + st.health.Reason + "; " + st.untilPlaced()
	case st.record.State != store.Enabled:
		return "online: it answers; no new meetings, because it is " + string(st.record.State)
	}
	return "online: it answers, and takes new meetings"
}

// untilPlaced says when the server, which is suspect, takes new meetings again.
func (st *state) untilPlaced() string {
	if st.record.State != store.Enabled {
		return "no new meetings, because it is " + string(st.record.State)
	}
	until := "it answers"
	if needs := st.health.Needs(st.now(), st.config.Thresholds()); needs > 1 {
		until = fmt.Sprintf("it has answered %d polls in a row", needs)
	}
	return "no new meetings until " + until + ", while others can take them"
}

// failureOf is why a call failed.
func failureOf(err error) observed.Failure {
	f := observed.Failure{Text: brief(err.Error()), Refused: refused(err)}
	if call, ok := errors.AsType[*bbb.CallError](err); ok {
		f.Cause = call.Reason
	}
	return f
}

// maxReason is how much of what others say is kept.
const maxReason = 300

func brief(text string) string {
	if len(text) > maxReason {
		return strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// cancelled tells whether a call ended because we wanted it to, or lacked what it needs: that says nothing about the
// server.
func cancelled(err error) bool {
	call, ok := errors.AsType[*bbb.CallError](err)
	return ok && (call.Reason == bbb.Cancel || call.Reason == bbb.Busy || call.Reason == bbb.Ours)
}
