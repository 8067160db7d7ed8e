package placement_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// bookOf returns a book with servers, in which nothing is decided by lot: of equals it takes the first.
func bookOf(config placement.Config, servers ...placement.Server) *placement.Book {
	b := placement.NewBook(config, monday)
	b.Draw = func(n int) int { return n - 1 }
	for _, s := range servers {
		b.Apply(placement.ServerSet{Server: s})
	}
	return b
}

func open(id string) placement.Server {
	return placement.Server{ID: id, Weight: 1, Standing: placement.Open, Enabled: true}
}

// with changes a server.
func with(s placement.Server, change func(*placement.Server)) placement.Server {
	change(&s)
	return s
}

func standing(id string, standing placement.Standing) placement.Server {
	return with(open(id), func(s *placement.Server) { s.Standing = standing })
}

func tagged(s placement.Server, tag string) placement.Server {
	return with(s, func(s *placement.Server) { s.Tag = tag })
}

func hard(s placement.Server, capacity int) placement.Server {
	return with(s, func(s *placement.Server) { s.Capacity, s.Hard = capacity, true })
}

// on is a claim that a server has confirmed, of a meeting of nobody so far.
func on(server, id string) store.Claim {
	return store.Claim{
		MeetingKey: key(id), Server: server, InternalID: id + "@" + server, CreateTime: monday.UnixMilli(), Placed: monday,
	}
}

// settle places a meeting, and has its server confirm it.
func settle(b *placement.Book, c store.Claim) {
	b.Apply(placement.ClaimPlaced{At: c.Placed, Claim: c})
	b.Apply(placement.ClaimConfirmed{At: c.Placed, Claim: c})
	b.Apply(placement.CreateOver{Key: c.MeetingKey})
}

// join lets people be on their way to a meeting.
func join(b *placement.Book, id string, people int) {
	for range people {
		b.Join(placement.JoinSent{At: monday, Key: key(id)})
	}
}

// Where a create goes: first by who answers, then by tag, then by what counts on the server; a breakout room where its
// parent is. What is proposed is not placed.
func TestBook_Propose(t *testing.T) {
	a, b, c := open("a"), open("b"), open("c")
	heavy := with(b, func(s *placement.Server) { s.Weight = 2 })
	for _, test := range []struct {
		name    string
		servers []placement.Server
		anyTag  bool
		wish    placement.Wish
		avoid   []string
		want    string // the server, or the error
	}{
		{"no server", nil, false, placement.Wish{}, nil, placement.ErrNoServer.Error()},
		{"the first of equals", []placement.Server{b, a}, false, placement.Wish{}, nil, "a"},
		{"twice the weight", []placement.Server{a, heavy}, false, placement.Wish{}, nil, "b"},
		{"slow counts double", []placement.Server{with(a, func(s *placement.Server) { s.Slow = true }), b}, false, placement.Wish{}, nil, "b"},
		{"to be avoided", []placement.Server{a, b}, false, placement.Wish{}, []string{"a"}, "b"},
		{"all to be avoided", []placement.Server{a}, false, placement.Wish{}, []string{"a"}, placement.ErrNoServer.Error()},
		{"open before unproven", []placement.Server{standing("a", placement.Unproven), b}, false, placement.Wish{}, nil, "b"},
		{"unproven before doubtful", []placement.Server{standing("a", placement.Doubtful), standing("b", placement.Unproven)}, false, placement.Wish{}, nil, "b"},
		{"doubtful if it must be", []placement.Server{standing("a", placement.Doubtful)}, false, placement.Wish{}, nil, "a"},
		{"never held or gone", []placement.Server{standing("a", placement.Held), standing("b", placement.Gone)}, false, placement.Wish{}, nil, placement.ErrNoServer.Error()},
		{"shunned comes last", []placement.Server{a, standing("b", placement.Unproven)}, false, placement.Wish{Shun: []string{"a"}}, nil, "b"},
		{"shunned before doubtful", []placement.Server{a, standing("b", placement.Doubtful)}, false, placement.Wish{Shun: []string{"a"}}, nil, "a"},
		{"by tag", []placement.Server{a, tagged(b, "x")}, false, placement.Wish{Tag: "x"}, nil, "b"},
		{"by one of two tags", []placement.Server{a, tagged(b, "y")}, false, placement.Wish{Tag: "x;y"}, nil, "b"},
		{"without the tag that is wished for", []placement.Server{tagged(a, "y"), b}, false, placement.Wish{Tag: "x"}, nil, "b"},
		{"open before the tag", []placement.Server{a, tagged(standing("b", placement.Unproven), "x")}, false, placement.Wish{Tag: "x"}, nil, "a"},
		{"a tag that must be", []placement.Server{a, tagged(standing("b", placement.Doubtful), "x")}, false, placement.Wish{Tag: "x!"}, nil, "b"},
		{"no such tag", []placement.Server{a, tagged(b, "y")}, false, placement.Wish{Tag: "x!"}, nil, placement.ErrNoTag.Error()},
		{"no such tag, nor a server", []placement.Server{standing("a", placement.Held)}, false, placement.Wish{Tag: "x!"}, nil, placement.ErrNoServer.Error()},
		{"untagged meetings keep off", []placement.Server{tagged(a, "x")}, false, placement.Wish{}, nil, placement.ErrNoServer.Error()},
		{"unless any tag will do", []placement.Server{tagged(a, "x")}, true, placement.Wish{}, nil, "a"},
		{"full", []placement.Server{hard(a, 10), hard(b, 10)}, false, placement.Wish{}, nil, placement.ErrFull.Error()},
		{"full, though another has the wrong tag", []placement.Server{hard(a, 10), tagged(c, "x")}, false, placement.Wish{}, nil, placement.ErrFull.Error()},
		{"a guess that fits nowhere", []placement.Server{hard(a, 10), hard(b, 40)}, false, placement.Wish{Hint: 120}, nil, "b"},
		{"beside the parent", []placement.Server{a, standing("b", placement.Held)}, false, placement.Wish{Beside: "b"}, nil, "b"},
		{"beside one that is gone", []placement.Server{a, standing("b", placement.Gone)}, false, placement.Wish{Beside: "b"}, nil, placement.ErrNoServer.Error()},
		{"beside one that is to be avoided", []placement.Server{a, b}, false, placement.Wish{Beside: "b"}, []string{"b"}, placement.ErrNoServer.Error()},
		{"beside one that has left", []placement.Server{a}, false, placement.Wish{Beside: "b"}, nil, placement.ErrNoServer.Error()},
	} {
		b := bookOf(placement.Config{Sessions: 3, AnyTag: test.anyTag}, test.servers...)
		for _, full := range test.servers {
			if full.Hard {
				settle(b, on(full.ID, "there-"+full.ID))
				join(b, "there-"+full.ID, 10)
			}
		}
		before := b.Count()
		claim, err := b.Propose(monday, key("m"), 1, test.wish, test.avoid)
		got := claim.Server
		if err != nil {
			got = err.Error()
		}
		equal(t, test.name, got, test.want)
		equal(t, test.name+", and nothing is placed", b.Count(), before)
		if err == nil {
			equal(t, test.name+", breakout", claim.Breakout, test.wish.Beside != "")
			equal(t, test.name+", basis", claim.Why.Basis == string(placement.Pinned), claim.Breakout)
		}
	}
}

