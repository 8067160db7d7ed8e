package poller_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// scoped is a meeting of a tenant that its server knows by an ID of the pool's.
func scoped(tenant, id, internal string, people int) bbb.Meeting {
	m := room(id, internal, people)
	m.Tenant, m.Alias = tenant, bbb.Alias(tenant, id)
	return m
}

// A pool that has lost its claims finds the meetings of all tenants again, each under the ID of its front end and with the
// ID that its server knows; those of one ID are two.
func TestRun_AdoptsByAlias(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 256))
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		unscoped := room("lesson", "i-2", 2) // of one ID on the servers there is one meeting
		unscoped.Tenant = "arts"
		group := room("group", "i-group", 1)
		group.Breakout, group.ParentID, group.Tenant = true, "i-1", "physics"
		r.net["a"].show(scoped("physics", "class", "i-1", 1), unscoped, group)
		r.net["b"].show(room("class", "i-3", 3), scoped("physics", long, "i-4", 4), scoped("gone", "class", "i-5", 5))
		r.pass(11 * time.Second)
		for _, want := range []store.Claim{
			{MeetingKey: store.MeetingKey{Tenant: "physics", MeetingID: "class"}, Server: "a", Alias: "physics_class"},
			{MeetingKey: store.MeetingKey{Tenant: "arts", MeetingID: "lesson"}, Server: "a"},
			{MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "class"}, Server: "b"},
			{MeetingKey: store.MeetingKey{Tenant: "physics", MeetingID: long}, Server: "b", Alias: bbb.Alias("physics", long)},
			{MeetingKey: store.MeetingKey{Tenant: "gone", MeetingID: "class"}, Server: "b", Alias: "gone_class"},
		} {
			found, err := r.ledger.Peek(want.MeetingKey)
			if err != nil || found.Claim.Server != want.Server || found.Claim.Alias != want.Alias {
				t.Errorf("%v: got %+v, %v", want.MeetingKey, found.Claim, err)
			}
		}
		for tenant, want := range map[string][]string{
			"physics": {"i-1", "i-4", "i-group"}, "arts": {"i-2"}, "default": {"i-3"}, "gone": {"i-5"}, "none": nil,
		} {
			var got []string
			for _, m := range r.Meetings(tenant) {
				got = append(got, m.InternalID)
				if bytes.Contains(m.Raw, []byte("_class")) || bytes.Contains(m.Raw, []byte("bbbpool")) {
					t.Errorf("%s is shown as %s", m.MeetingID, m.Raw)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s sees %v, want %v", tenant, got, want)
			}
		}
	})
}

// A copy of a meeting is asked about and ended by the ID that its server knows: what has the front end's ID there is
// another tenant's.
func TestRun_StraysByAlias(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.net["a"].show(room("class", "i-default", 0))
		r.net["b"].show(scoped("physics", "class", "i-b", 3))
		r.pass(11 * time.Second)
		r.net["a"].show(room("class", "i-default", 0), scoped("physics", "class", "i-a", 0))
		r.pass(21 * time.Second)
		left := []string{}
		r.net["a"].change(func(f *fake) {
			for _, m := range f.meetings {
				left = append(left, m.InternalID)
			}
		})
		if n := r.ends("a"); n != 1 || !slices.Equal(left, []string{"i-default"}) {
			t.Errorf("%d ends, %v left", n, left)
		}
	})
}

// Of a copy that a list does not show any more, and of a claimed meeting that no list shows, the ID is known by which its
// server ends it.
func TestCopies_Alias(t *testing.T) {
	k := store.MeetingKey{Tenant: "physics", MeetingID: "class"}
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.net["b"].show(scoped("physics", "class", "i-b", 3))
		r.pass(11 * time.Second)
		r.net["a"].show(scoped("physics", "class", "i-a", 2))
		r.pass(11 * time.Second)
		r.net["a"].show(bbb.Meeting{InternalID: "i-x"}) // which cannot be read
		r.net["b"].show(bbb.Meeting{InternalID: "i-x"})
		r.pass(11 * time.Second)
		got := map[string]string{}
		for server, m := range r.Copies(k) {
			got[server] = m.InternalID + " " + m.OnServer() + " " + m.MeetingID
		}
		if len(got) != 2 || got["a"] != "i-a physics_class class" || got["b"] != "i-b physics_class class" {
			t.Errorf("got %v", got)
		}
	})
}

// A server that calls a meeting's front end's ID something that cannot be one loses nothing but that.
func TestRun_OddMetadata(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(_ *testing.T, r *rig) {
		odd := room("a,b", "i-1", 1)
		odd.Alias = "class"
		r.net["a"].show(odd, room("other", "i-2", 2))
		r.pass(11 * time.Second)
		r.claims("with odd metadata", map[string]string{"class": "a", "other": "a"})
	})
}

// A front end may give a meeting an ID as those have that test a server.
func TestRun_ScopedMeetingNamedLikeATrial(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].show(scoped("physics", bbb.ProbePrefix+"x", "i-1", 1))
		r.pass(11 * time.Second)
		if _, err := r.ledger.Peek(store.MeetingKey{Tenant: "physics", MeetingID: bbb.ProbePrefix + "x"}); err != nil {
			t.Error(err)
		}
	})
}

// A meeting that was ended while its server was away is ended when that is back, also where its tenant has another one there
// by then: they are two for the server, if it knows only one of them by an ID of the pool's.
func TestRun_EndedBesideAlias(t *testing.T) {
	k := store.MeetingKey{Tenant: "physics", MeetingID: "class"}
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		unscoped := room("class", "i-old", 4)
		unscoped.Tenant = "physics"
		r.net["a"].show(unscoped)
		r.pass(11 * time.Second)
		r.net["a"].set(down, "getMeetingInfo")
		ending, err := r.ledger.BeginEnd(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		if err := ending.Ended(t.Context(), []placement.Copy{{Server: "a", InternalID: "i-old"}}); err != nil {
			t.Fatal(err)
		}
		ending.Release()
		r.pass(5 * time.Second)
		next := scoped("physics", "class", "i-new", 2)
		next.CreateTime = time.Now().UnixMilli()
		r.net["a"].show(unscoped, next)
		r.pass(21 * time.Second)
		if found, err := r.ledger.Peek(k); err != nil || found.Claim.InternalID != "i-new" {
			t.Fatalf("%+v %v", found, err)
		}
		r.net["a"].set(behaviour{}, "getMeetingInfo")
		r.pass(31 * time.Second)
		r.list("at the end")
		var left []string
		for _, m := range r.Meetings("physics") {
			left = append(left, m.InternalID)
		}
		if n := r.ends("a"); n != 1 || !slices.Equal(left, []string{"i-new"}) {
			t.Errorf("%d ends, %v left", n, left)
		}
	})
}
