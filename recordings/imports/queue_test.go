package imports_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// of is a job whose archive is of a recording, so old.
func of(n, edition int, age time.Duration) store.Job {
	return store.Job{ID: fmt.Sprintf("%s-%d.tar", recordID(n), edition), Modified: monday.Add(-age), State: store.JobWaiting}
}

// drain takes all that is due.
func drain(q *imports.Queue, now time.Time) (ids []string) {
	for {
		id, _ := q.Take(now)
		if id == "" {
			return ids
		}
		ids = append(ids, id)
	}
}

func ids(jobs ...store.Job) (list []string) {
	for _, j := range jobs {
		list = append(list, j.ID)
	}
	return list
}

// Today's lesson comes before the backlog.
func TestQueue_NewestFirst(t *testing.T) {
	old, older, today := of(1, 1, time.Hour), of(2, 1, 48*time.Hour), of(3, 1, 0)
	if got, want := drain(imports.NewQueue(old, older, today), monday), ids(today, old, older); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	a, b := of(1, 1, 0), of(2, 1, 0) // of one age, by name
	if got, want := drain(imports.NewQueue(b, a), monday), ids(b, a); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Archives of one recording go one after another, the oldest first, while others pass them; from two servers they do not
// hold each other up.
func TestQueue_OneRecording(t *testing.T) {
	first, second, third := of(1, 1, 3*time.Hour), of(1, 2, 2*time.Hour), of(1, 3, time.Hour)
	other := of(2, 1, 5*time.Hour)
	q := imports.NewQueue(third, first, other, second)
	if got, want := drain(q, monday), ids(first, other); !slices.Equal(got, want) {
		t.Errorf("at first: got %v, want %v", got, want)
	}
	q.End(first.ID)
	if got, want := drain(q, monday), ids(second); !slices.Equal(got, want) {
		t.Errorf("after the first: got %v, want %v", got, want)
	}
	second.Next = monday.Add(time.Minute) // it waits for another try, and the third for it
	q.GiveBack(second)
	if got := drain(q, monday); len(got) != 0 {
		t.Errorf("while the second waits: %v", got)
	}
	if got, want := drain(q, monday.Add(time.Minute)), ids(second); !slices.Equal(got, want) {
		t.Errorf("in its time: got %v, want %v", got, want)
	}

	one, two := of(3, 1, time.Hour), of(3, 2, 0)
	one.Server, two.Server = "bbb1", "bbb2"
	if got := drain(imports.NewQueue(one, two), monday); len(got) != 2 {
		t.Errorf("from two servers: %v", got)
	}
}

// An archive that was tried often does not hold up others of its recording any more.
func TestQueue_Stuck(t *testing.T) {
	bad, good := of(1, 1, time.Hour), of(1, 2, 0)
	bad.Next = monday.Add(time.Hour)
	if got := drain(imports.NewQueue(bad, good), monday); len(got) != 0 {
		t.Errorf("it may still come: %v", got)
	}
	bad.Attempts = 5
	if got, want := drain(imports.NewQueue(bad, good), monday), ids(good); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Whoever has a job has it alone, whether it waits or not, until he gives it up.
func TestQueue_Begin(t *testing.T) {
	j := of(1, 1, 0)
	q := imports.NewQueue(j)
	if !q.Begin(j.ID) || q.Begin(j.ID) || !q.Begin("none") {
		t.Error("not alone with it")
	}
	if got := drain(q, monday); len(got) != 0 {
		t.Errorf("taken beside: %v", got)
	}
	if !q.Has(j.ID) || q.Has("nothing") {
		t.Error("unknown, or made up")
	}
	q.End(j.ID)
	if q.Has(j.ID) || !q.Begin(j.ID) {
		t.Error("not over")
	}
}

// While nothing is due it is told how long that lasts.
func TestQueue_Wait(t *testing.T) {
	soon, late := of(1, 1, 0), of(2, 1, 0)
	soon.Next, late.Next = monday.Add(time.Minute), monday.Add(time.Hour)
	for _, c := range []struct {
		jobs []store.Job
		want time.Duration
	}{{nil, time.Hour}, {[]store.Job{late, soon}, time.Minute}, {[]store.Job{late}, time.Hour}} {
		if id, wait := imports.NewQueue(c.jobs...).Take(monday); id != "" || wait != c.want {
			t.Errorf("%v: %q, %s", c.jobs, id, wait)
		}
	}
}

// The gate stays shut for longer each time, at most a minute, until something has found room.
func TestGate(t *testing.T) {
	var g imports.Gate
	if g.Left(monday) != 0 {
		t.Error("shut from the start")
	}
	for _, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
		g.Shut(monday, 10*time.Second)
		if got := g.Left(monday); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := g.Left(monday.Add(2 * time.Minute)); got != 0 {
		t.Errorf("%s left after that", got)
	}
	g.Open()
	g.Shut(monday, 10*time.Second)
	if got := g.Left(monday); got != 10*time.Second {
		t.Errorf("again: %s", got)
	}
}

// Imports under way ask for what each writes next, beside what the others do; where there is plenty the disk is not asked.
func TestGrants(t *testing.T) {
	var g imports.Grants
	d := &disk{limit: 100}
	first, firstDone := g.Begin(d)
	second, secondDone := g.Begin(d)
	if err := first(60); err != nil {
		t.Error(err)
	}
	if err := second(60); err == nil || !imports.OutOfRoom(err) {
		t.Errorf("both do not fit: %v", err)
	}
	if err := second(40); err != nil {
		t.Error(err)
	}
	if err := first(50); err != nil { // in the place of the 60
		t.Error(err)
	}
	firstDone()
	if err := second(100); err != nil {
		t.Errorf("alone: %v", err)
	}
	secondDone()
	d.spare, d.asked = math.MaxInt64, 0
	if more, done := g.Begin(d); more(1<<40) != nil || d.asked != 0 {
		t.Errorf("asked %d times", d.asked)
	} else {
		done()
	}
}

// Bad archives are not tried again, those that cannot be read only so often, and what the disk is to blame for is for ever.
func TestHopeless(t *testing.T) {
	const most = 5
	for _, c := range []struct {
		what     string
		err      error
		attempts int
		want     bool
	}{
		{"bad", badArchive(false), 1, true},
		{"cut off", badArchive(true), most - 1, false},
		{"cut off, again and again", badArchive(true), most, true},
		{"no permission", syscall.EACCES, 1000, false},
		{"unreadable disk", syscall.EIO, most - 1, false},
		{"unreadable disk, again and again", syscall.EIO, most, true},
		{"cannot be stored", errors.New("too large"), most, true},
		{"cannot be stored yet", errors.New("too large"), 1, false},
		{"no room", imports.NoRoom(errors.New("no room")), 1000, false},
		{"full", syscall.ENOSPC, 1000, false},
		{"quota", fmt.Errorf("write: %w", syscall.EDQUOT), 1000, false},
	} {
		if got := imports.Hopeless(c.err, c.attempts); got != c.want {
			t.Errorf("%s: %t", c.what, got)
		}
	}
}

// What lies in the spool and nothing takes has a reason; what is taken, or nobody's business, has none.
func TestUnwanted(t *testing.T) {
	for name, want := range map[string]string{
		"a.tar": "", "a.TAR.GZ": "", "a.tgz": "", "a.tar.zst": "", ".hidden": "", ".taken.0a1b.a.tar": "",
		"a.zip":    "is packed as .zip, which bbbpool does not read: want .tar, .tar.gz, .tgz or .tar.zst",
		"a.tar.xz": "is packed as .xz, which bbbpool does not read: want .tar, .tar.gz, .tgz or .tar.zst",
		"readme":   "has not the name of an archive: want .tar, .tar.gz, .tgz or .tar.zst",
	} {
		if got := imports.Unwanted(name, 0); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, c := range []struct{ name, kind, want string }{
		{"quarantine", "d", ""},
		{"lost+found", "d", ""},
		{"a.tar", "d", "is a directory"},
		{"a.tar", "L", "is a link"},
		{"a.tar", "p", "is no file"},
	} {
		if got := imports.Unwanted(c.name, modes[c.kind]); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s %s: %q", c.kind, c.name, got)
		}
	}
}

// Whoever asks what lies in the spool is kept by a hung disk for a second, and then told what was there before.
func TestGlance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g imports.Glance
		hang, looks := make(chan struct{}), 0
		now := func() []store.Job { return []store.Job{{ID: "a"}} }
		slow := func() []store.Job {
			looks++
			<-hang
			return []store.Job{{ID: "b"}}
		}
		if got := g.Of(t.Context(), now); len(got) != 1 || got[0].ID != "a" {
			t.Errorf("%v", got)
		}
		for range 3 {
			before := time.Now()
			if got := g.Of(t.Context(), slow); len(got) != 1 || got[0].ID != "a" || time.Since(before) != time.Second {
				t.Errorf("after %s: %v", time.Since(before), got)
			}
		}
		close(hang)
		synctest.Wait()
		if looks != 1 {
			t.Errorf("%d looks at a disk that hangs", looks)
		}
		if got := g.Of(t.Context(), slow); len(got) != 1 || got[0].ID != "b" {
			t.Errorf("once it is back: %v", got)
		}
	})
}
