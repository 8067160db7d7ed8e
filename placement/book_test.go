package placement_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// changes is one of each kind, about things that a new book does not know.
func changes() []placement.Change {
	claim := store.Claim{MeetingKey: key("m"), Server: "a", InternalID: "i", Placed: monday, Expected: 15}
	ending := store.Ending{MeetingKey: key("m"), Server: "a", InternalID: "i", Asked: monday}
	seen := placement.Sighting{Key: key("m"), InternalID: "i", People: 3}
	return []placement.Change{
		placement.ServerSet{Server: placement.Server{ID: "a"}},
		placement.ServerRemoved{ID: "b"},
		placement.ClaimLoaded{At: monday, Claim: claim, Room: 1},
		placement.CreateBegun{Key: key("x")},
		placement.CreateOver{Key: key("x")},
		placement.ClaimPlaced{At: monday, Claim: claim, Room: 1},
		placement.ClaimTakenBack{Key: key("x"), Every: true},
		placement.ClaimConfirmed{At: monday, Claim: claim, Anew: true},
		placement.ClaimRedated{Key: key("x"), Placed: monday},
		placement.ClaimMarked{Claim: claim},
		placement.ClaimClosed{At: monday, Claim: claim, Reason: placement.Ended},
		placement.ClaimAdopted{At: monday, Claim: claim, Room: 1, Sighting: seen},
		placement.MeetingEnded{At: monday, Key: key("x"), Owed: []store.Ending{ending}},
		placement.EndingOwed{Ending: ending},
		placement.EndingForgotten{Ending: ending},
		placement.JoinSent{At: monday, Key: key("x"), Who: 7},
		placement.PollBegun{Server: "b"},
		placement.PollSeen{At: monday, Poll: placement.Poll{Server: "b", Began: monday, Meetings: []placement.Sighting{seen}}},
		placement.SeatsLooked{At: monday},
		placement.SeatHeld{Room: 1, Server: "b"},
		placement.SessionLearnt{At: monday, Session: store.Session{ID: "s"}},
		placement.HistoryShortened{At: monday},
		placement.HourRecalled{At: monday, Over: []quota.Begun{{Key: key("x"), At: monday}}, Live: []quota.Begun{{Key: key("x")}}},
		book.Begun{Start: monday, Reports: []book.ReportKept{{From: 1, Serial: 2, At: monday}}},
		book.ServersKept{Servers: []book.ServerKept{{Server: placement.Server{ID: "a"}}}},
		book.TenantsKept{Tenants: []book.TenantKept{{Tenant: "t"}}},
		book.MeetingsKept{Meetings: []book.MeetingKept{{Stay: book.StayKept{Claim: claim, Born: 1}}}},
		book.ClosingsKept{Vanished: true, Closings: []book.ClosingKept{{Key: key("x"), Stay: &book.StayKept{Claim: claim}}}},
		book.EndingsKept{Endings: []store.Ending{ending}},
		book.SeatsKept{Looked: monday, Waiting: []forecast.Room{7}, Seats: []book.SeatKept{{Room: 1, Server: "b"}}},
		book.HistoryKept{State: forecast.State{Rooms: []uint64{1, 2, 3, 9, 1}}},
		book.Whole{},
	}
}

// A change about what a book does not know leaves it sound: those who follow may have begun in the middle.
func TestBook_Unknown(t *testing.T) {
	for _, c := range changes() {
		b := placement.NewBook(placement.Config{}, monday)
		b.Apply(c)
		b.Apply(placement.CreateOver{Key: key("m")})
		if err := b.Check(monday); err != nil {
			t.Errorf("%T: %v", c, err)
		}
	}
}

// follower is a second book that hears of the changes of a ledger's, as they arrive in another process.
type follower struct {
	*placement.Book
	t      testing.TB
	frames book.Frames
	kinds  map[string]bool // that it has heard of
}

func newFollower(t testing.TB, p *pool) *follower {
	f := &follower{
		Book: placement.NewBook(p.config, p.clock.now()), t: t, kinds: map[string]bool{}, frames: book.Frames{Zone: time.UTC},
	}
	f.Draw = func(int) int { panic("what was drawn by lot is not in the change") }
	return f
}

