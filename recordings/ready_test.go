package recordings_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

const (
	readyURL = "https://front.example.edu/ready"
	endURL   = "https://front.example.edu/end"
)

// telling opens a pool whose front ends are told of recordings, by what decides that in a pool.
func telling(t *testing.T) (*pool, *callbacks.Callbacks) {
	t.Helper()
	var told *callbacks.Callbacks
	p := open(t, t.TempDir(), func(s *recordings.Service) {
		index := s.Index.(store.Index)
		key := func(ctx context.Context, fresh []byte) ([]byte, error) {
			return index.Key(ctx, callbacks.KeyName, fresh)
		}
		told = &callbacks.Callbacks{Index: index, Key: key, Now: time.Now, Log: zerolog.Nop()}
		s.Tell, s.Meta = told.Ready, told.Meta
	})
	if err := told.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, told
}

// asking is a claim whose front end wants to be told of its recording.
func asking(id string) store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room"}, Server: "bbb1", InternalID: id, Recorded: true,
		Placed: monday, Signer: "second", Back: &store.Back{Meta: []store.MetaField{
			{Name: store.MetaReady, Value: readyURL}, {Name: store.MetaEnd, Value: endURL},
		}},
	}
}

// finished is how a claim ends.
func (p *pool) finished(t *testing.T, c store.Claim) {
	t.Helper()
	err := p.Remember(t.Context(), c, store.Session{
		ID: c.InternalID, Tenant: c.Tenant, Server: c.Server, Start: c.Placed, End: monday.Add(time.Hour), Peak: 7, Reason: "ended",
		Recorded: c.Recorded, Signer: c.Signer, Back: c.Back,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ready are the recordings that front ends are to be told of, with the meetings that they are told as.
func (p *pool) ready(t *testing.T) map[string]string {
	t.Helper()
	list, err := p.db.Callbacks(t.Context(), store.CallbackFilter{})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, c := range list {
		if c.Kind != store.CallbackReady || c.URL != readyURL || c.Signer != "second" || told[c.Subject] != "" {
			t.Errorf("%+v", c)
		}
		told[c.Subject] = c.MeetingID
	}
	return told
}

// What is imported is told to whom its create has named, once, whether its meeting is over or goes on, and whatever comes later;
// a breakout room's recording is told to its parent's front end under the ID that it has. The front end finds it by then.
func TestReady(t *testing.T) {
	p, told := telling(t)
	p.run(t)
	ended, live, breakout, silent := recordID(1), recordID(2), recordID(3), recordID(4)
	p.finished(t, asking(ended))
	if _, err := p.db.CreateClaim(t.Context(), asking(live)); err != nil {
		t.Fatal(err)
	}
	p.finished(t, store.Claim{MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "other"}, Server: "bbb1", InternalID: silent, Recorded: true})
	ours := map[string]string{"endcallbackurl": told.Seal.URL("https://pool.example.edu", address.Of(address.Marks, asking(ended)))}
	for name, m := range map[string]made{
		"a": {id: ended, format: "video", meetingID: "room", meta: ours}, "b": {id: live, format: "video", meetingID: "room", meta: ours},
		"c": {id: breakout, format: "video", meetingID: "hash-1", parent: ended, meta: ours},
		"d": {id: silent, format: "video", meetingID: "other"},
	} {
		m.media = "film"
		p.drop(t, name+".tar", pack(t, m))
		p.waitFor(t, name+".tar", store.JobDone)
	}
	p.drop(t, "e.tar", pack(t, made{id: ended, format: "podcast", meetingID: "room", media: "sound", meta: ours}))
	p.waitFor(t, "e.tar", store.JobDone)
	if diff := cmp.Diff(map[string]string{ended: "room", live: "room", breakout: "hash-1"}, p.ready(t)); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{ended, live, breakout} {
		r := p.get(t, id)
		if r.Meta["endcallbackurl"] != endURL || r.Meta[store.MetaReady] != readyURL || r.State != store.Published {
			t.Errorf("%+v", r)
		}
	}
}

// What an operator imports tells nobody, unless that is wanted; then also what was here already, in directories, or in the
// library, and once.
func TestReady_Operator(t *testing.T) {
	p, _ := telling(t)
	id, second := recordID(1), recordID(2)
	p.finished(t, asking(id))
	p.finished(t, asking(second))
	path := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(path, pack(t, made{id: id, format: "video", meetingID: "room", media: "film"}), 0o600); err != nil {
		t.Fatal(err)
	}
	import1 := func(path string, notify bool) recordings.ImportReport {
		t.Helper()
		report, err := p.Import(t.Context(), recordings.ImportOptions{Path: path, Notify: notify}, func(recordings.Progress) {})
		if err != nil || len(report.Failed) > 0 {
			t.Fatalf("%+v %v", report, err)
		}
		return report
	}
	import1(path, false)
	if told := p.ready(t); len(told) > 0 {
		t.Errorf("told of %v", told)
	}
	for range 2 {
		if report := import1(path, true); report.Same != 1 {
			t.Errorf("%+v", report)
		}
	}
	if told := p.ready(t); len(told) != 1 || told[id] != "room" {
		t.Errorf("told of %v", told)
	}
	other := filepath.Join(t.TempDir(), "b.tar")
	if err := os.WriteFile(other, pack(t, made{id: second, format: "video", meetingID: "room", media: "film"}), 0o600); err != nil {
		t.Fatal(err)
	}
	import1(other, true)
	if told := p.ready(t); len(told) != 2 {
		t.Errorf("told of %v", told)
	}
}

// Of a meeting of which nothing was marked no recording is owed, whether its server says so before its end or after it; one that
// comes all the same is imported. What has arrived, or is being made, is not forgotten.
func TestMarked(t *testing.T) {
	p, _ := telling(t)
	before, after, on, marked := recordID(1), recordID(2), recordID(3), recordID(4)
	claim := asking(before)
	claim.Marks = "false"
	p.finished(t, claim)
	for _, id := range []string{after, on, marked} {
		p.finished(t, asking(id))
	}
	p.take(t, made{id: on, format: "video", meetingID: "room", media: "film"})
	for _, id := range []string{after, on, recordID(9)} {
		if err := p.Marked(t.Context(), id+"~1760000000000", false); err != nil { // as the session of a meeting that came back
			t.Fatal(err)
		}
	}
	if err := p.Marked(t.Context(), marked, true); err != nil {
		t.Fatal(err)
	}
	owed := p.owed(t)
	if _, ok := owed[marked]; !ok || owed[before] != "" || owed[after] != "" {
		t.Errorf("%v", owed)
	}
	if r := p.get(t, on); r.State != store.Published {
		t.Errorf("%+v", r)
	}
	p.take(t, made{id: after, format: "video", meetingID: "room", media: "film"})
	if r := p.get(t, after); r.State != store.Published || r.Tenant != "default" {
		t.Errorf("%+v", r)
	}
}
