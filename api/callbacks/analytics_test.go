package callbacks_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

// sent is what a server sends of a meeting.
func (k *kept) sent(c store.Claim, internal, meetingID string) []byte {
	return []byte(`{"meeting_id":"` + meetingID + `","internal_meeting_id":"` + internal + `","data":{"metadata":{"analytics_callback_url":"` +
		k.Seal.URL("https://pool.example.edu", address.Of(address.Analytics, c)) + `","is_breakout":"` +
		map[bool]string{true: "true", false: "false"}[internal != c.InternalID] + `"},"duration":1.50}}`)
}

// Who did what is passed on to whom the create has named, with the front end's own ID and address, once; while the meeting
// goes on and after it.
func TestAnalytics(t *testing.T) {
	for _, goesOn := range []bool{true, false} {
		k := open(t, nil)
		c := asked()
		if goesOn {
			k.claims[c.MeetingKey] = c
		} else {
			k.end(t, c, "ended")
		}
		p := address.Of(address.Analytics, c)
		for range 2 {
			if err := k.Analytics(t.Context(), p, k.sent(c, "i-1", "a_room")); err != nil {
				t.Fatal(err)
			}
		}
		row := k.rows(t)[0]
		want := `{"meeting_id":"room","internal_meeting_id":"i-1","data":{"metadata":{"analytics_callback_url":"` + analyticsURL +
			`","is_breakout":"false"},"duration":1.50}}`
		if string(row.Body) != want || row.Kind != store.CallbackAnalytics || row.URL != analyticsURL || row.Signer != "second" {
			t.Errorf("%+v: %s", row, row.Body)
		}
		if n := len(k.rows(t)); goesOn && n != 1 || !goesOn && n != 3 {
			t.Errorf("%d rows", n)
		}
		if _, err := k.index.Analysis(t.Context(), "i-1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it is kept: %v", err)
		}
	}
}

// A breakout room calls at its parent's address: it is passed on as it is, and kept under the parent.
func TestAnalytics_Breakout(t *testing.T) {
	k := open(t, func(c *callbacks.Callbacks) { c.Config.Analytics = true })
	c := asked()
	k.claims[c.MeetingKey] = c
	if err := k.Analytics(t.Context(), address.Of(address.Analytics, c), k.sent(c, "i-2", "hash-1")); err != nil {
		t.Fatal(err)
	}
	row := k.rows(t)[0]
	if row.MeetingID != "room" || !strings.Contains(string(row.Body), `"meeting_id":"hash-1"`) || row.URL != analyticsURL {
		t.Errorf("%+v %s", row, row.Body)
	}
	list, err := k.index.Analytics(t.Context(), "a", "room", 10)
	if err != nil || len(list) != 1 || list[0].ID != "i-2" || string(list[0].Body) != string(row.Body) {
		t.Errorf("%+v %v", list, err)
	}
}

