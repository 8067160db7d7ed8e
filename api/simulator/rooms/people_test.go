package rooms_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// People count by the IDs of their front ends, those on their way too and guests at the door not; who is in may come
// again.
func TestPeople_IsFull(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room"})
	for i, delay := range []time.Duration{0, 0, time.Minute} {
		r.LetIn(&rooms.Person{Meeting: m, Internal: "w" + strconv.Itoa(i), UserID: "u" + strconv.Itoa(i/2)}, now, delay, false)
	}
	r.LetIn(&rooms.Person{Meeting: m, Internal: "w9", UserID: "guest"}, now, 0, true)
	for _, c := range []struct {
		limit int
		user  string
		full  bool
	}{
		{0, "new", false}, {3, "new", false}, {2, "new", true}, {2, "u0", false}, {2, "u1", false}, {2, "guest", true}, {1, "", true},
	} {
		if got := m.People.IsFull(c.limit, c.user); got != c.full {
			t.Errorf("limit %d, %q: %v", c.limit, c.user, got)
		}
	}
	if err := r.AddPeople("room", rooms.Crowd{Count: rooms.MaxPeople - 4}, now); err != nil {
		t.Fatal(err)
	}
	if !m.People.IsFull(0, "u0") {
		t.Error("more people than a simulated meeting takes")
	}
	if err := r.AddPeople("room", rooms.Crowd{Count: -1}, now); err == nil {
		t.Error("fewer than nobody come")
	}
}

// presenter returns who presents, by the user ID; "" is nobody.
func presenter(m *rooms.Meeting) string {
	user, _, _ := strings.Cut(string(m.XML()), "<isPresenter>true</isPresenter>")
	if len(user) == len(m.XML()) {
		return ""
	}
	user = user[strings.LastIndex(user, "<userID>")+len("<userID>"):]
	user, _, _ = strings.Cut(user, "</userID>")
	return user
}

// The first moderator presents. When that one leaves, the next in line does, and nobody who is no moderator ever.
func TestPeople_Presenter(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room"})
	people := map[string]*rooms.Person{}
	for _, id := range []string{"viewer", "first", "second"} {
		people[id] = &rooms.Person{Meeting: m, Internal: "w_" + id, UserID: id, Moderator: id != "viewer"}
		r.LetIn(people[id], now, 0, false)
		if got := presenter(m); got == "viewer" || got == "second" {
			t.Errorf("%s has come, and %s presents", id, got)
		}
	}
	if people["viewer"].Role() != "VIEWER" || people["first"].Role() != "MODERATOR" {
		t.Errorf("roles: %s, %s", people["viewer"].Role(), people["first"].Role())
	}
	for _, c := range []struct{ leaves, presents string }{{"", "first"}, {"first", "second"}, {"second", ""}, {"viewer", ""}} {
		if c.leaves != "" {
			r.Dismiss(people[c.leaves], now)
		}
		if got := presenter(m); got != c.presents {
			t.Errorf("after %q has left, %q presents, want %q", c.leaves, got, c.presents)
		}
	}
	if m.People.Joined() != 3 || m.People.Find("w_first") != nil || m.People.Find("") != nil {
		t.Errorf("%d have joined", m.People.Joined())
	}
}

// Of a crowd so many have a microphone, a camera, are moderators; the last to come are the first to leave.
func TestLeave(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room"})
	if err := r.AddPeople("room", rooms.Crowd{Count: 5, Voice: 3, Video: 2, Moderators: 1}, now); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		leave int
		want  string
	}{
		{1, "4 people, 1 moderators, 3 voices, 2 videos"},
		{2, "2 people, 1 moderators, 2 voices, 2 videos"},
		{7, "0 people, 0 moderators, 0 voices, 0 videos"},
	} {
		if err := r.Leave("room", c.leave, now); err != nil {
			t.Fatal(err)
		}
		v := m.View()
		if got := fmt.Sprintf("%d people, %d moderators, %d voices, %d videos", v.People, v.Moderators, v.Voices, v.Videos); got != c.want {
			t.Errorf("%d more have left: %s, want %s", c.leave, got, c.want)
		}
	}
}

// A meeting remembers so many documents and messages; of documents at most one is shown. What a view has of them stays as
// it is.
func TestMeeting_Content(t *testing.T) {
	var over []string
	m := admit(t, house(&over), rooms.Wanted{ID: "room", Modules: []string{"presentation"}, Documents: []rooms.Document{{Name: "a", Current: true}}})
	m.Say("Ann", "hello")
	before := m.View()
	m.AddDocuments([]rooms.Document{{Name: "b"}, {Name: "c", Current: true}})
	shown := func(v rooms.View) (names []string) {
		for _, d := range v.Documents {
			if d.Current {
				names = append(names, d.Name)
			}
		}
		return names
	}
	if got := m.View(); len(got.Documents) != 3 || !slices.Equal(shown(got), []string{"c"}) {
		t.Errorf("documents: %+v", got.Documents)
	}
	m.AddDocuments(make([]rooms.Document, 2*rooms.MaxDocuments))
	for range 200 {
		m.Say("Ann", "again")
	}
	after := m.View()
	if len(after.Documents) != rooms.MaxDocuments || len(after.Chat) != 100 || after.Chat[0] != "Ann: hello" {
		t.Errorf("%d documents, %d messages", len(after.Documents), len(after.Chat))
	}
	m.AddDocuments([]rooms.Document{{Name: "late", Current: true}})
	if !slices.Equal(shown(m.View()), []string{"c"}) {
		t.Errorf("one that is not kept is shown: %v", shown(m.View()))
	}
	if len(before.Documents) != 1 || !before.Documents[0].Current || len(before.Chat) != 1 || before.Modules[0] != "presentation" {
		t.Errorf("the view has changed: %+v", before)
	}
}

// Names keep their places when they get a value again.
func TestPairs(t *testing.T) {
	var p rooms.Pairs
	p = p.With("a", "1").With("b", "2").With("a", "3")
	if !slices.Equal(p, rooms.Pairs{{Name: "a", Value: "3"}, {Name: "b", Value: "2"}}) || p.Get("a") != "3" || p.Get("c") != "" {
		t.Errorf("%v", p)
	}
}

// What is called or redirected to is an address of http or https with a host.
func TestIsURL(t *testing.T) {
	for text, want := range map[string]bool{
		"http://host": true, "https://host:1/x?y": true, "": false, "host": false, "ftp://host": false, "http://": false,
		"http:host": false, "::bad": false, "javascript:alert(1)": false, "//host": false,
	} {
		if rooms.IsURL(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// JSON has people's text as they wrote it, on one line.
func TestEncodeJSON(t *testing.T) {
	if got := string(rooms.EncodeJSON(map[string]string{"a": "<b> & c\n"})); got != `{"a":"<b> & c\n"}` {
		t.Error(got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a value that is none is encoded")
		}
	}()
	rooms.EncodeJSON(func() {})
}
