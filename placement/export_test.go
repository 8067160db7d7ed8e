package placement

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Fading lets the sum of expectations be compared with the naive one.
type Fading struct{ f fading }

func NewFading(span float64) *Fading            { return &Fading{fading{span: span}} }
func (f *Fading) At(now float64) float64        { return f.f.at(now) }
func (f *Fading) Add(born, expected float64)    { f.f.add(born, expected) }
func (f *Fading) Remove(born, expected float64) { f.f.remove(born, expected) }

// SetDraw decides what is drawn for servers that are equal in everything.
func (l *Ledger) SetDraw(draw func(n int) int) { l.book.Draw = draw }

// Book is the ledger's book, to look at while nothing is under way.
func (l *Ledger) Book() *Book { return l.book }

// Check reports everything in which the ledger contradicts itself while nothing is under way.
func (l *Ledger) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.book.Check(l.now())
	if len(l.turns) != 0 {
		err = errors.Join(err, fmt.Errorf("%d turns are left over", len(l.turns)))
	}
	return err
}

// Check reports everything in which the book contradicts itself while nothing is under way.
func (b *Book) Check(t time.Time) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	now, attached := b.clock(t, t), 0
	for id, s := range b.pages {
		people, expected := s.strays, 0.0
		for key, m := range s.meetings {
			people += m.here()
			expected += m.claim.Expected * max(0, 1-(now-m.born)/s.fading.span)
			if b.meetings[key] != m || m.page != s || m.claim.Server != id || m.claim.MeetingKey != key {
				wrong("meeting %v is on the page of %s by mistake", key, id)
			}
		}
		attached += len(s.meetings)
		if people != s.people {
			wrong("%s: %d people counted, %d in its meetings", id, s.people, people)
		}
		if got := s.fading.at(now); math.Abs(got-expected) > 1e-6 {
			wrong("%s: %g expected, %g in its meetings", id, got, expected)
		}
	}
	for key, m := range b.meetings {
		if m.page != nil {
			attached--
		} else if b.pages[m.claim.Server] != nil {
			wrong("meeting %v is not on the page of %s", key, m.claim.Server)
		}
		if m.creating || m.pending || m.replaced != nil || m.early < 0 || m.late < 0 || m.people < 0 {
			wrong("meeting %v is in an impossible state: %+v", key, m)
		}
	}
	if attached != 0 {
		wrong("%d meetings are on a page and nowhere else", attached)
	}
	return errors.Join(errs...)
}
