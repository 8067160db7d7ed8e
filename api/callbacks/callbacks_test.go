package callbacks_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

var monday = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

const (
	endURL       = "https://front.example.edu/end?token=a"
	endedURL     = "https://front.example.edu/ended"
	readyURL     = "https://front.example.edu/ready"
	analyticsURL = "https://front.example.edu/analytics"
)

// kept is what decides what front ends are told, over a real index.
type kept struct {
	*callbacks.Callbacks
	index  store.Index
	claims map[store.MeetingKey]store.Claim
	marked []string // sessions of which nothing was marked
	nudges int
	now    time.Time
}

func open(t *testing.T, change func(*callbacks.Callbacks)) *kept {
	t.Helper()
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	k := &kept{index: db.Index(), claims: map[store.MeetingKey]store.Claim{}, now: monday}
	k.Callbacks = &callbacks.Callbacks{
		Config: callbacks.Config{AnalyticsKeep: time.Hour}, Index: k.index, Key: func(ctx context.Context, fresh []byte) ([]byte, error) {
			return k.index.Key(ctx, callbacks.KeyName, fresh)
		}, Now: func() time.Time { return k.now }, Log: zerolog.Nop(),
		Claim: func(_ context.Context, key store.MeetingKey) (store.Claim, bool) {
			c, ok := k.claims[key]
			return c, ok
		},
		Hash:    func(key store.MeetingKey) string { return "room " + key.Tenant + " " + key.MeetingID },
		Tenants: db.State(),
		Nudge:   func() { k.nudges++ },
		Marked: func(_ context.Context, session string, marks bool) error {
			if !marks {
				k.marked = append(k.marked, session)
			}
			return nil
		},
	}
	if change != nil {
		change(k.Callbacks)
	}
	if err := k.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

// rows are those of the outbox.
func (k *kept) rows(t *testing.T) []store.Callback {
	t.Helper()
	list, err := k.index.Callbacks(t.Context(), store.CallbackFilter{})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b store.Callback) int {
		return strings.Compare(string(a.Kind)+" "+a.URL, string(b.Kind)+" "+b.URL)
	})
	return list
}

// asked is a claim of a meeting whose front end wants to be told of everything.
func asked() store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "a", MeetingID: "room"}, Server: "bbb1", InternalID: "i-1", Placed: monday,
		Recorded: true, Signer: "second", Back: &store.Back{Ended: endedURL, Meta: []store.MetaField{
			{Name: store.MetaAnalytics, Value: analyticsURL}, {Name: store.MetaReady, Value: readyURL}, {Name: store.MetaEnd, Value: endURL},
		}},
	}
}

// over is the session of a claim.
func over(c store.Claim, reason string) store.Session {
	return store.Session{
		ID: c.InternalID, Tenant: c.Tenant, Server: c.Server, Start: c.Placed, End: monday.Add(time.Hour), Reason: reason,
		Recorded: c.Recorded, Meeting: "room " + c.Tenant + " " + c.MeetingID, Signer: c.Signer, Back: c.Back,
	}
}

// end has a claim closed.
func (k *kept) end(t *testing.T, c store.Claim, reason string) {
	t.Helper()
	keep := k.Told(func(ctx context.Context, _ store.Claim, s store.Session, along ...store.Along) error {
		return k.index.AddSession(ctx, s, along...)
	})
	if err := keep(t.Context(), c, over(c, reason)); err != nil {
		t.Fatal(err)
	}
}