// hear applies a change that was written and read.
func (f *follower) hear(c placement.Change) {
	frames, err := book.Encode(c)
	if err != nil {
		f.t.Fatalf("%T: %v", c, err)
	}
	var read placement.Change
	for _, frame := range frames {
		if read, err = f.frames.Decode(frame); err != nil {
			f.t.Fatalf("%T: %v", c, err)
		}
	}
	f.kinds[fmt.Sprintf("%T", c)] = true
	f.Apply(read)
}

// takeOver returns a follower that has just come, and takes a book over as it stands.
func (f *follower) takeOver(p *pool, b *placement.Book) *follower {
	fresh := newFollower(f.t, p)
	fresh.kinds = f.kinds
	for _, c := range b.Snapshot() {
		fresh.hear(c)
	}
	return fresh
}

// answers is everything that a book can be asked.
type answers struct {
	Meetings   []placement.Info
	Loads      []placement.Load
	Tags       []string
	Where      []placement.Found
	Considered []placement.Considered
	Refused    []string
	Over       []bool
	Refuses    [2]bool
	Seats      []placement.Seat
	Capacity   placement.Capacity
	Ends       []placement.MeetingEnded
	Tallies    map[string]placement.Tally
	Named      []placement.Found
	Admitted   []string
}

func ask(p *pool, b *placement.Book, servers []string, meetings []store.MeetingKey) (a answers) {
	draw := b.Draw
	b.Draw = func(n int) int { return n - 1 } // the first of equals
	defer func() { b.Draw = draw }()
	now := p.clock.now()
	a.Meetings = b.Meetings(now, nil)
	slices.SortFunc(a.Meetings, func(x, y placement.Info) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.MeetingID, y.MeetingID))
	})
	for _, s := range servers {
		a.Loads = append(a.Loads, b.ServerLoad(now, s))
		a.Tags = append(a.Tags, b.Tag(s))
	}
	for i, k := range meetings {
		room := p.Room(k)
		considered := b.Consider(now, k, room, placement.Wish{
			Hint: 40, Tag: []string{"", "x"}[i%2], Alias: []string{"", "x-m1"}[i%3%2], Voice: fmt.Sprint(70 + i%4),
			Limits: store.Limits{Meetings: i % 5, PerHour: i % 7},
		})
		a.Refused = append(a.Refused, fmt.Sprint(considered.Err))
		considered.Err = nil
		a.Considered = append(a.Considered, considered)
		found, _ := b.Where(k)
		same, _ := b.ByInternalID(k.Tenant, found.Claim.InternalID)
		breakout, _ := b.Breakout(k.Tenant, found.Claim.InternalID)
		a.Where = append(a.Where, found, same, breakout)
		named, _ := b.OnServers(k.MeetingID)
		aliased, _ := b.OnServers("x-" + k.MeetingID)
		a.Named = append(a.Named, named, aliased)
		a.Admitted = append(a.Admitted, fmt.Sprint(b.Admits(k, placement.Person(i%5), store.Limits{People: 40 * i, MeetingPeople: 9})))
		end := b.End(now, k, []placement.Copy{{Server: servers[0], InternalID: "other"}})
		a.Ends = append(a.Ends, end)
		for _, s := range servers {
			for _, id := range []string{found.Claim.InternalID, "other"} {
				a.Over = append(a.Over, b.Over(s, placement.Sighting{Key: k, InternalID: id, CreateTime: now.UnixMilli()}))
			}
		}
	}
	a.Tallies = b.Tallies(now)
	a.Seats, a.Capacity = b.Seats(), b.Capacity(now)
	a.Refuses[0], a.Refuses[1] = b.RefusesAll(now)
	return a
}

// day is a random day of a ledger, with what servers have.
type day struct {
	*pool
	draw     *rand.Rand
	servers  []string
	on       map[string]map[store.MeetingKey]there // by server and meeting
	made     int
	underWay map[store.MeetingKey]*placement.Creation // creates that wait for the answer of their server

	followers []*follower
	steady    bool // nobody sets the clock
}

// there is what a server calls a meeting.
type there struct{ internal, alias string }

