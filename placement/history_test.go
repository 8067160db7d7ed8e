package placement_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// all is the whole rule, as by default.
var all = placement.Config{
	Sessions: 3, SeatMin: 50, SeatLead: 20 * time.Minute, SeatGrace: 10 * time.Minute, Days: 400,
}

// newC3 returns a pool with the whole rule.
func newC3(t testing.TB, servers ...string) *pool {
	t.Helper()
	p := newPool(t)
	p.config = all
	p.restart(servers...)
	return p
}

// held is a session of a room that began at that time and went on for an hour.
func (p *pool) held(id string, start time.Time, peak, hint int, server string) store.Session {
	return store.Session{
		ID: fmt.Sprint(id, start.Unix()), Tenant: "t", Meeting: p.Hash(key(id)), Server: server,
		Start: start, End: start.Add(time.Hour), Peak: peak, Hint: hint,
	}
}

// learn lets the pool have had a session so many days ago, at this time of the day.
func (p *pool) learn(id string, days, peak, hint int) {
	p.Learn(p.held(id, p.clock.now().AddDate(0, 0, -days), peak, hint, ""))
}

// own is how many people are expected in a new meeting, and from what.
func (p *pool) own(id string, hint int) string {
	considered := p.Consider(key(id), placement.Wish{Hint: hint})
	return fmt.Sprintf("%.2f %s", considered.Expected, considered.Basis)
}

// Expected is what the room had the last three times; if it is new, what was announced, corrected by how announcements
// turned out, up to five times the tenant's mean; else that mean.
func TestExpect(t *testing.T) {
	p := newC3(t, "a")
	equal(t, "nothing known", p.own("m", 0), "15.00 default")
	equal(t, "a hint, half of it", p.own("m", 40), "20.00 hint")
	equal(t, "a lie", p.own("m", 5000), "75.00 hint")
	p.learn("m", 4, 100, 0)
	equal(t, "one session", p.own("m", 5000), "100.00 history")
	p.learn("m", 3, 10, 0)
	p.learn("m", 2, 20, 0)
	p.learn("m", 1, 30, 0)
	equal(t, "the last three", p.own("m", 0), "20.00 history")
	equal(t, "another room of the tenant: (45 + 160)/(3 + 4)", p.own("n", 0), "29.29 tenant")
	p.learn("h", 1, 30, 300)
	equal(t, "announced 300, 30 came: (50 + 30)/(100 + 300)", p.own("n", 100), "20.00 hint")
	stranger := store.MeetingKey{Tenant: "other", MeetingID: "m"}
	equal(t, "another tenant's room by that ID", p.Consider(stranger, placement.Wish{}).Expected, 15.0)
}

// What was over at once, or had nobody in it, says nothing about the next time.
func TestExpect_NotTelling(t *testing.T) {
	p := newC3(t, "a")
	p.learn("m", 1, 1, 0)
	short := p.held("m", p.clock.now().AddDate(0, 0, -1), 80, 0, "")
	short.End = short.Start.Add(2 * time.Minute)
	p.Learn(short)
	old := p.held("m", p.clock.now().AddDate(0, 0, -1), 80, 0, "")
	old.Meeting = ""
	p.Learn(old)
	equal(t, "its own", p.own("m", 0), "31.25 tenant") // of a row from before there were names: not its room, and (45 + 80)/(3 + 1)
}

// The rule without history is C1: fifteen, whatever was and whatever is announced.
func TestExpect_C1(t *testing.T) {
	p := newPool(t, "a")
	p.learn("m", 1, 80, 0)
	equal(t, "expected", p.own("m", 500), "15.00 default")
}

// The history outlives the process, and its names do: the key is the pool's.
func TestLoadHistory(t *testing.T) {
	p := newC3(t, "a")
	index := p.store.sessions.(store.Index)
	open := func() {
		parts := p.parts("a", "b")
		parts.History, parts.Offline = index, true
		ledger, err := placement.OpenLedger(t.Context(), parts)
		p.must(err)
		p.Ledger = ledger
		p.stand(placement.Open, "a", "b")
	}
	open()
	name := p.Hash(key("m"))
	claim := p.create("m")
	p.poll(claim.Server, sees(claim, 60))
	p.clock.add(time.Hour)
	p.poll(claim.Server, ended(sees(claim, 0)))
	equal(t, "learnt", p.own("m", 0), "60.00 history")
	p.clock.add(time.Hour)
	open()
	equal(t, "name", p.Hash(key("m")), name)
	equal(t, "after a restart", p.own("m", 0), "60.00 history")
	sessions, err := index.MeetingSessions(t.Context(), "t", name, 10)
	p.must(err)
	equal(t, "rows", len(sessions), 1)
	equal(t, "why", sessions[0].Why, claim.Why)
	equal(t, "its own", claim.Why.Own, 15.0)
	p.clock.add(71 * 24 * time.Hour)
	open()
	equal(t, "long ago", p.own("m", 0), "15.00 default")
	p.check()
}

// What is older than it may be is removed, from the store and from memory.
func TestLedger_Run(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		p.config = all
		p.config.Days = 30
		p.restart("a")
		index := p.store.sessions.(store.Index)
		for days := range 60 {
			p.must(index.AddSession(t.Context(), p.held("m", p.clock.now().AddDate(0, 0, -days-1), 40, 0, "a")))
		}
		parts := p.parts("a")
		parts.History = index
		ledger, err := placement.OpenLedger(t.Context(), parts)
		p.must(err)
		p.Ledger = ledger
		p.stand(placement.Open, "a")
		p.learn("m", 71, 40, 0)
		_, err = p.Begin(expired, key("n"))
		wantErr(t, "a create while the history is not read", err, context.Canceled)
		p.must(p.Run(timeout(t, time.Minute)))
		left, err := index.SessionsSince(t.Context(), time.Time{}, "", 100)
		p.must(err)
		equal(t, "rows", len(left), 30)
		equal(t, "the room", p.own("m", 0), "21.25 tenant") // only the mean of the tenant remembers
	})
}

// timeout ends after so much time of the bubble's.
func timeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// What a server makes up about meetings that nobody was sent to changes nothing that is expected of others, nor what
// the pool seems to have carried; and no server is believed to have had a town in one meeting.
func TestExpect_MadeUp(t *testing.T) {
	p := newC3(t, "a", "evil")
	fake := placement.Sighting{
		Key: key("fake"), InternalID: "x", CreateTime: monday.Add(-time.Hour).UnixMilli(), People: 1_000_000,
	}
	p.poll("evil", fake)
	p.poll("evil")
	p.poll("evil")
	equal(t, "a new room", p.own("new", 0), "15.00 default")
	equal(t, "tightest", p.Capacity().Tightest.People, 0.0)
	p.learn("m", 1, 1_000_000, 0)
	equal(t, "five times what a server carries", p.own("m", 0), "1000.00 history")
}
