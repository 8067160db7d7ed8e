package book

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// Check reports everything in which the book contradicts itself while nothing is under way.
func (b *Book) Check(t time.Time) error {
	errs := []error{b.Recount(t)}
	for key, m := range b.where.meetings {
		if m.creating || m.pending || m.replaced != nil {
			errs = append(errs, fmt.Errorf("meeting %v is under way: %+v", key, m))
		}
	}
	return errors.Join(errs...)
}

// Recount reports every count, and every index, that says something else than what it is of, at any time.
func (b *Book) Recount(t time.Time) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	now, attached := b.clock.now(t), 0
	for id, s := range b.where.pages {
		people, expected := s.strays, 0.0
		for key, m := range s.meetings {
			people += m.here()
			expected += m.claim.Expected * max(0, 1-(now-m.born)/b.config.Fade.Seconds())
			if b.where.meetings[key] != m || m.page != s || m.claim.Server != id || m.claim.MeetingKey != key {
				wrong("meeting %v is on the page of %s by mistake", key, id)
			}
		}
		attached += len(s.meetings)
		if people != s.people {
			wrong("%s: %d people counted, %d in its meetings", id, s.people, people)
		}
		if got := s.fading.At(now); math.Abs(got-expected) > 1e-6 {
			wrong("%s: %g expected, %g in its meetings", id, got, expected)
		}
	}
	for key, m := range b.where.meetings {
		if m.page != nil {
			attached--
		} else if b.where.pages[m.claim.Server] != nil {
			wrong("meeting %v is not on the page of %s", key, m.claim.Server)
		}
		if m.early < 0 || m.late < 0 || m.people < 0 {
			wrong("meeting %v is in an impossible state: %+v", key, m)
		}
	}
	errs = append(errs, b.where.checkTenants(), b.where.checkNames(), b.owed.Check())
	if attached != 0 {
		wrong("%d meetings are on a page and nowhere else", attached)
	}
	return errors.Join(errs...)
}

// checkTenants compares what tenants are said to have with what they have.
func (w *places) checkTenants() error {
	has := map[string]quota.Tenant{}
	for key, m := range w.meetings {
		one := has[key.Tenant]
		one.People += m.people - m.guess + m.early + m.late
		if m.claim.Breakout {
			one.Breakouts++
		} else {
			one.Meetings++
		}
		has[key.Tenant] = one
	}
	for id, said := range w.tenants {
		one := has[id]
		if said.Meetings != one.Meetings || said.People != one.People || said.Breakouts != one.Breakouts {
			return fmt.Errorf("tenant %s is said to have %+v, and has %+v", id, said, one)
		}
		delete(has, id)
	}
	if len(has) > 0 {
		return fmt.Errorf("nobody counts for %v", has)
	}
	return nil
}

// checkNames finds names that one meeting has, and the index says otherwise.
func (w *places) checkNames() error {
	for x, of := range map[index]func(store.Claim) string{
		w.ids: store.Claim.OnServer, w.voices: func(c store.Claim) string { return c.Voice },
	} {
		named := 0
		for _, m := range w.meetings {
			name := of(m.claim)
			if name == "" {
				continue
			}
			named++
			holder, found := x.Holder(name)
			if !found || w.meetings[holder.claim.MeetingKey] != holder || of(holder.claim) != name {
				return fmt.Errorf("%q is the name of %v, and of %v in the index", name, m, holder)
			}
		}
		if found, shared := x.Check(); named != found+shared {
			return fmt.Errorf("%d names, %d in the index and %d shared", named, found, shared)
		}
	}
	return nil
}

// Seat is room held for a meeting that is not created yet.
type Seat struct {
	Server string
	Size   float64 // people
	Until  time.Time
}

// Seats returns the seats that are held.
func (b *Book) Seats() (list []Seat) {
	for _, s := range b.seats.held {
		if s.page != nil {
			list = append(list, Seat{s.page.ID, s.size, s.until})
		}
	}
	slices.SortFunc(list, func(a, b Seat) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Server, b.Server))
	})
	return list
}