// key is a meeting of one of two tenants.
func (d *day) key() store.MeetingKey {
	return store.MeetingKey{Tenant: []string{"t", "t", "t", "u"}[d.draw.IntN(4)], MeetingID: fmt.Sprint("m", d.draw.IntN(8))}
}

func (d *day) server() string { return d.servers[d.draw.IntN(len(d.servers))] }

// step lets one thing happen. The store may fail, of which only that memory follows it is of interest.
func (d *day) step(ctx context.Context) {
	switch k := d.key(); d.draw.IntN(13) {
	case 0:
		d.SetServer(placement.Server{
			ID: d.server(), Weight: 1 + d.draw.Float64(), Capacity: d.draw.IntN(300), Hard: d.draw.IntN(3) == 0,
			Standing: placement.Standing(d.draw.IntN(5)), Tag: []string{"", "x"}[d.draw.IntN(2)], Slow: d.draw.IntN(4) == 0,
			Enabled: d.draw.IntN(2) == 0,
		})
	case 1:
		if len(d.underWay) > 0 {
			ctx = expired // it would wait for them
		}
		if d.draw.IntN(4) == 0 {
			_ = d.RemoveServer(ctx, d.server())
		}
	case 2:
		d.clock.add(time.Duration(d.draw.IntN(200)-20) * time.Second)
		if !d.steady && d.draw.IntN(20) == 0 { // somebody sets it
			d.clock.add(time.Duration(d.draw.IntN(48)-24) * time.Hour)
		}
	case 3, 4, 5:
		d.create(ctx, k)
	case 6, 7:
		d.poll(ctx, d.server())
	case 8:
		_ = d.Admit(k, placement.Person(d.draw.IntN(5)), store.Limits{People: d.draw.IntN(90)})
	case 9:
		if found, err := d.Peek(k); err == nil {
			_, _ = d.Close(ctx, found.Claim, []string{placement.Ended, placement.Forgotten}[d.draw.IntN(2)])
		}
	case 10:
		if e := d.TryEnd(k); e != nil {
			_ = e.Ended(ctx, []placement.Copy{{
				Server: d.server(), InternalID: "other", Alias: []string{"", "x-" + k.MeetingID}[d.draw.IntN(2)],
			}})
			e.Release()
		}
	case 11:
		d.Capacity()
		d.Learn(d.held(k.MeetingID, d.clock.now().AddDate(0, 0, -7), 40+d.draw.IntN(100), 0, d.server()))
		d.ShortenHistory(ctx)
	case 12:
		d.called(ctx, k)
		_, _ = d.LoseServer(ctx, d.server())
	}
}

// called lets a server call back.
func (d *day) called(ctx context.Context, k store.MeetingKey) {
	found, err := d.Peek(k)
	if err != nil || d.underWay[k] != nil { // it would wait for that
		return
	}
	_, _ = d.Marked(ctx, k, found.Claim.Server, found.Claim.Placed, d.draw.IntN(2) == 0)
	if d.draw.IntN(2) == 0 {
		_, _ = d.CalledBack(ctx, k, found.Claim.Server, found.Claim.Placed)
	}
}

// create places a meeting, and has its server answer, now or later: until then polls see it or not.
func (d *day) create(ctx context.Context, k store.MeetingKey) {
	if c := d.underWay[k]; c != nil {
		d.answer(ctx, k, c)
		return
	}
	c, err := d.Begin(ctx, k)
	d.must(err)
	w := placement.Wish{
		Hint: d.draw.IntN(60), Recorded: d.draw.IntN(2) == 0, Name: k.MeetingID, Signer: "s", Moderator: "mp",
		Back:  &store.Back{Ended: "https://lms.example.edu/" + k.MeetingID},
		Alias: []string{"", "x-" + k.MeetingID}[d.draw.IntN(2)], Spare: []string{"", fmt.Sprint("y", d.made)}[d.draw.IntN(2)],
		Voice:  []string{"", fmt.Sprint(70 + d.draw.IntN(4))}[d.draw.IntN(2)],
		Limits: store.Limits{Meetings: d.draw.IntN(8), PerHour: d.draw.IntN(20), Tags: [][]string{nil, nil, {"none"}}[d.draw.IntN(3)]},
	}
	if d.draw.IntN(6) == 0 {
		w.Beside = d.server()
	}
	place, err := c.Place(ctx, w, nil)
	if err == nil && d.draw.IntN(4) == 0 {
		_, _ = c.Place(ctx, w, []string{place.Claim.Server})
	}
	if d.underWay[k] = c; d.draw.IntN(3) > 0 {
		d.answer(ctx, k, c)
	}
}