// A claim holds the numbers that it was decided by, and the name only of what is recorded.
func TestBook_Propose_Claim(t *testing.T) {
	b := bookOf(placement.Config{Sessions: 3}, open("a"), open("b"))
	settle(b, on("b", "there"))
	join(b, "there", 4)
	got, err := b.Propose(monday, key("m"), 1, placement.Wish{Hint: 40, Recorded: true, Name: strings.Repeat("é", 300)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "claim", got, store.Claim{
		MeetingKey: key("m"), Server: "a", Placed: monday, Expected: 20, Recorded: true, Hint: 40, Name: strings.Repeat("é", 256),
		Why: store.Decision{Own: 20, Basis: "hint", Weight: 1, Next: "b", NextAt: 24},
	})
	got, _ = b.Propose(monday, key("m"), 1, placement.Wish{Name: "private"}, nil)
	equal(t, "name", got.Name, "")
}

// A meeting stays where it is unless its server is gone or is to be avoided; it is occupied while somebody is in it, in its
// breakout rooms, or may be on the way.
func TestBook_Stays(t *testing.T) {
	for _, test := range []struct {
		name     string
		standing placement.Standing
		avoid    []string
		seen     placement.Sighting
		after    time.Duration // since the last join
		stays    bool
		occupied bool
	}{
		{"open", placement.Open, nil, placement.Sighting{}, time.Hour, true, false},
		{"held", placement.Held, nil, placement.Sighting{}, time.Hour, true, false},
		{"gone", placement.Gone, nil, placement.Sighting{}, time.Hour, false, false},
		{"to be avoided", placement.Open, []string{"b", "a"}, placement.Sighting{}, time.Hour, false, false},
		{"people", placement.Open, nil, placement.Sighting{People: 1}, time.Hour, true, true},
		{"people in breakout rooms", placement.Open, nil, placement.Sighting{Rooms: 1}, time.Hour, true, true},
		{"on the way", placement.Open, nil, placement.Sighting{}, 2*time.Minute - 1, true, true},
		{"lost on the way", placement.Open, nil, placement.Sighting{}, 2 * time.Minute, true, false},
	} {
		b := bookOf(placement.Config{}, standing("a", test.standing))
		claim := on("a", "m")
		settle(b, claim)
		join(b, "m", 1)
		test.seen.Key, test.seen.InternalID, test.seen.CreateTime = claim.MeetingKey, claim.InternalID, claim.CreateTime
		b.Apply(placement.PollBegun{Server: "a"})
		b.Apply(placement.PollSeen{At: monday, Poll: placement.Poll{Server: "a", Began: monday, Meetings: []placement.Sighting{test.seen}}})
		got, stays := b.Stays(monday.Add(test.after), key("m"), test.avoid)
		want := placement.Placement{}
		if test.stays {
			want = placement.Placement{Claim: claim, Known: true, Occupied: test.occupied}
		}
		equal(t, test.name, stays, test.stays)
		equal(t, test.name, got, want)
	}
	_, stays := bookOf(placement.Config{}, open("a")).Stays(monday, key("m"), nil)
	equal(t, "one that nobody knows", stays, false)
}

// What a server answers to a create: the same meeting, one that was begun anew, or nothing that could be kept.
func TestBook_Confirmation(t *testing.T) {
	later := monday.Add(time.Hour)
	known := on("a", "m")
	known.Hint = 10
	for _, test := range []struct {
		name, known, answer string
		want                string // internal ID
		anew, same          bool
		over                string // internal ID of what is over
	}{
		{"the first answer", "", "i", "i", false, false, ""},
		{"the same again", "i", "i", "i", false, true, ""},
		{"begun anew", "i", "j", "j", true, false, "i"},
		{"no ID", "i", "", "i", false, true, ""},
		{"an ID too long to keep", "i", strings.Repeat("j", 1025), "i", false, true, ""},
		{"no ID at all", "", "", "", false, true, ""},
	} {
		b := bookOf(placement.Config{Sessions: 3}, open("a"))
		known.InternalID = test.known
		settle(b, known)
		got, over, same := b.Confirmation(later, key("m"), placement.Made{InternalID: test.answer, CreateTime: 5})
		want := placement.ClaimConfirmed{At: later, Claim: known, Anew: test.anew}
		want.Claim.InternalID, want.Claim.CreateTime = test.want, 5
		if test.anew {
			want.Claim.Placed, want.Claim.Expected = later, 5 // half of what is announced
		}
		equal(t, test.name, got, want)
		equal(t, test.name+": same", same, test.same)
		equal(t, test.name+": over", over.Session.ID, test.over)
	}
	_, over, same := bookOf(placement.Config{}, open("a")).Confirmation(later, key("m"), placement.Made{InternalID: "i", CreateTime: 5})
	equal(t, "a meeting that nobody has claimed", same && over == placement.Finished{}, true)
}

// A meeting that has moved is over where it was, unless its new server says that it is the same.
func TestBook_Confirmation_Moved(t *testing.T) {
	for answer, over := range map[string]string{"m@a": "", "other": "m@a"} {
		b := bookOf(placement.Config{}, open("a"), open("b"))
		settle(b, on("a", "m"))
		b.Apply(placement.CreateBegun{Key: key("m")})
		moved := store.Claim{MeetingKey: key("m"), Server: "b", Placed: monday.Add(time.Minute)}
		b.Apply(placement.ClaimPlaced{At: moved.Placed, Claim: moved})
		_, got, _ := b.Confirmation(monday.Add(2*time.Minute), key("m"), placement.Made{InternalID: answer, CreateTime: 5})
		equal(t, answer, got.Session.ID, over)
		if over != "" {
			equal(t, "reason", got.Session.Reason, "moved")
			equal(t, "end", got.Session.End, moved.Placed)
		}
	}
}

// What is claimed for a server that a meeting of nobody's was seen on.
func TestBook_Adoption(t *testing.T) {
	seen := placement.Sighting{Key: key("m"), InternalID: "i", CreateTime: monday.Add(-time.Hour).UnixMilli(), People: 3, Recorded: true, Name: "M"}
	ended := placement.MeetingEnded{At: monday, Key: key("m"), Owed: []store.Ending{{MeetingKey: key("m"), Server: "a", InternalID: "i", Asked: monday}}}
	closed := func(reason string) []placement.Change {
		c := on("a", "m")
		c.InternalID = "i"
		return []placement.Change{
			placement.ClaimPlaced{At: monday, Claim: c},
			placement.CreateOver{Key: key("m")},
			placement.ClaimClosed{At: monday, Claim: c, Reason: reason},
		}
	}
	for _, test := range []struct {
		name   string
		before []placement.Change
		want   bool
	}{
		{"nobody's", nil, true},
		{"claimed there", []placement.Change{placement.ClaimPlaced{At: monday, Claim: on("a", "m")}}, false},
		{"claimed elsewhere", []placement.Change{placement.ClaimPlaced{At: monday, Claim: on("b", "m")}}, false},
		{"claimed on one that is gone", []placement.Change{
			placement.ClaimPlaced{At: monday, Claim: on("b", "m")}, placement.ServerSet{Server: standing("b", placement.Gone)},
		}, true},
		{"its server is gone", []placement.Change{placement.ServerSet{Server: standing("a", placement.Gone)}}, false},
		{"its server has left", []placement.Change{placement.ServerRemoved{ID: "a"}}, false},
		{"ended", []placement.Change{ended}, false},
		{"over", closed(placement.Ended), false},
		{"forgotten", closed(placement.Forgotten), true},
	} {
		b := bookOf(placement.Config{}, open("a"), open("b"))
		for _, c := range test.before {
			b.Apply(c)
		}
		got, ok := b.Adoption(monday.Add(time.Minute), "a", seen, monday.Add(time.Second), 1)
		equal(t, test.name, ok, test.want)
		if !ok {
			equal(t, test.name, got, placement.ClaimAdopted{})
			continue
		}
		b.Apply(got)
		b.Apply(placement.CreateOver{Key: key("m")})
		found, _ := b.Where(key("m"))
		equal(t, test.name+": where", found.Claim.Server+" "+found.Claim.InternalID, "a i")
		equal(t, test.name+": people", b.ServerLoad(monday, "a").People, 3)
		if err := b.Check(monday.Add(time.Minute)); err != nil {
			t.Error(test.name, err)
		}
	}
}

// An end takes the claim, each copy that is known once, and whatever those servers have that nobody could look at.
func TestBook_End(t *testing.T) {
	b := bookOf(placement.Config{}, open("a"), open("b"), open("c"))
	settle(b, on("a", "m"))
	for _, seen := range []string{"a", "b"} {
		b.Apply(placement.PollBegun{Server: seen})
		b.Apply(placement.PollSeen{At: monday, Poll: placement.Poll{Server: seen, Began: monday, Complete: true}})
	}
	got := b.End(monday, key("m"), []placement.Copy{
		{Server: "b", InternalID: "i"},
		{Server: "b", InternalID: "i"},
		{Server: "a", InternalID: "m@a"},
		{Server: "b"},
		{Server: "gone", InternalID: "i"},
		{Server: "b", InternalID: strings.Repeat("i", 1025)},
	})
	owes := func(server, internalID string) store.Ending {
		return store.Ending{MeetingKey: key("m"), Server: server, InternalID: internalID, Asked: monday}
	}
	equal(t, "end", got, placement.MeetingEnded{
		At: monday, Key: key("m"), Claim: on("a", "m"), Owed: []store.Ending{owes("a", "m@a"), owes("b", "i"), owes("c", "")},
	})
	equal(t, "claimed until it is applied", b.Count(), 1)
	b.Apply(got)
	equal(t, "claimed", b.Count(), 0)
	later := monday.Add(time.Minute).UnixMilli()
	for _, test := range []struct {
		server, internalID string
		created            int64
		over               bool
	}{
		{"a", "m@a", later, true}, {"b", "i", later, true}, // what was asked to end, whatever clocks say
		{"b", "another", 0, true}, {"b", "another", later, false}, // by that name, made before or since
		{"c", "another", later, true}, // nobody could look there
		{"gone", "m@a", 0, false},
	} {
		s := placement.Sighting{Key: key("m"), InternalID: test.internalID, CreateTime: test.created}
		equal(t, "over: "+test.internalID+" on "+test.server, b.Over(test.server, s), test.over)
	}
}

// Of meetings that servers gave one ID, and that were placed at once, it is always the same one.
func TestBook_ByInternalID(t *testing.T) {
	later := on("a", "later")
	later.Placed = monday.Add(time.Second)
	for range 20 {
		b := bookOf(placement.Config{}, open("a"))
		for _, id := range []string{"c", "b", "d"} {
			c := on("a", id)
			c.InternalID, c.Breakout = "i", id != "b"
			settle(b, c)
		}
		found, err := b.ByInternalID("t", "i")
		equal(t, "of three", found.Claim.MeetingID, "b")
		wantErr(t, "of three", err, nil)
		found, _ = b.Breakout("t", "i")
		equal(t, "of two breakout rooms", found.Claim.MeetingID, "c")
		later.InternalID = "i"
		settle(b, later)
		found, _ = b.ByInternalID("t", "i")
		equal(t, "the last", found.Claim.MeetingID, "later")
		for _, nothing := range []string{"", "j"} {
			_, err = b.ByInternalID("t", nothing)
			wantErr(t, "no such ID", err, placement.ErrUnknown)
		}
		_, err = b.ByInternalID("u", "i")
		wantErr(t, "another tenant", err, placement.ErrUnknown)
	}
}
