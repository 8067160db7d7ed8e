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

// Whose a recording is, is told by its meeting, else by itself or the operator; a server that sends it cannot tell.
func TestOwners_Assign(t *testing.T) {
	o := record.Owners{Sessions: history{}, Tenants: tenants{"school": true, "college": true}}
	o.Proven = func(meta map[string]string) (store.MeetingKey, string, bool) {
		return store.MeetingKey{Tenant: "college", MeetingID: "room"}, meta["proof"], meta["proof"] != ""
	}
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
			"a server that proves it",
			map[string]string{"bbbpool-tenant": "school", "proof": "bbb2", "bbbpool-meeting-id": "another"},
			store.Session{},
			record.Origin{Server: "bbb2", Foreign: true},
			store.Recording{Tenant: "college", Server: "bbb2", MeetingID: "room"},
		},
		{
			"not a server that proves it of another",
			map[string]string{"bbbpool-tenant": "college", "proof": "bbb1"},
			store.Session{},
			record.Origin{Server: "bbb2", Foreign: true},
			store.Recording{Tenant: "default", Claimed: "college", Server: "bbb2"},
		},
		{
			"its meeting, whatever is proven",
			map[string]string{"proof": "bbb2"},
			store.Session{Tenant: "school", Server: "bbb2"},
			record.Origin{Server: "bbb2", Foreign: true},
			store.Recording{Tenant: "school", Server: "bbb2", MeetingID: "room"},
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