// answer ends a create: its server has the meeting now, or none has.
func (d *day) answer(ctx context.Context, k store.MeetingKey, c *placement.Creation) {
	defer c.End()
	delete(d.underWay, k)
	place, err := d.Peek(k)
	if err != nil || d.draw.IntN(6) == 0 {
		_ = c.GiveUp(ctx)
		return
	}
	on := d.on[place.Claim.Server]
	if on[k].alias != place.Claim.Alias || on[k].internal == "" || d.draw.IntN(5) == 0 {
		d.made++
		on[k] = there{fmt.Sprint("i", d.made), place.Claim.Alias}
	}
	_ = c.Confirm(ctx, placement.Made{
		InternalID: on[k].internal, CreateTime: d.clock.now().UnixMilli(),
		Moderator: store.Secret([]string{"", "mp", "other"}[d.draw.IntN(3)]),
	})
}

// poll shows what a server has: some of it is over, some was made without us.
func (d *day) poll(ctx context.Context, server string) {
	d.BeginPoll(server)
	poll := placement.Poll{Server: server, Began: d.clock.now(), Complete: d.draw.IntN(4) > 0}
	if d.draw.IntN(3) == 0 {
		d.made++
		k := d.key()
		d.on[server][k] = there{fmt.Sprint("i", d.made), []string{"", "x-" + k.MeetingID}[d.draw.IntN(2)]}
	}
	for _, k := range slices.SortedFunc(maps.Keys(d.on[server]), func(x, y store.MeetingKey) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.MeetingID, y.MeetingID))
	}) {
		s := placement.Sighting{
			Key: k, InternalID: d.on[server][k].internal, Alias: d.on[server][k].alias,
			CreateTime: d.clock.now().UnixMilli(), People: d.draw.IntN(60), Recorded: true, Name: k.MeetingID,
		}
		switch d.draw.IntN(6) {
		case 0:
			s.Ended = true
			delete(d.on[server], k)
		case 1:
			delete(d.on[server], k)
			continue
		}
		poll.Meetings = append(poll.Meetings, s)
	}
	d.clock.add(time.Second)
	_, _ = d.Reconcile(ctx, poll)
}

// claimed compares where meetings are in memory with where they are in the store. Internal IDs may be known to memory alone:
// the next poll supplies them.
func (d *day) claimed() {
	d.t.Helper()
	where := func(c store.Claim) string {
		return fmt.Sprint(c.MeetingKey, " as ", c.OnServer(), " on ", c.Server, " since ", c.Placed.UnixNano(), " ", c.Voice, c.Marks)
	}
	var held, stored []string
	for _, m := range d.Meetings() {
		held = append(held, where(m.Claim))
	}
	claims, err := d.store.Claims(d.t.Context())
	d.must(err)
	for _, c := range claims {
		stored = append(stored, where(c))
	}
	slices.Sort(held)
	slices.Sort(stored)
	equal(d.t, "claims in memory, against the store", held, stored)
}

// newDay opens a ledger in whose store there is something already, with a follower, and lets its servers stand.
func newDay(t *testing.T, seed uint64) *day {
	p := newPool(t)
	p.config = all
	f := newFollower(t, p)
	d := &day{
		pool: p, draw: rand.New(rand.NewPCG(seed, 11)), servers: []string{"a", "b", "c", "d"},
		on: map[string]map[store.MeetingKey]there{}, underWay: map[store.MeetingKey]*placement.Creation{},
		followers: []*follower{f},
	}
	p.follow = func(c placement.Change) {
		for _, f := range d.followers {
			f.hear(c)
		}
	}
	p.must(p.store.AddEndings(t.Context(), store.Ending{MeetingKey: key("m1"), Server: "a", InternalID: "old", Asked: monday}))
	_, err := p.store.CreateClaim(t.Context(), store.Claim{
		MeetingKey: key("m2"), Server: "b", InternalID: "x", Placed: monday, Expected: 20,
	})
	p.must(err)
	parts := p.parts(d.servers...)
	parts.History, parts.Offline = p.store.sessions.(store.Index), true
	p.Ledger, err = placement.OpenLedger(t.Context(), parts)
	p.must(err)
	p.SetDraw(d.draw.IntN)
	for _, s := range d.servers {
		d.on[s] = map[store.MeetingKey]there{}
		p.SetServer(placement.Server{ID: s, Weight: 1, Standing: placement.Open, Enabled: true})
	}
	for i := range 8 {
		p.lecture(fmt.Sprint("m", i), 2, 50+10*i)
		p.lecture(fmt.Sprint("m", i), 1, 50+10*i)
	}
	p.clock.add(110 * time.Minute) // seats are about to be due
	p.store.set(func(string) error {
		if d.draw.IntN(12) == 0 {
			return errDisk
		}
		return nil
	})
	return d
}

