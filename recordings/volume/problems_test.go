package volume_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/volume"
)

func bad(name string, total int64, what string) volume.Status {
	return volume.Status{
		Name: name, Path: "/mnt/" + name, Total: total, Problem: fmt.Sprintf("%s (/mnt/%s) %s", name, name, what), At: time.Now(),
	}
}

// Directories on one disk, as far as its size tells that, are one problem; those on others, or with another one, are not.
func TestProblemsOf(t *testing.T) {
	stuck := func(id, name, text string) problems.Problem {
		p := problems.Problem{
			Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume, ID: id}, Name: name, Text: text, Logged: true,
		}
		if name == "full" { // what others come of
			p.Root = problems.NoSpace
		}
		return p
	}
	for what, c := range map[string]struct {
		list []volume.Status
		want []problems.Problem
	}{
		"nothing": {[]volume.Status{{Name: "published"}, {Name: "spool"}}, nil},
		"one disk": {
			[]volume.Status{
				bad("published", 7, "is full: 1 is free, want 2"),
				{Name: "good", Total: 7},
				bad("unpublished", 7, "is full: 1 is free, want 2"), bad("spool", 7, "is full: 0 are free, want 2"),
			},
			[]problems.Problem{stuck("published", "full", "volume published (/mnt/published) is full: 1 is free, want 2; "+
				"so it is with unpublished (/mnt/unpublished); so it is with spool (/mnt/spool)")},
		},
		"two disks": {
			[]volume.Status{bad("published", 7, "is full: 1"), bad("spool", 8, "is full: 1")},
			[]problems.Problem{
				stuck("published", "full", "volume published (/mnt/published) is full: 1"),
				stuck("spool", "full", "volume spool (/mnt/spool) is full: 1"),
			},
		},
		"two things": {
			[]volume.Status{bad("published", 7, "is full: 1"), bad("spool", 7, "is slow: it took 4s")},
			[]problems.Problem{
				stuck("published", "full", "volume published (/mnt/published) is full: 1"),
				stuck("spool", "slow", "volume spool (/mnt/spool) is slow: it took 4s"),
			},
		},
		"disks that nobody has seen": {
			[]volume.Status{bad("published", 0, "is hung: no answer"), bad("spool", 0, "is hung: no answer")},
			[]problems.Problem{
				stuck("published", "hung", "volume published (/mnt/published) is hung: no answer"),
				stuck("spool", "hung", "volume spool (/mnt/spool) is hung: no answer"),
			},
		},
		"each kind": {
			[]volume.Status{
				bad("a", 1, "has not been looked at yet"), bad("b", 2, "is not mounted: x"), bad("c", 3, "is another volume: x"),
				bad("d", 4, "is not there: x"), bad("e", 5, "is read-only: x"), bad("f", 6, "is not writable: x"),
				bad("g", 7, "fails: input/output error"),
			},
			[]problems.Problem{
				stuck("a", "unseen", "volume a (/mnt/a) has not been looked at yet"),
				stuck("b", "unmounted", "volume b (/mnt/b) is not mounted: x"),
				stuck("c", "unmounted", "volume c (/mnt/c) is another volume: x"),
				stuck("d", "unmounted", "volume d (/mnt/d) is not there: x"),
				stuck("e", "unwritable", "volume e (/mnt/e) is read-only: x"),
				stuck("f", "unwritable", "volume f (/mnt/f) is not writable: x"),
				stuck("g", "unusable", "volume g (/mnt/g) fails: input/output error"),
			},
		},
	} {
		t.Run(what, func(t *testing.T) {
			if diff := cmp.Diff(c.want, volume.ProblemsOf(c.list)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whoever asks for problems before anybody has looked has a look taken, and waits for a disk that hangs no longer than the
// timeout, once; after that he is answered from memory.
func TestGuard_Problems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		good, hung := &disk{free: 5 * gib}, &disk{free: 5 * gib, hang: hang}
		g := watch(good, hung)
		for _, most := range []time.Duration{3 * time.Second, 0} {
			before := time.Now()
			list := g.Problems(t.Context())
			if took := time.Since(before); took != most {
				t.Errorf("took %s, want %s", took, most)
			}
			if len(list) != 1 || list[0].Name != "hung" || list[0].Subject.ID != "b" {
				t.Errorf("%+v", list)
			}
		}
		close(hang)
		synctest.Wait()
		g.Check(t.Context())
		if list := g.Problems(t.Context()); list != nil {
			t.Errorf("well again: %v", list)
		}
	})
}

// A caller who gives up is not kept.
func TestGuard_Known(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		g := watch(&disk{hang: hang})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		before := time.Now()
		list := g.Known(ctx)
		if took := time.Since(before); took != time.Second || !list[0].At.IsZero() {
			t.Errorf("took %s: %+v", took, list)
		}
		close(hang)
		synctest.Wait()
	})
}

// A problem makes the error that everybody who needs the disk returns.
func TestUnusable(t *testing.T) {
	if err := volume.Unusable(""); err != nil {
		t.Error(err)
	}
	err := volume.Unusable("published is full")
	if !errors.Is(err, volume.ErrUnusable) || err.Error() != "the volume is not as it should be: published is full" {
		t.Error(err)
	}
}

// What is written is declared, with its type, and the other way round.
func TestFamilies(t *testing.T) {
	g := watch(&disk{free: 5 * gib})
	g.CheckHere()
	var b bytes.Buffer
	g.WriteMetrics(&b)
	written := map[string]bool{}
	for line := range strings.Lines(b.String()) {
		name, _, _ := strings.Cut(line, "{")
		written[name] = true
	}
	for _, f := range volume.Families {
		if f.Type != exposition.Gauge || f.Help == "" || !written[f.Name] && f.Name != "bbbpool_volume_free_inodes" {
			t.Errorf("%+v of %v", f, written)
		}
		delete(written, f.Name)
	}
	if len(written) > 0 {
		t.Errorf("not declared: %v", written)
	}
}
