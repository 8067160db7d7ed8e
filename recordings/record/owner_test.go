package record_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

var errStore = errors.New("the store is gone")

// history is past meetings by internal ID; tenants are those there are.
type (
	history map[string]store.Session
	tenants map[string]bool
)

func (h history) Session(_ context.Context, id string) (store.Session, error) {
	if h == nil {
		return store.Session{}, errStore
	}
	if s, ok := h[id]; ok {
		return s, nil
	}
	return store.Session{}, store.ErrNotFound
}

func (l tenants) Tenant(_ context.Context, id string) (store.Tenant, error) {
	if l == nil {
		return store.Tenant{}, errStore
	}
	if l[id] {
		return store.Tenant{ID: id}, nil
	}
	return store.Tenant{}, store.ErrNotFound
}

// A meeting is looked up in the history, and else among those that go on.
func TestOwners_Session(t *testing.T) {
	o := record.Owners{Sessions: history{"past": {ID: "past", Tenant: "a"}}}
	live := map[string]store.Session{"past": {Tenant: "b"}, "live": {Tenant: "c"}}
	for id, want := range map[string]string{"past": "a", "live": "c", "none": ""} {
		if s, err := o.Session(t.Context(), store.Recording{RecordID: id}, live); err != nil || s.Tenant != want {
			t.Errorf("%s: %+v %v", id, s, err)
		}
	}
	o.Sessions = history(nil)
	if _, err := o.Session(t.Context(), store.Recording{RecordID: "past"}, live); !errors.Is(err, errStore) {
		t.Errorf("a store that fails: %v", err)
	}
}

// Whoever ran the pool before may have noted where a front end wants to be told: that counts of what was not created here.
func TestOwners_Asking(t *testing.T) {
	noted, own := &store.Back{Ended: "theirs"}, &store.Back{Ended: "ours"}
	failing := errors.New("away")
	o := record.Owners{
		Sessions: history{
			"ours": {Tenant: "a", Signer: "moodle", Back: own}, "nowhere": {Tenant: "a", Signer: "moodle"}, "taken over": {Tenant: "b"},
		},
		Noted: func(_ context.Context, meetingID, recordID string) (*store.Back, error) {
			switch {
			case recordID == "lost":
				return nil, failing
			case meetingID == "room":
				return noted, nil
			}
			return nil, nil //nolint:nilnil // nothing is noted
		},
	}
	for _, c := range []struct {
		id, meeting string
		want        store.Session
		err         error
	}{
		{"ours", "room", store.Session{Tenant: "a", Signer: "moodle", Back: own}, nil},
		{"nowhere", "room", store.Session{Tenant: "a", Signer: "moodle"}, nil},
		{"taken over", "room", store.Session{Tenant: "b", Back: noted}, nil},
		{"unknown", "room", store.Session{Tenant: "school", Back: noted}, nil},
		{"unknown", "other", store.Session{}, nil},
		{"lost", "room", store.Session{}, failing},
	} {
		s, err := o.Asking(t.Context(), store.Recording{RecordID: c.id, MeetingID: c.meeting, Tenant: "school"}, nil)
		if s.Tenant != c.want.Tenant || s.Back != c.want.Back || !errors.Is(err, c.err) {
			t.Errorf("%s in %s: %+v, %v", c.id, c.meeting, s, err)
		}
	}
}

