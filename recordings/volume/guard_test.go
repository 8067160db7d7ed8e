package volume_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/volume"
)

const gib = 1 << 30

func config() volume.Config {
	return volume.Config{Interval: 10 * time.Second, Timeout: 3 * time.Second, MinFree: gib, MinInodes: 10_000}
}

// disk is a directory that answers as it is told.
type disk struct {
	mu      sync.Mutex
	hang    chan struct{} // not nil: no answer before it is closed
	problem string
	free    int64
	probes  int
}

func (d *disk) probe(volume.Dir) (string, int64) {
	d.mu.Lock()
	d.probes++
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.problem, d.free
}

// setHang makes the probes from now on hang, or not.
func (d *disk) setHang(hang chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hang = hang
}

func (d *disk) probed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.probes
}

// watch returns a guard of disks that are named by letters.
func watch(disks ...*disk) *volume.Guard {
	byName := map[string]*disk{}
	var dirs []volume.Dir
	for i, d := range disks {
		name := string(rune('a' + i))
		byName[name] = d
		dirs = append(dirs, volume.Dir{Name: name, Path: "/mnt/" + name})
	}
	g := volume.New(config(), time.Now, dirs...)
	g.SetProbe(func(d volume.Dir) (string, int64) { return byName[d.Name].probe(d) })
	return g
}

// A disk that does not answer is hung after the timeout, whoever asks is answered all the same, no second probe is
// started, and when it comes back all is well at once.
func TestGuard_Hung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := &disk{free: 5 * gib}, &disk{free: 5 * gib}
		g := watch(good, bad)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- g.Run(ctx) }()
		synctest.Wait()
		wantProblem(t, g)

		hang := make(chan struct{})
		bad.setHang(hang)
		time.Sleep(10*time.Second + 2999*time.Millisecond)
		synctest.Wait()
		if g.Hung() || g.Problem() != "" {
			t.Errorf("hung before the timeout: %s", g.Problem())
		}
		time.Sleep(time.Millisecond)
		if !g.Hung() {
			t.Error("not hung after the timeout")
		}
		wantProblem(t, g, "b (/mnt/b) is hung: no answer since 2000-01-01 00:00:10 UTC")
		time.Sleep(time.Hour)
		synctest.Wait()
		if bad.probed() != 2 || good.probed() < 200 {
			t.Errorf("%d probes of the disk that hangs, %d of the other", bad.probed(), good.probed())
		}
		before := time.Now()
		mentions(t, g.Room(1), "hung")
		if took := time.Since(before); took != 0 {
			t.Errorf("asking for room took %s", took)
		}
		if s := g.Status()[1]; s.Latency < time.Hour || !s.Hung {
			t.Errorf("%+v", s)
		}

		bad.setHang(nil)
		close(hang)
		synctest.Wait()
		if g.Hung() {
			t.Error("hung after an answer")
		}
		wantProblem(t, g, "b (/mnt/b) is slow: it took 1h0m3s")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantProblem(t, g)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Run ends although a disk hangs, once that is known, and Check returns as soon as its context ends.
func TestGuard_End(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := &disk{hang: make(chan struct{})}
		g := watch(bad)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if err := g.Run(ctx); err != nil || time.Since(begun) != 3*time.Second {
			t.Errorf("ended after %s: %v", time.Since(begun), err)
		}
		ended, cancelled := context.WithCancel(t.Context())
		cancelled()
		g.Check(ended)
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("checked after %s, though nobody waits", took)
		}
		g.Check(t.Context())
		if took := time.Since(begun); took != 6*time.Second {
			t.Errorf("checked after %s", took)
		}
		if bad.probed() != 1 {
			t.Errorf("%d probes", bad.probed())
		}
		close(bad.hang)
	})
}

// Once Run has returned, no probe that answers is in the directory any more.
func TestGuard_EndsItsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &disk{free: 5 * gib, hang: make(chan struct{})}
		g := watch(slow)
		ctx, cancel := context.WithCancel(t.Context())
		back := time.AfterFunc(time.Second, func() { close(slow.hang) })
		defer back.Stop()
		cancel()
		begun := time.Now()
		if err := g.Run(ctx); err != nil || time.Since(begun) != time.Second {
			t.Errorf("ended after %s: %v", time.Since(begun), err)
		}
		wantProblem(t, g)
	})
}

// Nobody waits long for disks that may take long to answer, however many there are.
func TestGuard_EndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, slow := &disk{hang: make(chan struct{})}, config()
		slow.Timeout = 10 * time.Minute
		g := volume.New(slow, time.Now, volume.Dir{Name: "a"}, volume.Dir{Name: "b"})
		g.SetProbe(func(d volume.Dir) (string, int64) { return bad.probe(d) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begun := time.Now()
		if err := g.Run(ctx); err != nil || time.Since(begun) != 3*time.Second {
			t.Errorf("ended after %s: %v", time.Since(begun), err)
		}
		close(bad.hang)
	})
}

