package placement

import (
	"errors"
	"fmt"
	"math"
)

// Fading lets the sum of expectations be compared with the naive one.
type Fading struct{ f fading }

func NewFading(span float64) *Fading            { return &Fading{fading{span: span}} }
func (f *Fading) At(now float64) float64        { return f.f.at(now) }
func (f *Fading) Add(born, expected float64)    { f.f.add(born, expected) }
func (f *Fading) Remove(born, expected float64) { f.f.remove(born, expected) }

// Check reports everything in which the ledger contradicts itself while nothing is under way.
func (l *Ledger) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	now, attached := l.clock(l.now()), 0
	for id, s := range l.servers {
		people, expected := s.strays, 0.0
		for key, m := range s.meetings {
			people += m.here()
			expected += m.claim.Expected * max(0, 1-(now-m.born)/s.fading.span)
			if l.meetings[key] != m || m.server != s || m.claim.Server != id || m.claim.MeetingKey != key {
				fault("meeting %v is on the page of %s by mistake", key, id)
			}
		}
		attached += len(s.meetings)
		if people != s.people {
			fault("%s: %d people counted, %d in its meetings", id, s.people, people)
		}
		if got := s.fading.at(now); math.Abs(got-expected) > 1e-6 {
			fault("%s: %g expected, %g in its meetings", id, got, expected)
		}
	}
	for key, m := range l.meetings {
		if m.server != nil {
			attached--
		} else if l.servers[m.claim.Server] != nil {
			fault("meeting %v is not on the page of %s", key, m.claim.Server)
		}
		if m.creating || m.pending || m.early < 0 || m.late < 0 || m.people < 0 {
			fault("meeting %v is in an impossible state: %+v", key, m)
		}
	}
	if attached != 0 {
		fault("%d meetings are on a page and nowhere else", attached)
	}
	if len(l.turns) != 0 {
		fault("%d turns are left over", len(l.turns))
	}
	return errors.Join(errs...)
}
