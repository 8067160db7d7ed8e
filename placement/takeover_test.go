package placement_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// Joins that are sent by those who follow count everywhere, each once: whoever comes back of them, also where reports are
// lost, and where another instance leads in between.
func TestLedger_Take(t *testing.T) {
	p := newPool(t)
	all := newInstances(p, 3, "a")
	p.stand(placement.Open, "a")
	claim := p.create("m")
	all.settle()
	there := func(l *placement.Ledger) string {
		list := l.Meetings()
		return fmt.Sprint(list[0].People, " people, ", list[0].Joins, " joins")
	}
	one, two := all.others[0], all.others[1]
	p.must(one.Admit(claim.MeetingKey, 0, store.Limits{}))
	p.must(one.Admit(claim.MeetingKey, 7, store.Limits{}))
	p.must(one.Admit(claim.MeetingKey, 7, store.Limits{}))
	reports := slices.Clone(one.reports)
	all.settle()
	one.reports = reports // arrive again
	all.settle()
	p.must(one.Admit(claim.MeetingKey, 7, store.Limits{}))
	p.must(two.Admit(claim.MeetingKey, 7, store.Limits{}))
	p.must(two.Admit(claim.MeetingKey, 0, store.Limits{}))
	all.settle()
	for _, i := range append(all.others, all.leader) {
		equal(t, "while one leads", there(i.Ledger), "3 people, 6 joins")
	}
	equal(t, "joins for the accounts", all.sent, 6)
	p.must(one.Admit(claim.MeetingKey, 8, store.Limits{}))
	p.must(two.Admit(claim.MeetingKey, 9, store.Limits{}))
	all.report(two)
	one.reports = nil // is lost with the leader, as is what that has told of the other one
	all.lead(two)
	equal(t, "of the next that leads", there(two.Ledger), "4 people, 7 joins")
	all.settle()
	for _, i := range append(all.others, all.leader) {
		equal(t, "when another leads", there(i.Ledger), "5 people, 8 joins")
	}
}

// What another instance may report are joins.
func TestLedger_TakeOther(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	for _, c := range []placement.Change{
		placement.ServerRemoved{ID: "a"}, placement.JoinSent{Key: key("m")}, placement.ClaimClosed{Claim: claim},
	} {
		if err := p.Take(frameOf(t, c)); err == nil {
			t.Errorf("%T was taken", c)
		}
	}
	if p.Take([]byte(`{"kind":"join-sent","key":7}`)) == nil {
		t.Error("what cannot be read was taken")
	}
	p.must(p.Take([]byte(`{"kind":"of a newer version"}`)))
	equal(t, "joins", p.Meetings()[0].Joins, 0)
	p.check()
}

// A limit on people holds at each instance also for those that the leader has not counted yet, and lets nobody in twice.
func TestLedger_AdmitFollowing(t *testing.T) {
	p := newPool(t)
	all := newInstances(p, 2, "a")
	p.stand(placement.Open, "a")
	p.create("m")
	p.create("n")
	all.settle()
	other := all.others[0]
	admit := func(id string, who placement.Person, l store.Limits) error { return other.Admit(key(id), who, l) }
	p.must(admit("m", 1, store.Limits{MeetingPeople: 2}))
	p.must(admit("m", 2, store.Limits{MeetingPeople: 2}))
	p.must(admit("m", 2, store.Limits{MeetingPeople: 2, People: 2}))
	wantErr(t, "the third in a meeting", admit("m", 3, store.Limits{MeetingPeople: 2}), placement.ErrMeetingPeople)
	wantErr(t, "the third of the tenant", admit("n", 3, store.Limits{People: 2}), placement.ErrPeople)
	p.must(admit("n", 3, store.Limits{MeetingPeople: 1, People: 3}))
	equal(t, "reports", len(other.reports), 4)
	p.clock.add(2 * time.Minute) // nobody takes them
	p.must(admit("n", 4, store.Limits{}))
	p.must(admit("m", 5, store.Limits{MeetingPeople: 1, People: 2}))
}