// A guard that has seen nothing lets nobody write, and says so.
func TestGuard_Unseen(t *testing.T) {
	g := watch(&disk{free: 5 * gib})
	wantProblem(t, g, "a (/mnt/a) has not been looked at yet")
	var b strings.Builder
	g.WriteMetrics(&b)
	if diff := cmp.Diff("bbbpool_volume_up{volume=\"a\"} 0\n", b.String()); diff != "" {
		t.Error(diff)
	}
	if g.Hung() {
		t.Error("hung")
	}
}

// There is room for what leaves enough free on the first directory, and for nothing while any of them has a problem.
func TestGuard_Room(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &disk{free: 5 * gib}, &disk{free: 2 * gib}
		g := watch(first, second)
		for _, bytes := range []int64{0, 1, 4 * gib} {
			if err := g.Room(bytes); err != nil {
				t.Errorf("%d bytes: %v", bytes, err)
			}
		}
		mentions(t, g.Room(4*gib+1), "a (/mnt/a)", "no room for 4.0GiB", "5GiB are free", "1GiB of them")
		first.free = 3 * gib // is seen at once
		mentions(t, g.Room(4*gib), "3GiB are free")
		second.problem = "is on fire"
		mentions(t, g.Room(1), "b (/mnt/b) is on fire")
		if err := watch().Room(1); err != nil {
			t.Errorf("without directories: %v", err)
		}
	})
}

// A directory that is named is asked for its own room; whatever has a problem keeps all from being written to.
func TestGuard_RoomIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &disk{free: 5 * gib}, &disk{free: 2 * gib}
		g := watch(first, second)
		for name, bytes := range map[string]int64{"a": 4 * gib, "b": gib} {
			if err := g.RoomIn(name, bytes); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mentions(t, g.RoomIn(name, bytes+1), name+" (/mnt/"+name+")", "has no room")
		}
		mentions(t, g.RoomIn("c", 0), `"c"`)
		first.problem = "is on fire"
		mentions(t, g.RoomIn("b", 0), "a (/mnt/a) is on fire")
	})
}

// What is spare is known from the last look alone, and nothing is while anything is wrong.
func TestGuard_Spare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &disk{free: 5 * gib}, &disk{free: 2 * gib}
		g := watch(first, second)
		wants := func(want int64) {
			t.Helper()
			if got := g.Spare(); got != want {
				t.Errorf("%d bytes are spare, want %d", got, want)
			}
		}
		wants(0)
		g.Check(t.Context())
		wants(4 * gib)
		first.free = gib / 2
		wants(4 * gib)
		g.Check(t.Context())
		wants(0)
		first.free, second.problem = 3*gib, "is on fire"
		g.Check(t.Context())
		wants(0)
		if n := first.probed(); n != 3 {
			t.Errorf("it was looked at %d times", n)
		}
		g = watch()
		wants(0)
	})
}

// The metrics tell of every directory.
func TestGuard_Metrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := watch(&disk{free: 5 * gib}, &disk{free: 5 * gib, problem: "is full"})
		g.Check(t.Context())
		var b strings.Builder
		g.WriteMetrics(&b)
		want := `bbbpool_volume_up{volume="a"} 1
bbbpool_volume_up{volume="b"} 0
bbbpool_volume_free_bytes{volume="a"} 5.36870912e+09
bbbpool_volume_free_bytes{volume="b"} 5.36870912e+09
bbbpool_volume_total_bytes{volume="a"} 1.099511627776e+12
bbbpool_volume_total_bytes{volume="b"} 1.099511627776e+12
bbbpool_volume_free_inodes{volume="a"} 0
bbbpool_volume_free_inodes{volume="b"} 0
bbbpool_volume_latency_seconds{volume="a"} 0
bbbpool_volume_latency_seconds{volume="b"} 0
`
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Every value that cannot work is named.
func TestConfig_Validate(t *testing.T) {
	if err := config().Validate(); err != nil {
		t.Error(err)
	}
	mentions(t, volume.Config{Interval: 1, MinFree: -1}.Validate(),
		"--volume-interval 1ns", "--volume-timeout 0s", "--volume-min-free -1")
}

// wantProblem checks that a problem says something, or that there is none.
func wantProblem(t *testing.T, g *volume.Guard, texts ...string) {
	t.Helper()
	if problem := g.Problem(); len(texts) > 0 {
		mentions(t, errors.New(problem), texts...)
	} else if problem != "" {
		t.Errorf("problem %q, want none", problem)
	}
}

func mentions(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not mention %q", err, text)
		}
	}
}