// Whatever happens on a day, also when the store fails: memory says of each claim what the store does, and another book
// that hears of the changes alone, and knows no lot and no clock, answers every question as the ledger's does: one that has
// been there from the beginning, and one that came at any time and took the book over as it stood.
func TestBook_Follow(t *testing.T) {
	kinds := map[string]bool{}
	var meetings []store.MeetingKey
	for i := range 9 {
		id := fmt.Sprint("m", i)
		meetings = append(meetings, key(id), store.MeetingKey{Tenant: "u", MeetingID: id})
	}
	for seed := range uint64(4) {
		d := newDay(t, seed)
		latest := d.clock.now() // what has faded by then does not come back when somebody sets the clock
		f, comes := d.followers[0], rand.New(rand.NewPCG(seed, 12))
		for step := 1; step <= 300 && !t.Failed(); step++ {
			d.step(t.Context())
			latest = later(latest, d.clock.now())
			d.must(d.Book().Recount(latest))
			if comes.IntN(20) == 0 {
				d.followers = append(d.followers[:1], f.takeOver(d.pool, d.Book()))
			}
			for _, f := range d.followers {
				d.must(f.Recount(latest))
			}
			if step%10 == 0 {
				want := ask(d.pool, d.Book(), d.servers, meetings)
				for i, f := range d.followers {
					equal(t, fmt.Sprintf("seed %d, step %d, follower %d", seed, step, i), ask(d.pool, f.Book, d.servers, meetings), want)
				}
				d.claimed()
			}
		}
		for k, c := range d.underWay {
			d.answer(t.Context(), k, c)
		}
		d.clock.add(latest.Sub(d.clock.now()))
		d.must(errors.Join(d.Check(), f.Check(d.clock.now())))
		for k := range f.kinds {
			kinds[k] = true
		}
	}
	for _, c := range changes() {
		if kind := fmt.Sprintf("%T", c); !kinds[kind] {
			t.Errorf("no %s happened", kind)
		}
	}
}

// What a book answers does not depend on what it was asked before: those who follow it do not hear of that.
func TestBook_Asked(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 1))
	asked, other := placement.NewBook(all, monday), placement.NewBook(all, monday)
	apply := func(c placement.Change) {
		asked.Apply(c)
		other.Apply(c)
	}
	apply(placement.ServerSet{Server: placement.Server{ID: "a", Weight: 1, Standing: placement.Open}})
	now, list := monday, []store.Claim{}
	for i := range 400 {
		now = now.Add(time.Duration(draw.IntN(int(time.Minute))))
		c := store.Claim{MeetingKey: key(fmt.Sprint(i)), Server: "a", Placed: now, Expected: 50 * draw.Float64()}
		apply(placement.ClaimPlaced{At: now, Claim: c})
		if list = append(list, c); draw.IntN(3) == 0 {
			apply(placement.ClaimClosed{At: now, Claim: list[draw.IntN(len(list))], Reason: placement.Ended})
		}
		if i%50 == 0 {
			apply(placement.PollSeen{At: now, Poll: placement.Poll{Server: "a", Began: now}})
		}
		asked.ServerLoad(now.Add(30*time.Second), "a")
		if i%10 == 0 {
			equal(t, "load", asked.ServerLoad(now, "a"), other.ServerLoad(now, "a"))
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