// An instance that has heard nothing leads with what the store has. Creates wait until it has read the history.
func TestLedger_LeadUnheard(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		p.config = all
		several := newInstances(p, 1, "a")
		p.stand(placement.Open, "a")
		claim := p.create("m")
		past := func(room string, start time.Time, peak int) {
			s := p.held(room, start, peak, 0, "a")
			s.Joins = peak
			p.must(p.store.AddSession(t.Context(), s))
		}
		past("room", p.clock.now().AddDate(0, 0, -1), 40)
		p.must(p.store.AddEndings(t.Context(), store.Ending{MeetingKey: key("old"), Server: "a", InternalID: "i", Asked: p.clock.now()}))
		next := several.start(true, "a")
		p.Ledger, several.lease.holder = next.Ledger, next.self
		wantErr(t, "before it leads", next.Run(t.Context()), placement.ErrFollower)
		p.must(next.Lead(t.Context()))
		p.stand(placement.Open, "a")
		_, err := next.Begin(timeout(t, time.Second), key("n"))
		wantErr(t, "a create before the history is read", err, context.DeadlineExceeded)
		equal(t, "claims", next.Claims(), []store.Claim{claim})
		equal(t, "endings", len(next.Endings()), 1)
		p.must(next.Run(timeout(t, time.Minute)))
		equal(t, "expected", p.own("room", 0), "40.00 history")
		p.create("n")
		past("late", p.clock.now().Add(-time.Hour), 60)
		next.Follow()
		p.must(next.Lead(t.Context())) // again: what was known is known still
		p.create("o")
		p.must(next.Run(timeout(t, time.Minute)))
		equal(t, "expected, as before", p.own("room", 0), "40.00 history")
		equal(t, "expected of what has ended meanwhile", p.own("late", 0), "60.00 history")
		p.check()
	})
}

// Servers are those of the pool when a term begins, and what is claimed on others is closed.
func TestLedger_LeadServers(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m", "b")
	p.create("n", "a")
	parts := p.parts()
	parts.Follows = true
	parts.Pool = func(context.Context) ([]string, error) { return nil, errDisk }
	next, err := placement.OpenLedger(t.Context(), parts)
	p.must(err)
	wantErr(t, "servers that cannot be read", next.Lead(t.Context()), errDisk)
	equal(t, "it leads", next.Leads(), false)
	parts.Pool = func(context.Context) ([]string, error) { return []string{"a"}, nil }
	p.Ledger, err = placement.OpenLedger(t.Context(), parts)
	p.must(err)
	p.must(p.Lead(t.Context()))
	equal(t, "claims", p.Claims(), []store.Claim{claim})
	p.check()
}

// After the lease was lost a create touches the store no more, and says that another instance decides.
func TestCreation_Fenced(t *testing.T) {
	p := newPool(t)
	all := newInstances(p, 2, "a", "b")
	p.stand(placement.Open, "a", "b")
	c := p.begin("m")
	place := p.place(c)
	all.lease.holder = all.others[0].self
	var calls []string
	p.store.set(func(call string) error { calls = append(calls, call); return nil })
	_, err := c.Place(t.Context(), fifteen, []string{place.Claim.Server})
	wantErr(t, "placing it elsewhere", err, placement.ErrFollower)
	wantErr(t, "placing it elsewhere", err, store.ErrFenced)
	equal(t, "where it is", p.where("m"), place.Claim.Server)
	_, err = c.Place(t.Context(), fifteen, nil)
	wantErr(t, "placing it", err, placement.ErrFollower)
	wantErr(t, "confirming it", c.Confirm(t.Context(), placement.Made{InternalID: "i"}), placement.ErrFollower)
	wantErr(t, "giving it up", c.GiveUp(t.Context()), placement.ErrFollower)
	c.End()
	equal(t, "calls of the store", calls, nil)
	p.must(p.Fault())
	p.check()
}

