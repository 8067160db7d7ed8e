package book_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/placement/settings"
	"github.com/bbbpool/bbbpool/store"
)

var (
	monday = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	m      = store.MeetingKey{Tenant: "t", MeetingID: "m"}
)

// claim is one of the meeting m, that was placed so many minutes after eight.
func claim(server string, minute int, internalID string) store.Claim {
	return store.Claim{
		MeetingKey: m, Server: server, Placed: monday.Add(time.Duration(minute) * time.Minute), InternalID: internalID, Expected: 15,
	}
}

// What a book that followed has in common with a store when a term begins: whatever the leader before was at, and however much
// of it was heard, the meeting is where the store has it, with those in it who are known to be there.
func TestBook_Differences(t *testing.T) {
	stands := []book.Change{
		book.ClaimPlaced{At: monday, Claim: claim("a", 0, "")},
		book.ClaimConfirmed{At: monday, Claim: claim("a", 0, "i")},
		book.CreateOver{Key: m},
		book.PollSeen{At: monday, Poll: book.Poll{
			Server: "a", Began: monday, Complete: true, Meetings: []book.Sighting{{Key: m, InternalID: "i", People: 7}},
		}},
	}
	marked := claim("a", 0, "i")
	marked.Marks = "true"
	anew := append(slices.Clone(stands), book.ClaimConfirmed{At: monday, Claim: claim("a", 3, "j"), Anew: true},
		book.ClaimRedated{Key: m, Placed: monday})
	moves := append(slices.Clone(stands), book.CreateBegun{Key: m}, book.ClaimPlaced{At: monday, Claim: claim("b", 5, "")})
	ending := store.Ending{MeetingKey: m, Server: "a", InternalID: "i", Asked: monday}
	for _, test := range []struct {
		name    string
		heard   []book.Change
		stored  []store.Claim
		endings []store.Ending
		want    string // server, internal ID, people, and marks
		owed    int
	}{
		{"nothing was heard", nil, []store.Claim{claim("a", 0, "i")}, nil, "a i 0", 0},
		{"everything was heard", stands, []store.Claim{claim("a", 0, "i")}, nil, "a i 7", 0},
		{"placed, and not written", stands[:1], nil, nil, "", 0},
		{"placed and written, and not answered", stands[:1], []store.Claim{claim("a", 0, "")}, nil, "a  0", 0},
		{"answered, and not heard", stands[:1], []store.Claim{claim("a", 0, "i")}, nil, "a i 0", 0},
		{"answered, and not written", stands[:2], []store.Claim{claim("a", 0, "")}, nil, "a i 0", 0},
		{"begun anew, and not heard", stands, []store.Claim{claim("a", 3, "j")}, nil, "a j 0", 0},
		{"marked, and not heard", stands, []store.Claim{marked}, nil, "a i 7 true", 0},
		{"begun anew, and not written, where the one before was marked, which was not heard", anew, []store.Claim{marked}, nil, "a j 0", 0},
		{"moved, and not written", moves, []store.Claim{claim("a", 0, "i")}, nil, "a i 7", 0},
		{"moved, and written", moves, []store.Claim{claim("b", 5, "")}, nil, "b  0", 0},
		{
			"moved twice, of which once was written",
			append(slices.Clone(moves), book.ClaimPlaced{At: monday, Claim: claim("a", 6, "")}),
			[]store.Claim{claim("b", 5, "")},
			nil, "b  0", 0,
		},
		{"moved, and not heard", stands, []store.Claim{claim("b", 5, "j")}, nil, "b j 0", 0},
		{"moved to where nobody has heard of", moves, []store.Claim{claim("a", 9, "j")}, nil, "a j 0", 0},
		{"closed, and not heard", stands, nil, nil, "", 0},
		{"ended, and not heard", stands, nil, []store.Ending{ending}, "", 1},
		{"an end that is owed no more", append(slices.Clone(stands), book.EndingOwed{Ending: ending}), []store.Claim{claim("a", 0, "i")}, nil, "a i 7", 0},
	} {
		b := book.New(settings.Config{}, monday)
		b.Apply(book.ServerSet{Server: book.Server{ID: "a", Standing: rule.Open}})
		b.Apply(book.ServerSet{Server: book.Server{ID: "b", Standing: rule.Open}})
		for _, c := range test.heard {
			b.Apply(c)
		}
		room := func(store.MeetingKey) forecast.Room { return 0 }
		for range 2 { // the second time there is nothing to do
			for _, c := range b.Record().Differences(monday, test.stored, test.endings, room) {
				b.Apply(c)
			}
		}
		got := ""
		for _, i := range b.Meetings(monday, nil) {
			got += strings.TrimSpace(fmt.Sprint(i.Server, " ", i.InternalID, " ", i.People, " ", i.Marks))
		}
		if again := b.Record().Differences(monday, test.stored, test.endings, room); len(again) > 0 {
			t.Errorf("%s: not settled: %+v", test.name, again)
		}
		if err := b.Check(monday); err != nil || got != test.want || len(b.Record().Endings()) != test.owed {
			t.Errorf("%s: %q, want %q; %d endings; %v", test.name, got, test.want, len(b.Record().Endings()), err)
		}
	}
}