// The end of a meeting is told to both addresses once, whoever finds out, and with the reason. A move is none, nor is what
// somebody has only given up; breakout rooms end in silence, and what is no address is called by nobody.
func TestTold(t *testing.T) {
	k := open(t, nil)
	for range 2 { // the ledger may say it twice
		k.end(t, asked(), "ended")
	}
	want := store.Callback{
		Kind: store.CallbackEnd, Tenant: "a", MeetingID: "room", Subject: "i-1", URL: endURL, Signer: "second", Reason: "ended",
		Created: monday, Due: monday.Add(5 * time.Second), State: store.CallbackWaiting, Changed: monday,
	}
	want.ID = store.CallbackID(want.Kind, want.Subject, want.URL)
	bare := want
	bare.Kind, bare.URL, bare.Due = store.CallbackEnded, endedURL, time.Time{}
	bare.ID = store.CallbackID(bare.Kind, bare.Subject, bare.URL)
	if diff := cmp.Diff([]store.Callback{want, bare}, k.rows(t)); diff != "" || k.nudges == 0 {
		t.Errorf("%d nudges; rows (-want +got):\n%s", k.nudges, diff)
	}
	for reason, change := range map[string]func(*store.Claim){
		"moved": func(*store.Claim) {}, "forgotten": func(*store.Claim) {},
		"ended":   func(c *store.Claim) { c.Breakout = true },
		"removed": func(c *store.Claim) { c.Back = nil },
		"panic": func(c *store.Claim) {
			c.Back = &store.Back{Ended: "ftp://front/", Meta: []store.MetaField{{Name: store.MetaEnd, Value: "/end"}}}
		},
		"lost": func(c *store.Claim) {
			c.Back = &store.Back{Ended: k.Seal.URL("https://pool.example.edu", address.Of(address.Ended, *c))}
		},
	} {
		c := asked()
		c.InternalID = "i-" + reason
		change(&c)
		k.end(t, c, reason)
	}
	if n := len(k.rows(t)); n != 2 {
		t.Errorf("%d rows", n)
	}
	for _, reason := range []string{"gone", "panic", "removed", "lost"} {
		c := asked()
		c.InternalID = "j-" + reason
		k.end(t, c, reason)
	}
	if n := len(k.rows(t)); n != 10 {
		t.Errorf("%d rows", n)
	}
}

// What is known of marks is told at once; else it is waited for, for a recorded meeting.
func TestTold_Marks(t *testing.T) {
	for _, give := range []struct {
		marks    string
		recorded bool
		want     string
		waits    bool
	}{{"", true, "", true}, {"true", true, "true", false}, {"false", true, "false", false}, {"", false, "false", false}} {
		k := open(t, nil)
		c := asked()
		c.Marks, c.Recorded = give.marks, give.recorded
		k.end(t, c, "ended")
		if row := k.rows(t)[0]; row.Marks != give.want || row.Due.IsZero() == give.waits {
			t.Errorf("%+v: %q, due %s", give, row.Marks, row.Due)
		}
	}
}

// Marks that come behind the end are those of that end, and of no other; they change nothing that was told, and hold once.
func TestComplete(t *testing.T) {
	k := open(t, nil)
	c := asked()
	place := address.Of(address.Marks, c)
	complete := func(p address.Place, marks, want bool) {
		t.Helper()
		if done, err := k.Complete(t.Context(), p, marks); err != nil || done != want {
			t.Errorf("%v %v, want %v", done, err, want)
		}
	}
	complete(place, true, false) // nothing has ended
	k.end(t, c, "ended")
	other := place
	other.Server = "bbb2"
	complete(other, true, false)
	other = place
	other.Placed = other.Placed.Add(time.Millisecond)
	complete(other, true, false)
	if k.rows(t)[0].Marks != "" {
		t.Error("it has marks of another")
	}
	complete(place, false, true)
	complete(place, true, false) // what was said is said
	if row := k.rows(t)[0]; row.Marks != "false" || !row.Due.IsZero() || !slices.Equal(k.marked, []string{"i-1"}) {
		t.Errorf("%+v, %q", row, k.marked)
	}
}

// However many ends of the room wait for a front end that is dead, marks find theirs without looking at those; and whoever keeps
// recordings hears of them also where no front end has asked for the end.
func TestComplete_Many(t *testing.T) {
	k := open(t, nil)
	for n := range 40 {
		c := asked()
		c.InternalID, c.Placed = "before-"+strconv.Itoa(n), c.Placed.Add(time.Duration(n-40)*time.Hour)
		k.end(t, c, "ended")
	}
	k.end(t, asked(), "ended")
	k.Index = unlisted{k.index}
	if done, err := k.Complete(t.Context(), address.Of(address.Marks, asked()), true); err != nil || !done {
		t.Errorf("%v %v", done, err)
	}
	row, err := k.index.Callback(t.Context(), store.CallbackID(store.CallbackEnd, "i-1", endURL))
	if err != nil || row.Marks != "true" {
		t.Errorf("%q, %v", row.Marks, err)
	}
	silent := asked()
	silent.MeetingID, silent.InternalID, silent.Back = "silent", "i-2", nil
	k.end(t, silent, "gone")
	if done, err := k.Complete(t.Context(), address.Of(address.Marks, silent), false); err != nil || !done ||
		!slices.Equal(k.marked, []string{"i-2"}) {
		t.Errorf("%v %v, %q", done, err, k.marked)
	}
	moved := asked()
	moved.MeetingID, moved.InternalID = "moved", "i-3"
	k.end(t, moved, "moved")
	if done, err := k.Complete(t.Context(), address.Of(address.Marks, moved), false); err != nil || done || len(k.marked) != 1 {
		t.Errorf("%v %v, %q: the meeting goes on", done, err, k.marked)
	}
}

