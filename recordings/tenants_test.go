package recordings_test

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// tenants adds tenants.
func (p *pool) tenants(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := p.db.CreateTenant(t.Context(), store.Tenant{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// over is the end of a recorded meeting of a tenant on bbb1, by which the pool knows whose its recording is.
func (p *pool) over(t testing.TB, key store.MeetingKey, id string) {
	t.Helper()
	claim := store.Claim{MeetingKey: key, Server: "bbb1", InternalID: id, Recorded: true, Alias: bbb.Alias(key.Tenant, key.MeetingID)}
	err := p.Remember(t.Context(), claim, store.Session{
		ID: id, Tenant: key.Tenant, Server: "bbb1", Start: monday, End: monday, Peak: 7, Reason: "ended", Recorded: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// scoped is what a server makes of a meeting that it knows by an ID of the pool's.
func scoped(n int, tenant, meetingID string) made {
	m := made{id: recordID(n), format: "presentation", meetingID: meetingID, media: "slides", meta: map[string]string{
		bbb.TenantKey: tenant, "course": "1",
	}}
	if tenant != "" {
		m.meetingID, m.meta[bbb.IDKey] = bbb.Alias(tenant, meetingID), meetingID
	}
	return m
}

// sees are the recordings that a tenant's front end finds, by what it may ask for.
func (p *pool) sees(t testing.TB, tenant, meetingID string) (ids []string) {
	t.Helper()
	byID, _, err := p.Recordings(t.Context(), store.RecordingFilter{Tenant: tenant, MeetingIDs: []string{meetingID}})
	if err != nil {
		t.Fatal(err)
	}
	byMeta, _, err := p.Recordings(t.Context(), store.RecordingFilter{
		Tenant: tenant, Meta: []store.MetaMatch{{Key: "meetingId", Value: meetingID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range byID {
		ids = append(ids, r.RecordID)
		if r.Meta["meetingId"] != meetingID || len(r.Meta) != 3 || r.Meta["course"] != "1" {
			t.Errorf("%s: %v", r.RecordID, r.Meta)
		}
	}
	if len(byMeta) != len(byID) {
		t.Errorf("%s has %d recordings of %q by ID, and %d by metadata", tenant, len(byID), meetingID, len(byMeta))
	}
	slices.Sort(ids)
	return ids
}

// expect fails the test unless each tenant sees its own recording of a room and no other's.
func (p *pool) expect(t testing.TB, when, meetingID string, want map[string][]string) {
	t.Helper()
	for tenant, ids := range want {
		if got := p.sees(t, tenant, meetingID); !slices.Equal(got, ids) {
			t.Errorf("%s: %s sees %v, want %v", when, tenant, got, ids)
		}
	}
}

// Tenants that have a room of one ID on one server have recordings of their own of it, whoever sends them, again and again,
// and after the index was lost; an ID that is too long for an alias is no exception.
func TestTenants_SameMeetingID(t *testing.T) {
	for _, id := range []string{"room", strings.Repeat("ä", 256)} {
		data := t.TempDir()
		p := open(t, data, nil)
		p.tenants(t, "physics", "arts", "default")
		p.over(t, store.MeetingKey{Tenant: "physics", MeetingID: id}, recordID(1))
		want := map[string][]string{
			"physics": {recordID(1), recordID(4)}, "arts": {recordID(2)}, "default": {recordID(3)}, "none": nil,
		}
		lot := []made{scoped(1, "physics", id), scoped(2, "arts", id), scoped(3, "", id), scoped(4, "", id)}
		delete(lot[2].meta, bbb.TenantKey)
		lot[3].meta[bbb.TenantKey] = "physics" // from before it was scoped
		for range 2 {
			p.take(t, lot...)
			p.expect(t, "imported", id, want)
		}
		p.sound(t)
		p.stop()
		for _, index := range files(t, data) {
			if strings.HasSuffix(index, ".db") {
				if err := os.Remove(index); err != nil {
					t.Fatal(err)
				}
			}
		}
		p = open(t, data, nil)
		p.tenants(t, "physics", "arts", "default")
		p.verify(t, recordings.VerifyOptions{Adopt: true})
		p.expect(t, "made again from the disk", id, want)
		p.sound(t)
	}
}

// What has come stays as its server wrote it: an index that is lost is made of it again.
func TestTenants_FilesAsTheyCame(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	p.tenants(t, "physics")
	m := scoped(1, "physics", "room")
	p.take(t, m)
	f, err := p.Library.Open(m.id, m.format, "metadata.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if got, err := io.ReadAll(f); err != nil || string(got) != m.metadata() {
		t.Errorf("%v %s", err, got)
	}
}

// A server says by the meeting whose a recording is, and by nothing else: not in its metadata, nor by a meeting of another
// server's.
func TestTenants_Sent(t *testing.T) {
	p := start(t, nil)
	p.tenants(t, "physics", "arts", "default")
	for _, id := range []string{"bbb1", "bbb2"} {
		if err := p.db.CreateServer(t.Context(), store.Server{ID: id, URL: "https://" + id, State: store.Enabled}); err != nil {
			t.Fatal(err)
		}
	}
	key := store.MeetingKey{Tenant: "physics", MeetingID: "room"}
	p.over(t, key, recordID(1))
	p.over(t, key, recordID(2))
	lies := scoped(1, "arts", "room")
	for _, c := range []struct {
		by   string
		what made
		done bool
	}{
		{"bbb1", lies, true}, {"bbb2", scoped(2, "arts", "room"), false}, {"bbb2", scoped(3, "physics", "room"), true},
	} {
		name, err := send(t.Context(), p.Service, c.by, c.what.id, pack(t, c.what))
		if err != nil {
			t.Fatal(err)
		}
		if c.done {
			p.waitFor(t, name, store.JobDone)
		} else {
			p.quarantined(t, name)
		}
	}
	if r := p.get(t, recordID(1)); r.Tenant != "physics" || r.MeetingID != "room" {
		t.Errorf("of its own meeting: %+v", r)
	}
	p.claimed(t, "of a meeting that nobody knows", recordID(3))
}

// claimed fails the test unless a recording is the default tenant's until it is given to physics, and in none of its rooms.
func (p *pool) claimed(t testing.TB, when, id string) {
	t.Helper()
	p.expect(t, when, "room", map[string][]string{"default": nil})
	r := p.get(t, id)
	if r.Tenant != "default" || r.Claimed != "physics" || r.ClaimedID != "room" || r.MeetingID != "physics_room" ||
		r.Meta["meetingId"] != "physics_room" || r.Meta[bbb.IDKey] != "" {
		t.Errorf("%s: %+v", when, r)
	}
}

// A recording that a tenant claims is in no room of the one that it is with meanwhile, whatever happens to it: it comes once
// more, is looked through on the disk, or the index is lost. Whoever gets it has it in the room.
func TestTenants_Claimed(t *testing.T) {
	p := start(t, nil)
	p.tenants(t, "physics", "default")
	m := scoped(1, "physics", "room")
	sent := func(m made) {
		name, err := send(t.Context(), p.Service, "bbb1", m.id, pack(t, m))
		if err != nil {
			t.Fatal(err)
		}
		p.waitFor(t, name, store.JobDone)
	}
	if err := p.db.CreateServer(t.Context(), store.Server{ID: "bbb1", URL: "https://bbb1", State: store.Enabled}); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"physics", "default"} {
		sent(m)
		p.claimed(t, "sent", m.id)
		more := m
		more.format = "video"
		sent(more)
		p.claimed(t, "sent again", m.id)
		p.verify(t, recordings.VerifyOptions{Adopt: true})
		p.claimed(t, "looked through", m.id)
		if err := p.db.DeleteRecording(t.Context(), m.id); err != nil {
			t.Fatal(err)
		}
		p.verify(t, recordings.VerifyOptions{Adopt: true})
		p.claimed(t, "made again", m.id)
		if r, err := p.Assign(t.Context(), m.id, to); err != nil || r.Claimed != "" || r.ClaimedID != "" {
			t.Errorf("given to %s: %+v, %v", to, r, err)
		}
		want := map[string][]string{"physics": nil, "default": nil}
		want[to] = []string{m.id}
		p.expect(t, "given to "+to, "room", want)
		p.take(t, m)
		p.expect(t, "come again to "+to, "room", want)
		if err := p.Erase(t.Context(), to, m.id); err != nil {
			t.Fatal(err)
		}
		if err := p.db.DeleteRecording(t.Context(), m.id); err != nil {
			t.Fatal(err)
		}
	}
}

// Servers open breakout rooms without asking. Their recordings are of their parent's tenant, under the server's own IDs,
// and no other server can send one.
func TestTenants_Breakouts(t *testing.T) {
	p := start(t, nil)
	p.tenants(t, "physics", "default")
	if err := p.db.CreateServer(t.Context(), store.Server{ID: "bbb1", URL: "https://bbb1", State: store.Enabled}); err != nil {
		t.Fatal(err)
	}
	p.over(t, store.MeetingKey{Tenant: "physics", MeetingID: "room"}, recordID(1))
	for n, by := range map[int]string{2: "bbb1", 3: "bbb2"} {
		room := scoped(n, "physics", "room")
		room.meetingID, room.parent = "synthetic-4711", recordID(1)
		name, err := send(t.Context(), p.Service, by, recordID(n), pack(t, room))
		if err != nil {
			t.Fatal(err)
		}
		if by == "bbb2" {
			p.quarantined(t, name)
			continue
		}
		p.waitFor(t, name, store.JobDone)
		if r := p.get(t, recordID(n)); r.Tenant != "physics" || r.MeetingID != "synthetic-4711" || r.Meta[bbb.IDKey] != "" || r.Server != "bbb1" {
			t.Errorf("%+v", r)
		}
	}
}

// A recording from before its tenant was here is given to it, and stays with it: when it comes again, and when the index is
// made again from the disk.
func TestTenants_AssignedLater(t *testing.T) {
	data := t.TempDir()
	p := open(t, data, nil)
	p.tenants(t, "default")
	m := scoped(1, "physics", "room")
	p.take(t, m)
	p.claimed(t, "before", m.id)
	p.tenants(t, "physics", "arts")
	for _, to := range []string{"arts", "physics"} {
		if _, err := p.Assign(t.Context(), m.id, to); err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{"physics": nil, "arts": nil, "default": nil}
		want[to] = []string{m.id}
		p.expect(t, "given to "+to, "room", want)
		p.take(t, m)
		more := m
		more.format = "video"
		p.take(t, more)
		p.expect(t, "come again", "room", want)
		if err := p.db.DeleteRecording(t.Context(), m.id); err != nil {
			t.Fatal(err)
		}
		p.verify(t, recordings.VerifyOptions{Adopt: true})
		p.expect(t, "made again", "room", want)
	}
}

// What a server owes and is seen to make has the front end's ID before it arrives.
func TestTenants_Owed(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	p.Now = func() time.Time { return monday }
	p.tenants(t, "physics")
	p.over(t, store.MeetingKey{Tenant: "physics", MeetingID: "room"}, recordID(1))
	p.servers.tell(store.Recording{
		RecordID: recordID(1), State: store.Processing, MeetingID: "physics_room",
		Meta: map[string]string{"meetingId": "physics_room", bbb.IDKey: "room", bbb.TenantKey: "physics", "course": "1", "x": "y"},
	})
	if err := p.Pursue(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.expect(t, "on its way", "room", map[string][]string{"physics": {recordID(1)}, "default": nil})
	owed, err := p.Owed(t.Context())
	if err != nil || len(owed) != 1 || owed[0].MeetingID != "room" || owed[0].Tenant != "physics" {
		t.Errorf("owed %+v, %v", owed, err)
	}
}