// What the store does not know any more is no new meeting to a poll that sees it, but goes on.
func TestBook_Differences_GoesOn(t *testing.T) {
	b := book.New(settings.Config{}, monday)
	b.Apply(book.ServerSet{Server: book.Server{ID: "a", Standing: rule.Open}})
	b.Apply(book.ClaimPlaced{At: monday, Claim: claim("a", 0, "i")})
	b.Apply(book.CreateOver{Key: m})
	for _, c := range b.Record().Differences(monday, nil, nil, nil) {
		b.Apply(c)
	}
	s := book.Sighting{Key: m, InternalID: "i", People: 3}
	found := b.See(book.PollSeen{At: monday, Poll: book.Poll{Server: "a", Began: monday, Meetings: []book.Sighting{s}}})
	if len(found.Unclaimed) != 1 {
		t.Fatalf("found %+v", found)
	}
	adopted, ok := b.Adoption(monday, "a", s, monday, 0)
	if diff := cmp.Diff(claim("a", 0, "i"), adopted.Claim); !ok || diff != "" {
		t.Errorf("adopted %t: %s", ok, diff)
	}
}

// A meeting that was made anew right after its end, of which only the end was heard, is no copy that was left over.
func TestBook_Differences_MadeAnew(t *testing.T) {
	for _, standing := range []bool{false, true} {
		b := book.New(settings.Config{}, monday)
		b.Apply(book.ServerSet{Server: book.Server{ID: "a", Standing: rule.Open}})
		b.Apply(book.ServerSet{Server: book.Server{ID: "b", Standing: rule.Open}})
		b.Apply(book.ClaimPlaced{At: monday, Claim: claim("a", 0, "i")})
		b.Apply(book.CreateOver{Key: m})
		b.Apply(b.End(monday, m, nil))
		next := claim("b", 1, "j")
		if standing {
			b.Apply(book.ClaimPlaced{At: monday, Claim: claim("b", 1, "")})
		}
		for _, c := range b.Record().Differences(monday, []store.Claim{next}, b.Record().Endings(), func(store.MeetingKey) forecast.Room { return 0 }) {
			b.Apply(c)
		}
		s := book.Sighting{Key: m, InternalID: "j", CreateTime: monday.UnixMilli(), People: 3}
		found := b.See(book.PollSeen{At: monday, Poll: book.Poll{Server: "b", Began: monday, Complete: true, Meetings: []book.Sighting{s}}})
		if len(found.Strays)+len(found.Unclaimed)+len(found.Gone) > 0 {
			t.Errorf("standing %t: found %+v", standing, found)
		}
	}
}