// What was handed on twice is known again: the claim that stands was made by the very same create.
func TestPlacement_Same(t *testing.T) {
	p := newPool(t, "a", "b")
	place := func(request string) placement.Placement {
		c := p.begin("m")
		defer c.End()
		place, err := c.Place(t.Context(), placement.Wish{Request: request}, nil)
		p.must(err)
		if !place.Known {
			p.must(c.Confirm(t.Context(), placement.Made{InternalID: "i", CreateTime: 1}))
		}
		return place
	}
	first := place("r1")
	equal(t, "the first one", [2]bool{first.Known, first.Same}, [2]bool{})
	again := place("r1")
	equal(t, "the same one", [2]bool{again.Known, again.Same}, [2]bool{true, true})
	equal(t, "which is there", again.Claim.InternalID, "i")
	equal(t, "another one", place("r2").Same, false)
	equal(t, "one of our own", place("").Same, false)
	equal(t, "the first one's still", place("r1").Same, true)
	p.restart("a", "b")
	equal(t, "after a restart", place("r1").Same, true)
	c := p.begin("m") // the server had lost it, and this create has made it anew
	_, err := c.Place(t.Context(), placement.Wish{Request: "r3"}, nil)
	p.must(err)
	p.clock.add(time.Second)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "j", CreateTime: 2}))
	c.End()
	equal(t, "who made it anew", [2]bool{place("r3").Same, place("r1").Same}, [2]bool{true, false})
	p.check()
}

// While the database is away nothing is placed, and that is what is said.
func TestCreation_Away(t *testing.T) {
	p := newPool(t, "a")
	p.store.set(func(string) error { return fmt.Errorf("create claim: %w", store.ErrAway) })
	c := p.begin("m")
	_, err := c.Place(t.Context(), fifteen, nil)
	wantErr(t, "placing it", err, store.ErrAway)
	equal(t, "meetings", p.Count(), 0)
	p.store.set(nil)
	p.place(c)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "i", CreateTime: 1}))
	c.End()
	p.check()
}

// Those who begin to follow in the midst of joins, creates and polls hear of each change once: when all is over they have what
// the leader has.
func TestLedger_Tell(t *testing.T) {
	p := newPool(t, "a", "b")
	for i := range 40 {
		p.create(fmt.Sprint("m", i))
	}
	var work, telling sync.WaitGroup
	for g := range 4 {
		work.Go(func() {
			for i := range 300 {
				p.Joined(key(fmt.Sprint("m", i%40)), placement.Person(g*1_000+i))
				if i%50 == 0 {
					p.BeginPoll("a")
				}
			}
		})
	}
	followers := make([]*placement.Book, 4)
	var stops [4]func()
	for i := range followers {
		telling.Go(func() {
			b, frames := placement.NewBook(p.config, p.clock.now()), book.Frames{Zone: time.UTC}
			followers[i], stops[i] = b, p.Tell(func(frame []byte) {
				c, err := frames.Decode(frame)
				if err != nil {
					t.Error(err)
				}
				b.Apply(c)
			})
		})
	}
	telling.Wait()
	work.Wait()
	for i, stop := range stops {
		stop()
		b := followers[i]
		p.must(b.Recount(p.clock.now()))
		equal(t, "loads", [2]placement.Load{b.ServerLoad(p.clock.now(), "a"), b.ServerLoad(p.clock.now(), "b")},
			[2]placement.Load{p.ServerLoad("a"), p.ServerLoad("b")})
	}
	p.Joined(key("m1"), 0)
	if b := followers[0]; b.Tally("t", p.clock.now()).People >= p.Tally("t").People {
		t.Error("somebody was told of a join after he had stopped to follow")
	}
}

// A stream that is broken has to begin anew; until all is told the book answers as it stood.
func TestLedger_Hear(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	parts := p.parts()
	parts.Follows = true
	f, err := placement.OpenLedger(t.Context(), parts)
	p.must(err)
	var told [][]byte
	stop := p.Tell(func(frame []byte) { told = append(told, frame) })
	defer stop()
	hear := func(frames ...[]byte) (err error) {
		for i, frame := range frames {
			err = errors.Join(err, f.Hear(frame, i == 0))
		}
		return err
	}
	if f.Hear(told[1], false) == nil {
		t.Error("it heard what did not begin")
	}
	p.must(hear(told[:len(told)-1]...))
	equal(t, "meetings, while not all is told", f.Count(), 0)
	p.must(hear(told...))
	equal(t, "meetings", f.Count(), 1)
	if f.Hear([]byte("{"), false) == nil || f.Hear(told[1], false) == nil {
		t.Error("it goes on after something was missing")
	}
	p.create("n")
	p.must(hear(told...))
	equal(t, "meetings, all told anew", f.Count(), 2)
}

