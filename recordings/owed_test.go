package recordings_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// ended tells a pool that a recorded meeting is over.
func (p *pool) ended(t testing.TB, n int, end time.Time) string {
	t.Helper()
	id := recordID(n)
	claim := store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room"}, Server: "bbb1", InternalID: id, Recorded: true,
	}
	for range 2 { // the ledger may say it twice
		err := p.Remember(t.Context(), claim, store.Session{
			ID: id, Tenant: "default", Server: "bbb1", Start: end.Add(-time.Hour), End: end, Peak: 7, Reason: "ended", Recorded: true,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// owed returns the step of each recording that is owed, with a mark on those that are overdue.
func (p *pool) owed(t testing.TB) map[string]string {
	t.Helper()
	list, err := p.Owed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string]string{}
	for _, o := range list {
		steps[o.RecordID] = string(o.Owed.Step)
		if o.Overdue {
			steps[o.RecordID] += "!"
		}
	}
	return steps
}

// on is a recording as its server tells of it.
func on(id string, state store.RecordingState, formats ...string) store.Recording {
	r := store.Recording{RecordID: id, MeetingID: "room", Name: "Algebra", State: state}
	for _, f := range formats {
		r.Formats = append(r.Formats, store.Format{Type: f})
	}
	return r
}

// From the end of a recorded meeting to the last of its formats it is known what is owed, by whom, and since when.
func TestOwed(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	now := monday.Add(time.Hour)
	p.Now = func() time.Time { return now }
	id := p.ended(t, 1, now)
	step := func(want string, told ...store.Recording) {
		t.Helper()
		p.servers.tell(told...)
		now = now.Add(10 * time.Second)
		if err := p.Pursue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := p.owed(t)[id]; got != want {
			t.Errorf("got step %q, want %q", got, want)
		}
	}
	if got := p.owed(t)[id]; got != "ended" {
		t.Errorf("at the end: %q", got)
	}
	step("ended") // not yet begun
	step("processing", on(id, store.Processing))
	listed, n, err := p.Recordings(t.Context(), store.RecordingFilter{Tenant: "default", States: []store.RecordingState{store.Processing}})
	if err != nil || n != 1 || listed[0].Name != "Algebra" {
		t.Errorf("front ends see it in processing: %+v %v", listed, err)
	}
	step("processed", on(id, store.Processed))
	step("published", on(id, store.Published, "presentation", "video"))
	p.servers.err = errors.New("does not answer")
	step("published")
	p.servers.err = nil
	p.take(t, made{id: id, format: "presentation", meetingID: "room", media: "a"})
	step("published", on(id, store.Published, "presentation", "video"))
	if o, _ := p.Owed(t.Context()); !slices.Equal(o[0].Owed.Formats, []string{"video"}) || p.OwedBy("bbb1") != 1 {
		t.Errorf("still owed: %+v", o[0].Owed)
	}
	p.take(t, made{id: id, format: "video", meetingID: "room", media: "b"})
	step("", on(id, store.Published, "presentation", "video"))
	if r := p.get(t, id); r.Server != "bbb1" || r.Tenant != "default" || r.State != store.Published {
		t.Errorf("%+v", r)
	}
}

// take imports formats from an archive of the operator's.
func (p *pool) take(t testing.TB, formats ...made) {
	t.Helper()
	path := filepath.Join(t.TempDir(), formats[0].format+".tar")
	if err := os.WriteFile(path, pack(t, formats...), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := p.Import(t.Context(), recordings.ImportOptions{Path: path}, func(recordings.Progress) {})
	if err != nil || len(report.Failed) > 0 {
		t.Fatalf("%+v %v", report, err)
	}
}

// What is late is overdue, but for what nobody has recorded, which is forgotten in time; so is what never comes.
func TestOwed_Late(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	now := monday
	p.Now = func() time.Time { return now }
	stuck, nothing := p.ended(t, 1, now), p.ended(t, 2, now)
	p.servers.tell(on(stuck, store.Processing))
	pursue := func(later time.Duration) map[string]string {
		t.Helper()
		now = now.Add(later)
		if err := p.Pursue(t.Context()); err != nil {
			t.Fatal(err)
		}
		return p.owed(t)
	}
	if got := pursue(time.Hour); got[stuck] != "processing" || got[nothing] != "missing" {
		t.Errorf("after an hour: %v", got)
	}
	if got := pursue(23*time.Hour + time.Minute); got[stuck] != "processing!" || got[nothing] != "missing" {
		t.Errorf("after a day: %v", got)
	}
	if got := pursue(2 * time.Hour); len(got) != 1 || p.get(t, nothing).RecordID != "" {
		t.Errorf("after another: %v", got)
	}
	if got := pursue(14 * 24 * time.Hour); len(got) != 0 || p.get(t, stuck).RecordID != "" {
		t.Errorf("after two weeks: %v", got)
	}
	if p.servers.asked > 10 {
		t.Errorf("asked %d times", p.servers.asked)
	}
}

// Asking servers writes nothing unless they have news, and does so in batches.
func TestOwed_Many(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	now := monday
	p.Now = func() time.Time { return now }
	var told []store.Recording
	for n := range 120 {
		told = append(told, on(p.ended(t, n, now), store.Processing))
	}
	p.servers.tell(told...)
	for range 3 {
		now = now.Add(10 * time.Second)
		if err := p.Pursue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if p.servers.asked != 9 {
		t.Errorf("asked %d times, want 3 for each of 3 rounds", p.servers.asked)
	}
	if got := p.owed(t); len(got) != 120 || got[recordID(3)] != "processing" {
		t.Error(fmt.Sprint(len(got), " ", got[recordID(3)]))
	}
}

// That an archive has arrived is seen, and not written: its server tells the same as before, time and again.
func TestOwed_Arrived(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	now := monday
	p.Now = func() time.Time { return now }
	id := p.ended(t, 1, now)
	p.servers.tell(on(id, store.Published, "video"))
	for range 4 {
		now = now.Add(10 * time.Second)
		if err := p.Pursue(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := p.db.UpdateJob(t.Context(), id+".tar", func(j *store.Job) error {
			j.State, j.Created = store.JobWaiting, monday
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(p.log.text(), "recording on its way"); n != 1 || p.owed(t)[id] != "arrived" {
		t.Errorf("noted %d times; step %q", n, p.owed(t)[id])
	}
}

// A meeting that nobody was seen in is owed, because nobody may have looked, and front ends see nothing of it until its
// server tells of a recording. One that somebody was in is there at once, by its name, until its server says that there
// is none.
func TestOwed_NobodyJoined(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	now := monday
	p.Now = func() time.Time { return now }
	tell := func(n, peak int) string {
		t.Helper()
		err := p.Remember(t.Context(), store.Claim{
			MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room"}, Server: "bbb1", InternalID: recordID(n),
			Recorded: true, Name: "Algebra II",
		}, store.Session{ID: recordID(n), Tenant: "default", Server: "bbb1", Start: now.Add(-time.Hour), End: now, Peak: peak, Recorded: true})
		if err != nil {
			t.Fatal(err)
		}
		return recordID(n)
	}
	empty, doubtful, full := tell(1, 0), tell(2, 0), tell(3, 5)
	listed := func(states ...store.RecordingState) string {
		t.Helper()
		list, total, err := p.Recordings(t.Context(), store.RecordingFilter{Tenant: "default", States: states})
		var names []string
		for _, r := range list {
			names = append(names, r.RecordID+" "+r.Name+" "+string(r.State))
		}
		if err != nil || total != len(list) {
			t.Errorf("%d of %d, %v", len(list), total, err)
		}
		return strings.Join(names, ", ")
	}
	step := func(after time.Duration, want string, told ...store.Recording) {
		t.Helper()
		now = now.Add(after)
		p.servers.tell(told...)
		if err := p.Pursue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := listed(); got != want {
			t.Errorf("after %s: listed %q, want %q", now.Sub(monday), got, want)
		}
	}
	step(time.Second, full+" Algebra II processing")
	if got := listed(store.Awaited); got != "" {
		t.Errorf("front ends that ask for it see %q", got)
	}
	if owed := p.owed(t); len(owed) != 3 || owed[empty] != "ended" {
		t.Errorf("owed: %v", owed)
	}
	step(11*time.Minute, doubtful+" Algebra processing", on(doubtful, store.Processing))
	if owed := p.owed(t); owed[full] != "missing" || owed[empty] != "missing" || owed[doubtful] != "processing" {
		t.Errorf("owed: %v", owed)
	}
	step(time.Hour, doubtful+" Algebra processed, "+full+" Algebra processed", on(doubtful, store.Published, "video"), on(full, store.Processed))
	p.take(t, made{id: empty, format: "video", meetingID: "room", media: "film"})
	if r := p.get(t, empty); r.State != store.Published || r.Name != "Algebra" {
		t.Errorf("what came after all: %+v", r)
	}
}

// What a server that has left the pool owes of a recording ends when any of it is here, whatever its format; what is not
// here is still owed, and so is what a server owes that only does not answer.
func TestOwed_ServerLeft(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	now := monday
	p.Now = func() time.Time { return now }
	if err := p.db.CreateServer(t.Context(), store.Server{ID: "bbb1", URL: "https://bbb1"}); err != nil {
		t.Fatal(err)
	}
	pursue := func() map[string]string {
		t.Helper()
		now = now.Add(time.Hour)
		_ = p.Pursue(t.Context())
		return p.owed(t)
	}
	one, two := p.ended(t, 1, monday), p.ended(t, 2, monday)
	p.servers.tell(on(one, store.Published, "presentation"), on(two, store.Published, "presentation"))
	pursue()
	p.take(t, made{id: one, format: "video", meetingID: "room", media: "film"})
	p.servers.err = errors.New("does not answer")
	if owed := pursue(); owed[one] != "published" || owed[two] != "published" {
		t.Errorf("owed by a server that does not answer: %v", owed)
	}
	if err := p.db.DeleteServer(t.Context(), "bbb1"); err != nil {
		t.Fatal(err)
	}
	if owed := pursue(); owed[one] != "" || owed[two] != "published" {
		t.Errorf("owed by a server that has left: %v", owed)
	}
	if r := p.get(t, one); r.State != store.Published || p.media(t, one, "video") != "film" {
		t.Errorf("%+v", r)
	}
}

// What an older program has written down as in processing, though its server had said that there is none, is not shown any
// more once the server says so again; and what it really processes stays.
func TestOwed_OfOlderProgram(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	now := monday
	p.Now = func() time.Time { return now }
	phantom, made := p.ended(t, 1, now), p.ended(t, 2, now)
	for id, step := range map[string]store.OwedStep{phantom: store.OwedMissing, made: store.OwedProcessing} {
		_, err := p.db.UpdateRecording(t.Context(), "default", id, func(r *store.Recording) error {
			r.State, r.Owed.Step = store.Processing, step
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	p.servers.tell(on(made, store.Processing))
	for range 2 {
		now = now.Add(30 * time.Minute)
		if err := p.Pursue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	list, _, err := p.Recordings(t.Context(), store.RecordingFilter{Tenant: "default"})
	if err != nil || len(list) != 1 || list[0].RecordID != made {
		t.Errorf("front ends see %+v, %v", list, err)
	}
	if got := p.owed(t); got[phantom] != "missing" || strings.Count(p.log.text(), "recording on its way") != 1 {
		t.Errorf("owed: %v", got)
	}
}