// A server says nothing of what others have, and nothing of what nobody knows. Nothing is kept of either.
func TestAnalytics_Foreign(t *testing.T) {
	k := open(t, func(c *callbacks.Callbacks) { c.Config.Analytics = true })
	c := asked()
	theirs := asked()
	theirs.Tenant, theirs.InternalID, theirs.Back = "b", "i-9", nil
	k.end(t, theirs, "ended")
	p := address.Of(address.Analytics, c)
	if err := k.Analytics(t.Context(), p, k.sent(c, "i-1", "room")); !errors.Is(err, callbacks.ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
	k.claims[c.MeetingKey] = c
	if err := k.Analytics(t.Context(), p, k.sent(c, "i-9", "room")); !errors.Is(err, callbacks.ErrForeign) {
		t.Errorf("another's: %v", err)
	}
	if len(k.rows(t)) > 0 {
		t.Error("something is told")
	}
	if err := k.Analytics(t.Context(), p, k.sent(c, "i-1", "room")); err != nil {
		t.Fatal(err)
	}
	other := theirs
	other.Server = "bbb2" // which has made up an ID that another meeting has
	k.claims[other.MeetingKey] = other
	if err := k.Analytics(t.Context(), address.Of(address.Analytics, other), k.sent(other, "i-1", "room")); !errors.Is(err, callbacks.ErrForeign) {
		t.Errorf("it takes the place of another: %v", err)
	}
}

// away is an index that cannot be read, and keeps in a journal what is written.
type away struct {
	store.Index
	gone bool
	read func(store.Callback) // is called when a row was read, before its reader has it; nil where nobody wants that
}

func (a *away) Session(ctx context.Context, id string) (store.Session, error) {
	if a.gone {
		return store.Session{}, store.ErrAway
	}
	return a.Index.Session(ctx, id)
}

func (a *away) Callback(ctx context.Context, id string) (store.Callback, error) {
	if a.gone {
		return store.Callback{}, store.ErrAway
	}
	c, err := a.Index.Callback(ctx, id)
	if read := a.read; read != nil && err == nil {
		a.read = nil
		read(c)
	}
	return c, err
}

// What comes while nobody can tell whom it is for is not lost: it waits, and goes where it is to go once that can be told; also
// where whoever took it in is gone.
func TestAnalytics_PutOff(t *testing.T) {
	const (
		not        = iota
		restart    // what was put off is found
		byOperator // or wanted by an operator
	)
	for _, restarted := range []int{not, restart, byOperator} {
		var db *away
		k := open(t, func(c *callbacks.Callbacks) {
			db = &away{Index: c.Index}
			c.Index = db
		})
		c, unknown := asked(), asked()
		k.end(t, c, "ended")
		for n := range 70 { // that wait for another front end, and are older
			old := store.Callback{
				ID: "old" + strconv.Itoa(n), Kind: store.CallbackAnalytics, Tenant: "b", URL: analyticsURL + "/b",
				State: store.CallbackWaiting, Created: monday.Add(-time.Hour),
			}
			if err := k.index.AddCallbacks(t.Context(), old); err != nil {
				t.Fatal(err)
			}
		}
		unknown.MeetingID, unknown.InternalID = "nowhere", "i-7"
		db.gone = true
		for _, one := range []store.Claim{c, unknown} {
			if err := k.Analytics(t.Context(), address.Of(address.Analytics, one), k.sent(one, one.InternalID, "a_room")); err != nil {
				t.Fatal(err)
			}
		}
		k.Resolve(t.Context())
		db.gone = false
		for _, row := range k.rows(t) {
			if row.Kind == store.CallbackAnalytics && row.Tenant == "a" && (!row.Due.After(monday.Add(time.Hour)) || strings.HasPrefix(row.URL, "http")) {
				t.Errorf("it may be sent: %+v", row)
			}
		}
		if restarted != not {
			fresh := *k
			fresh.Callbacks = &callbacks.Callbacks{
				Config: k.Config, Index: db, Now: k.Now, Claim: k.Claim, Hash: k.Hash, Tenants: k.Tenants, Seal: k.Seal,
			}
			k = &fresh
			if restarted == byOperator {
				for _, row := range k.rows(t) {
					if is := strings.HasPrefix(row.URL, address.Path); k.PutOff(row) != is {
						t.Errorf("of %s it is said that it is put off: %t", row.URL, !is)
					}
				}
			} else {
				k.Find(t.Context())
			}
		}
		k.Resolve(t.Context())
		states := map[string]store.CallbackState{}
		for _, row := range k.rows(t) {
			if row.Kind == store.CallbackAnalytics && row.Tenant == "a" {
				states[row.URL] = row.State
			}
		}
		if len(states) != 2 || states[analyticsURL] != store.CallbackWaiting {
			t.Errorf("%v", states)
		}
		delete(states, analyticsURL)
		for url, state := range states {
			if state != store.CallbackDead {
				t.Errorf("%s is %s", url, state)
			}
		}
	}
}

// Two instances that find what was put off at once resolve it once: what the one has resolved, and what was sent since, the
// other leaves alone.
func TestAnalytics_PutOff_Twice(t *testing.T) {
	for _, internal := range []string{"i-1", "i-7"} { // that is known, and that is not
		var db *away
		k := open(t, func(c *callbacks.Callbacks) {
			db = &away{Index: c.Index}
			c.Index = db
		})
		k.end(t, asked(), "ended")
		about := asked()
		if about.InternalID = internal; internal != "i-1" {
			about.MeetingID = "nowhere"
		}
		db.gone = true
		if err := k.Analytics(t.Context(), address.Of(address.Analytics, about), k.sent(about, about.InternalID, "a_room")); err != nil {
			t.Fatal(err)
		}
		db.gone = false
		var sent store.Callback
		db.read = func(c store.Callback) { // the other resolves it, and the leader sends it
			var err error
			if sent, err = k.index.UpdateCallback(t.Context(), c.ID, func(c *store.Callback) error {
				c.URL, c.State, c.Body, c.Outcome = analyticsURL, store.CallbackDone, nil, "answered 200"
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		k.Resolve(t.Context())
		is, err := k.index.Callback(t.Context(), sent.ID)
		if diff := cmp.Diff(sent, is); diff != "" || err != nil {
			t.Errorf("%s (-sent +is):\n%s %v", internal, diff, err)
		}
	}
}

// Analytics are kept for tenants that want it, for as long as that is set.
func TestAnalytics_Kept(t *testing.T) {
	k := open(t, nil)
	if _, err := k.Tenants.(store.Tenants).CreateTenant(t.Context(), store.Tenant{
		ID: "a", Callbacks: store.TenantCallbacks{Analytics: true},
	}); err != nil {
		t.Fatal(err)
	}
	c := asked()
	c.Back = &store.Back{} // nobody has asked to be told
	k.claims[c.MeetingKey] = c
	if err := k.Analytics(t.Context(), address.Of(address.Analytics, c), k.sent(c, "i-1", "a_room")); err != nil {
		t.Fatal(err)
	}
	a, err := k.index.Analysis(t.Context(), "i-1")
	if err != nil || len(k.rows(t)) != 0 || strings.Contains(string(a.Body), "analytics_callback_url") {
		t.Errorf("%s %v", a.Body, err)
	}
	for _, later := range []time.Duration{59 * time.Minute, 61 * time.Minute} {
		k.now = monday.Add(later)
		if err := k.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err = k.index.Analysis(t.Context(), "i-1"); (err == nil) != (later < time.Hour) {
			t.Errorf("after %s: %v", later, err)
		}
	}
}
