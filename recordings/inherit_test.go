package recordings_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// A server that has got another name while a recorded meeting ran still owes its recording, under the new one; a server
// that is in the pool loses what it owes to nobody.
func TestRemember_RenamedServer(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	tell := func(id, server, reason string) {
		t.Helper()
		err := p.Remember(t.Context(), store.Claim{
			MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room"}, Server: server, InternalID: id, Recorded: true,
		}, store.Session{
			ID: id, Tenant: "default", Meeting: "9f86d081884c7d659a2feaa0c55ad015", Server: server, Start: monday,
			End: monday.Add(time.Hour), Reason: reason, Recorded: true,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	comeBack := func(id, server string) {
		t.Helper()
		err := p.Remember(t.Context(), store.Claim{
			MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room"}, Server: server, InternalID: id, Recorded: true,
		}, store.Session{
			ID: id + "~1", Tenant: "default", Meeting: "9f86d081884c7d659a2feaa0c55ad015", Server: server,
			Start: monday.Add(2 * time.Hour), End: monday.Add(3 * time.Hour), Peak: 4, Reason: "ended", Recorded: true,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"new", "stays", "thief"} {
		if err := p.db.CreateServer(t.Context(), store.Server{ID: id, URL: "https://" + id, State: store.Enabled}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ id, before, after, want string }{
		{recordID(1), "old", "new", "new"},
		{recordID(2), "stays", "thief", "stays"},
	} {
		tell(c.id, c.before, "removed")
		tell(c.id, c.after, "ended")
		tell(c.id, c.after, "ended")
		if r := p.get(t, c.id); r.Owed == nil || r.Owed.Server != c.want || r.Server != c.want {
			t.Errorf("removed as %s, ended as %s: %s owes it (%+v), want %s", c.before, c.after, r.Server, r.Owed, c.want)
		}
	}
	for _, c := range []struct{ id, before, after, want string }{
		{recordID(3), "stays", "stays", "stays"},
		{recordID(4), "old", "new", "new"},
		{recordID(5), "stays", "thief", "stays"},
	} {
		tell(c.id, c.before, "lost")
		comeBack(c.id, c.after)
		comeBack(c.id, c.after)
		r := p.get(t, c.id)
		if ended := monday.Add(3 * time.Hour); r.Owed == nil || r.Owed.Server != c.want || r.Owed.Ended.Equal(ended) != (c.after == c.want) {
			t.Errorf("lost as %s, back as %s: %s owes it (%+v), want %s", c.before, c.after, r.Server, r.Owed, c.want)
		}
	}
}
