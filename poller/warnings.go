package poller

import (
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// concern is something about a server that works still, but will not for long, or not for everybody.
type concern int

const (
	clockOff concern = iota
	certificateEnds
	nameLost
	tooMany
	tooSlow
	concerns // how many there are
)

// relief says what is right again.
var relief = [concerns]string{
	clockOff:        "its clock agrees with ours again",
	certificateEnds: "its certificate is good for long again",
	nameLost:        "its name resolves again",
	tooSlow:         "it answers quickly again",
	tooMany:         "all meetings that it lists are claimed again",
}

const (
	maxSkew     = 5 * time.Second
	enoughSkews = 3 // answers that a warning needs
	// enoughLost is how many looks in a row must find a name lost. With one the first of many would have a warning of its
	// own before the alarm that is about all of them.
	enoughLost     = 2
	minCertificate = 14 * 24 * time.Hour
)

// traits are what calls show of a server beside its meetings. A new address or secret may be another server's.
type traits struct {
	pace    pace
	clock   clock
	expires time.Time // the certificate, where there is one
	lost    int       // looks in a row that found its name lost
	slow    slowness
	excess  int            // meetings that are too many to be adopted
	warned  [concerns]bool // what there is a warning about
}

// warning says in words what is wrong, or "". The lock of the server is held.
func (s *server) warning(c concern, now time.Time) string {
	switch c {
	case clockOff:
		return s.clockWarning()
	case certificateEnds:
		return certificateWarning(s.expires, now)
	case nameLost:
		if s.lost >= enoughLost {
			return fmt.Sprintf("its name %s does not resolve; it is called at the last good address, which may become another's: "+
				"check the name", s.host)
		}
	case tooMany:
		if s.excess > 0 {
			return fmt.Sprintf("it lists %d meetings that nobody has created through the pool, beyond those that were taken over: "+
				"joins do not find them; is it somebody else's server, too?", s.excess)
		}
	case tooSlow:
		return s.slow.warning()
	case concerns:
	}
	return ""
}

// noteExcess keeps how many meetings of a server were not adopted.
func (p *Poller) noteExcess(s *server, client *bbb.Client, excess int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == client && s.excess != excess {
		s.excess = excess
		p.review(s)
	}
}

// clockWarning is raised beyond maxSkew, and cleared a second below, so that a clock at the limit is no news all day.
func (s *server) clockWarning() string {
	skew, limit, is := s.clock.skew(), maxSkew, "ahead of"
	if s.warned[clockOff] {
		limit -= time.Second
	}
	if skew < 0 {
		skew, is = -skew, "behind"
	}
	if s.clock.seen < enoughSkews || skew <= limit {
		return ""
	}
	return fmt.Sprintf("its clock is %s %s ours: times of meetings and recordings are wrong; check time synchronisation, "+
		"there and here", skew, is)
}

func certificateWarning(expires, now time.Time) string {
	left := expires.Sub(now)
	switch {
	case expires.IsZero() || left >= minCertificate:
		return ""
	case left < 0:
		return fmt.Sprintf("its certificate expired on %s: renew it", expires.UTC().Format(time.DateOnly))
	}
	return fmt.Sprintf("its certificate expires in %s, on %s: renew it, or browsers and we cannot call it from then on",
		days(left), expires.UTC().Format(time.DateTime+" MST"))
}

// days is a time in the unit that people would use.
func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n > 1 {
		return fmt.Sprintf("%d days", n)
	}
	return fmt.Sprintf("%d hours", int(d/time.Hour))
}

// warnings returns what there is a warning about, in words; nil where all is well. The lock is held.
func (s *server) warnings(now time.Time) (list []string) {
	for c := range concerns {
		if !s.warned[c] {
			continue
		}
		if text := s.warning(c, now); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// review raises warnings, and clears them, where that is news. While names are lost all over the pool one alarm says
// so, and no warnings. The lock of the server is held.
func (p *Poller) review(s *server) {
	now, manyLost := p.now(), p.namesLost.Load()
	for c := range concerns {
		if c == nameLost && manyLost {
			continue
		}
		text := s.warning(c, now)
		switch warned := s.warned[c]; {
		case text != "" && !warned:
			s.events.add(now, kindWarning, text)
			p.log.Warn().Str("server", s.id).Str("warning", text).Msg("server warning")
		case text == "" && warned:
			s.events.add(now, kindCleared, relief[c])
			p.log.Info().Str("server", s.id).Str("cleared", relief[c]).Msg("server warning cleared")
		}
		s.warned[c] = text != ""
	}
}