// Whose a recording is, is told by its meeting, else by itself or the operator; a server that sends it cannot tell.
func TestOwners_Assign(t *testing.T) {
	o := record.Owners{Sessions: history{}, Tenants: tenants{"school": true, "college": true}}
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		what    string
		meta    map[string]string
		session store.Session
		from    record.Origin
		want    store.Recording
	}{
		{
			"its meeting",
			map[string]string{"bbbpool-tenant": "college"},
			store.Session{Tenant: "school", Server: "bbb1"},
			record.Origin{Server: "bbb2", Tenant: "college"},
			store.Recording{Tenant: "school", Server: "bbb1"},
		},
		{
			"itself",
			map[string]string{"bbbpool-tenant": "college", "tenant-id": "school"},
			store.Session{},
			record.Origin{Server: "bbb2"},
			store.Recording{Tenant: "college", Server: "bbb2"},
		},
		{
			"itself, in Scalelite's words",
			map[string]string{"tenant-id": "school"},
			store.Session{},
			record.Origin{},
			store.Recording{Tenant: "school"},
		},
		{
			"the operator",
			map[string]string{"course": "1"},
			store.Session{},
			record.Origin{Tenant: "college"},
			store.Recording{Tenant: "college"},
		},
		{
			"itself before the operator",
			map[string]string{"tenant-id": "school"},
			store.Session{},
			record.Origin{Tenant: "college"},
			store.Recording{Tenant: "school"},
		},
		{
			"the operator, where it names nobody",
			map[string]string{"tenant-id": "gone"},
			store.Session{},
			record.Origin{Tenant: "college"},
			store.Recording{Tenant: "college"},
		},
		{
			"nobody, for one that is not there",
			map[string]string{"tenant-id": "gone"},
			store.Session{},
			record.Origin{},
			store.Recording{Tenant: "default", Claimed: "gone"},
		},
		{
			"nobody, in too many words",
			map[string]string{"tenant-id": long},
			store.Session{},
			record.Origin{},
			store.Recording{Tenant: "default", Claimed: long[:1000]},
		},
		{
			"not a server",
			map[string]string{"bbbpool-tenant": "college"},
			store.Session{},
			record.Origin{Server: "bbb2", Foreign: true},
			store.Recording{Tenant: "default", Claimed: "college", Server: "bbb2"},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := o.Assign(t.Context(), store.Recording{Meta: c.meta}, c.session, c.from)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"bbbpool-tenant", "tenant-id"} {
				if _, ok := got.Meta[key]; ok {
					t.Errorf("%s is left in %v", key, got.Meta)
				}
			}
			got.Meta = nil
			same(t, got, c.want)
		})
	}
	o.Tenants = tenants(nil)
	if _, err := o.Assign(t.Context(), store.Recording{}, store.Session{}, record.Origin{Tenant: "x"}); !errors.Is(err, errStore) {
		t.Errorf("a store that fails: %v", err)
	}
}

// A server that sends a recording of a meeting that nobody knows can prove whose it is, and what its front end calls the meeting,
// by what was sealed for that very server.
func TestOwners_Proven(t *testing.T) {
	o := record.Owners{Sessions: history{}, Tenants: tenants{"school": true, "college": true}}
	tenant := "college"
	o.Proven = func(meta map[string]string) (store.MeetingKey, string, bool) {
		return store.MeetingKey{Tenant: tenant, MeetingID: "room"}, meta["proof"], meta["proof"] != ""
	}
	says := func(proof string) map[string]string {
		return map[string]string{"bbbpool-tenant": "school", "bbbpool-meeting-id": "another", "proof": proof}
	}
	sent := record.Origin{Server: "bbb2", Foreign: true}
	for _, c := range []struct {
		what, tenant, proof string
		session             store.Session
		breakout            *store.Breakout
		from                record.Origin
		want                store.Recording
	}{
		{"proven", "college", "bbb2", store.Session{}, nil, sent, store.Recording{Tenant: "college", MeetingID: "room"}},
		{
			"of another server", "college", "bbb1",
			store.Session{},
			nil, sent,
			store.Recording{Tenant: "default", MeetingID: "school_x", Claimed: "school", ClaimedID: "another"},
		},
		{
			"of a tenant that has gone", "gone", "bbb2",
			store.Session{},
			nil, sent,
			store.Recording{Tenant: "default", MeetingID: "school_x", Claimed: "gone", ClaimedID: "room"},
		},
		{
			"nothing", "college", "",
			store.Session{},
			nil, sent,
			store.Recording{Tenant: "default", MeetingID: "school_x", Claimed: "school", ClaimedID: "another"},
		},
		{
			"of a breakout room's parent", "college", "bbb2",
			store.Session{},
			&store.Breakout{Parent: "p"}, sent,
			store.Recording{Tenant: "college", MeetingID: "school_x"},
		},
		{
			"of a meeting that is known", "college", "bbb2",
			store.Session{Tenant: "school", Server: "bbb2"},
			nil, sent,
			store.Recording{Tenant: "school", MeetingID: "room"},
		},
	} {
		tenant = c.tenant
		r := store.Recording{MeetingID: "school_x", Breakout: c.breakout, Meta: says(c.proof)}
		got, err := o.Assign(t.Context(), r, c.session, c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got.Tenant != c.want.Tenant || got.MeetingID != c.want.MeetingID || got.Claimed != c.want.Claimed || got.ClaimedID != c.want.ClaimedID {
			t.Errorf("%s: %+v", c.what, got)
		}
	}
}
