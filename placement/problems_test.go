package placement_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/placement"
)

// problems returns what is wrong, in words, and whether that makes the process unready.
func (p *pool) problems() (texts []string, unready bool) {
	p.t.Helper()
	for _, one := range p.Problems(p.t.Context()) {
		if one.Severity != problems.Refusing || one.Name == "" {
			p.t.Errorf("problem %+v", one)
		}
		texts, unready = append(texts, one.String()), unready || one.Unready
	}
	return texts, unready
}

// Problems are what keeps every meeting from being created: a store that cannot be written, no server that people want, and
// no room on any. A new pool has none.
func TestLedger_Problems(t *testing.T) {
	p := newPool(t)
	check := func(what string, unready bool, want ...string) {
		t.Helper()
		texts, got := p.problems()
		equal(t, what, texts, want)
		equal(t, what+": unready", got, unready)
	}
	check("no server", false)
	p.SetServer(placement.Server{ID: "a", Weight: 1, Standing: placement.Held})
	check("none enabled", false, "no server is enabled: bbbpool server enable ID")
	p.SetServer(placement.Server{ID: "a", Weight: 1, Standing: placement.Gone, Enabled: true})
	check("none online, which its server tells", false)
	p.SetServer(placement.Server{ID: "a", Weight: 1, Capacity: 15, Hard: true, Standing: placement.Open, Enabled: true})
	check("room", false)
	p.create("m")
	full := "every server is at its hard capacity: new meetings are refused; enable another server, or raise a capacity with " +
		"bbbpool server set ID --capacity N"
	check("full", false, full)
	p.store.fail("AddSession")
	_, _ = p.Close(t.Context(), p.Meetings()[0].Claim, placement.Ended)
	check("the disk, too", true, "the store cannot be written: "+errDisk.Error(), full)
	p.clock.add(time.Minute)
	check("a minute later", false, full)
}

// A store that cannot be written because its disk is full is told with the volume that is on it, which is full: neither
// knows of the other. Another failure stands for itself.
func TestLedger_Problems_NoSpace(t *testing.T) {
	for err, want := range map[error]problems.Cause{
		fmt.Errorf("write: %w", syscall.ENOSPC): problems.NoSpace,
		errors.New("it is locked"):              "",
	} {
		p := newPool(t)
		p.SetServer(placement.Server{ID: "a", Weight: 1, Standing: placement.Open, Enabled: true})
		p.store.set(func(string) error { return err })
		c := p.begin("m")
		if _, got := c.Place(t.Context(), fifteen, nil); !errors.Is(got, err) {
			t.Errorf("placed with %v, want %v", got, err)
		}
		c.End()
		list := p.Problems(t.Context())
		if len(list) != 1 || list[0].Cause != want {
			t.Errorf("%v: %+v, want cause %q", err, list, want)
		}
	}
}

// What a leader could not write keeps nobody from a meeting once another instance leads, nor does it when this one leads again.
func TestLedger_Problems_Follower(t *testing.T) {
	p := newPool(t)
	p.SetServer(placement.Server{ID: "a", Weight: 1, Standing: placement.Open, Enabled: true})
	p.store.fail("CreateClaim")
	c := p.begin("m")
	if _, err := c.Place(t.Context(), fifteen, nil); err == nil {
		t.Fatal("the store takes it")
	}
	c.End()
	if _, unready := p.problems(); !unready {
		t.Error("it is ready where nothing can be written")
	}
	p.Follow()
	texts, _ := p.problems()
	equal(t, "at a follower", texts, nil)
	p.must(p.Lead(t.Context()))
	texts, _ = p.problems()
	equal(t, "in the next term", texts, nil)
}
