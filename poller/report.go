package poller

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Report takes into account how a call to a server went. A FAILED answer is a sign of life unless it says that the
// server does not accept our secret. Client tells which address and secret the call was made with: what is said of
// former ones is not held against the present ones.
func (p *Poller) Report(id string, client *bbb.Client, err error) {
	s := p.server(id)
	if s != nil && p.report(s, client, err) {
		p.hurry(s)
	}
}

// report is Report for polls as well. It tells whether this is the first failure.
func (p *Poller) report(s *server, client *bbb.Client, err error) (first bool) {
	if client == nil || cancelled(err) {
		return false
	}
	stay := err != nil && p.outage().own()
	changed, first := p.take(s, client, err, stay)
	if changed {
		p.watchNetwork()
	}
	return first
}

// take changes the health of a server by the outcome of a call, unless that was made with a former address or secret. It
// tells whether the server has changed, and whether it begins to fail.
func (p *Poller) take(s *server, client *bbb.Client, err error, stay bool) (changed, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, failing := s.health.is, !s.health.failing.IsZero()
	if s.client != client || err == nil && was == Online {
		return false, false // the hot path: nothing changes
	}
	if err == nil {
		s.health.ok(p.now(), p.config.thresholds())
	} else {
		s.health.failed(p.now(), failureOf(err), p.config.thresholds(), stay)
	}
	fails := !s.health.failing.IsZero()
	if fails == failing && s.health.is == was {
		return false, false
	}
	s.notify()
	p.ledger.SetServer(s.page()) // what it may be used for follows from both
	if s.health.is != was {
		p.turned(s, was, stay)
	}
	return true, fails && !failing
}

// turned tells people that a server's health is another one. The lock is held.
func (p *Poller) turned(s *server, was Health, stay bool) {
	level := zerolog.WarnLevel
	if s.health.is == Online || s.health.recovering() {
		level = zerolog.InfoLevel
	}
	p.log.WithLevel(level).Str("server", s.id).Str("was", string(was)).Str("health", string(s.health.is)).
		Str("reason", s.health.why(p.now(), p.config.thresholds())).Bool("own_network", stay).Msg("health")
	s.events.add(p.now(), string(s.health.is), p.consequence(s, was))
}

// consequence says what a server's new health is, and what follows. The lock is held.
func (p *Poller) consequence(s *server, was Health) string {
	switch {
	case s.health.is == Offline:
		return "offline: " + s.health.reason + "; its meetings are created elsewhere when somebody asks, none is ended"
	case s.health.recovering():
		return "suspect: it answers again; " + p.reluctance(s)
	case s.health.is == Suspect && was == Offline:
		return "suspect, no longer offline: most of the pool fails, our own network is the likelier cause"
	case s.health.is == Suspect:
		return "suspect: " + s.health.reason + "; " + p.reluctance(s)
	case s.record.State != store.Enabled:
		return "online: it answers; no new meetings, because it is " + string(s.record.State)
	}
	return "online: it answers, and takes new meetings"
}

// reluctance says when a server that is suspect takes new meetings again. The lock is held.
func (p *Poller) reluctance(s *server) string {
	if s.record.State != store.Enabled {
		return "no new meetings, because it is " + string(s.record.State)
	}
	until := "it answers"
	if needs := s.health.needs(p.now(), p.config.thresholds()); needs > 1 {
		until = fmt.Sprintf("it has answered %d polls in a row", needs)
	}
	return "no new meetings until " + until + ", while others can take them"
}

// hurry has a server probed soon after a call of somebody else has failed. A poll that was on its way says nothing
// about now and is begun anew, unless it began in doubt itself: calls that fail again and again must not keep every
// poll from its end.
func (p *Poller) hurry(s *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.inquiry; q != nil && !q.doubt {
		q.cut = true
		q.cancel()
	}
	s.due = latest(p.now(), s.began.Add(min(quickProbe, p.config.Interval)))
	s.poke()
}

// failure is why a call failed.
type failure struct {
	cause bbb.Reason // "" where the server answered and it was that which would not do
	text  string
}

func failureOf(err error) failure {
	f := failure{text: brief(err.Error())}
	if call, ok := errors.AsType[*bbb.CallError](err); ok {
		f.cause = call.Reason
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