// unlisted is an index whose callbacks nobody may list.
type unlisted struct{ store.Index }

func (unlisted) Callbacks(context.Context, store.CallbackFilter) ([]store.Callback, error) {
	return nil, errors.New("there may be 100,000")
}

// A tenant that has no room does not take that of others, and is asked for by name.
func TestTold_Room(t *testing.T) {
	k := open(t, func(c *callbacks.Callbacks) {
		c.Room = func(tenant string, rows int, bytes int64) bool { return tenant != "a" && rows == 1 && bytes > 0 }
	})
	k.end(t, asked(), "ended")
	other := asked()
	other.Tenant, other.InternalID = "b", "i-2"
	k.end(t, other, "ended")
	if rows := k.rows(t); len(rows) != 2 || rows[0].Tenant != "b" || k.Crowded() != 2 {
		t.Errorf("%d told to nobody; rows %+v", k.Crowded(), rows)
	}
}

// Front ends are told once of a recording, under the ID that it has; or of each format, if that is wanted.
func TestReady(t *testing.T) {
	k := open(t, nil)
	s := over(asked(), "ended")
	r := store.Recording{
		RecordID: "i-1", Tenant: "a", MeetingID: "room", State: store.Published, Formats: []store.Format{{Type: "video"}},
	}
	rows := k.Ready(r, s, false)
	if len(rows) != 1 || rows[0].URL != readyURL || rows[0].Subject != "i-1" || rows[0].MeetingID != "room" ||
		rows[0].Signer != "second" || rows[0].ID != store.CallbackID(store.CallbackReady, "i-1", readyURL) {
		t.Fatalf("%+v", rows)
	}
	more := r
	more.Formats = []store.Format{{Type: "presentation"}, {Type: "video"}}
	if again := k.Ready(more, s, false); again[0].ID != rows[0].ID || len(k.Ready(more, s, true)) > 0 {
		t.Error("it is told of a later format")
	}
	k.Config.EachFormat = true
	if first, again := k.Ready(r, s, false), k.Ready(more, s, true); first[0].ID == again[0].ID || again[0].Subject != "i-1" {
		t.Error("it is not told of a later format")
	}
	for what, change := range map[string]func(*store.Recording, *store.Session){
		"nobody asked":     func(_ *store.Recording, s *store.Session) { s.Back = nil },
		"another tenant's": func(r *store.Recording, _ *store.Session) { r.Tenant = "b" },
		"deleted":          func(r *store.Recording, _ *store.Session) { r.State = store.Deleted },
		"nothing there":    func(r *store.Recording, _ *store.Session) { r.Formats = nil },
	} {
		r, s := r, s
		if change(&r, &s); len(k.Ready(r, s, false)) > 0 {
			t.Errorf("%s: it is told", what)
		}
	}
}

// Front ends see in the metadata what they have given, and nothing of ours.
func TestMeta(t *testing.T) {
	k := open(t, nil)
	c := asked()
	ours := func(kind address.Kind) string { return k.Seal.URL("https://pool.example.edu", address.Of(kind, c)) }
	meta := map[string]string{"endcallbackurl": ours(address.Marks), "x": ours(address.Ended), "course": "algebra"}
	want := map[string]string{
		"endcallbackurl": endURL, "course": "algebra", store.MetaReady: readyURL, store.MetaAnalytics: analyticsURL,
	}
	if diff := cmp.Diff(want, k.Meta(meta, c.Back)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"course": "algebra"}, k.Meta(meta, nil)); diff != "" || len(meta) != 3 {
		t.Error(diff)
	}
	if k.Meta(nil, nil) != nil {
		t.Error("made of nothing")
	}
}
