package poller

import (
	"errors"
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
	stay := err != nil && p.ownNetwork()
	was, is, ours := p.take(s, client, err, stay)
	if !ours || was == is {
		return false
	}
	p.watchNetwork()
	return is == Suspect
}

// take changes the health of a server by the outcome of a call. It returns false for a call that was made with a former
// address or secret.
func (p *Poller) take(s *server, client *bbb.Client, err error, stay bool) (was, is Health, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was = s.health.is
	if s.client != client || err == nil && was == Online && s.health.failing.IsZero() {
		return was, was, s.client == client // the hot path: nothing changes
	}
	if err == nil {
		s.health.ok(p.config.thresholds())
	} else {
		s.health.failed(p.now(), brief(err), p.config.thresholds(), stay)
	}
	s.notify()
	is = s.health.is
	if is != was {
		p.ledger.SetServer(s.page())
		level := zerolog.WarnLevel
		if is == Online {
			level = zerolog.InfoLevel
		}
		p.log.WithLevel(level).Str("server", s.id).Str("was", string(was)).Str("health", string(is)).
			Str("reason", s.health.reason).Bool("own_network", stay).Msg("health")
	}
	return was, is, true
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

// maxReason is how much of a server's words is kept as the reason of a failure.
const maxReason = 300

func brief(err error) string {
	reason := err.Error()
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return reason
}

// cancelled tells whether a call ended because we wanted it to, which says nothing about the server.
func cancelled(err error) bool {
	call, ok := errors.AsType[*bbb.CallError](err)
	return ok && (call.Reason == bbb.Cancel || call.Reason == bbb.Busy)
}

// ownNetwork tells whether so much of the pool fails at once that our own network is the likelier cause.
func (p *Poller) ownNetwork() bool {
	failing, used := 0, 0
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, s := range p.servers {
		s.mu.Lock()
		if s.record.State != store.Disabled && s.health.is != Offline {
			used++
			if s.health.is == Suspect {
				failing++
			}
		}
		s.mu.Unlock()
	}
	return used > 1 && failing*2 > used
}

// watchNetwork raises the alarm when our own network seems to fail, and takes it back.
func (p *Poller) watchNetwork() {
	p.alarmed.Lock()
	defer p.alarmed.Unlock()
	alarm := p.ownNetwork()
	if alarm == p.alarm {
		return
	}
	p.alarm = alarm
	if alarm {
		p.log.Error().Msg("more than half of the pool fails at once: no server goes offline; check our own network and DNS")
		return
	}
	p.log.Info().Msg("less than half of the pool fails: our own network seems to be well")
}