// An instance that gives up its lease on purpose lets creates that are under way come to their end, and begins no more.
func TestLedger_Finish(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		c := p.begin("m")
		done := make(chan struct{})
		go func() { p.Finish(t.Context()); close(done) }()
		p.place(c)
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: "i", CreateTime: 1}))
		for {
			if _, err := p.Begin(t.Context(), key("n")); errors.Is(err, placement.ErrFollower) {
				break
			}
		}
		equal(t, "it leads", p.Leads(), true)
		c.End()
		<-done
		equal(t, "it leads, when all is over", p.Leads(), false)
		equal(t, "meetings", p.Count(), 1)
		p.Finish(t.Context()) // at once
		p.must(p.Lead(t.Context()))
		e, err := p.BeginEnd(t.Context(), key("m"))
		p.must(err)
		p.Finish(timeout(t, time.Second))
		wantErr(t, "an end that took too long", e.Ended(t.Context(), nil), placement.ErrFollower)
		e.Release()
	})
}

// sometimes is a history that can be read from a time on.
type sometimes struct {
	store.Index
	from time.Time
	now  func() time.Time
}

func (s sometimes) SessionsSince(ctx context.Context, t time.Time, after string, limit int) ([]store.Session, error) {
	if s.now().Before(s.from) {
		return nil, fmt.Errorf("read sessions: %w", store.ErrAway)
	}
	return s.Index.SessionsSince(ctx, t, after, limit)
}

// While the history is away creates go on without it, and nobody is told that nothing can be written; it is read when it is
// there again.
func TestLedger_RunAway(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		p.config = all
		start := time.Now()
		p.restart("a")
		parts := p.parts("a")
		parts.History = sometimes{p.store.sessions.(store.Index), start.Add(150 * time.Second), time.Now}
		ledger, err := placement.OpenLedger(t.Context(), parts)
		p.must(err)
		p.Ledger = ledger
		p.stand(placement.Open, "a")
		past := p.held("m", p.clock.now().AddDate(0, 0, -1), 40, 0, "a")
		past.Joins = 40
		p.must(p.store.AddSession(t.Context(), past))
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- p.Run(ctx) }()
		time.Sleep(time.Minute)
		p.create("n")
		p.must(p.Fault())
		equal(t, "expected, while nothing is known", p.own("m", 0), "15.00 default")
		time.Sleep(3 * time.Minute)
		equal(t, "expected, when the history is there again", p.own("m", 0), "40.00 history")
		stop()
		p.must(<-over)
	})
}

// What a leader of before has ended, and not closed any more, is closed by the next one, which waits for the history no longer than a
// moment: nobody else's meeting waits for that. Whoever creates one of those does.
func TestLead_SlowHistory(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.store.fail("DeleteClaim")
	wantErr(t, "end", p.end("m"), errDisk)
	slow := make(chan struct{})
	p.store.set(func(call string) error {
		if call == "AddSession" {
			<-slow
		}
		return nil
	})
	parts := p.parts("a")
	parts.Follows = true
	next, err := placement.OpenLedger(t.Context(), parts)
	p.must(err)
	p.Ledger = next
	p.must(p.Lead(t.Context()))
	p.stand(placement.Open, "a")
	p.create("another")
	began := make(chan *placement.Creation)
	go func() {
		c, err := p.Begin(t.Context(), key("m"))
		if err != nil {
			t.Error(err)
		}
		began <- c
	}()
	select {
	case <-began:
		t.Error("a meeting is created that is just being closed")
	case <-time.After(50 * time.Millisecond):
	}
	close(slow)
	c := <-began
	equal(t, "it is known", p.place(c).Known, false)
	c.End()
	p.check()
}
