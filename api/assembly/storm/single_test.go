package storm_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// single is a pool of one process, with its records in a directory.
type single struct {
	*world

	process *children.Process
	config  childConfig
	killed  []time.Time     // when each process was
	starts  []time.Duration // how long each took until it answered
}

func newSingle(t *testing.T) *single {
	t.Helper()
	s := &single{world: newWorld(t, "single")}
	s.pool, s.successive = s, true
	s.config.Data, s.config.Spool = filepath.Join(s.dir, "data"), s.spool
	s.config.Listen = fmt.Sprint("127.0.0.1:", daemon.FreePort(t))
	s.base = "http://" + s.config.Listen
	s.config.URL = s.base
	s.process = children.NewProcess(t, "single", childEnv, s.dir)
	s.enlist(driver.Config{Data: s.config.Data})
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *single) start() {
	s.t.Helper()
	s.config.Epoch = len(s.killed)
	s.process.Start(s.t, s.config)
}

// kill ends the process at once, and returns when it is gone.
func (s *single) kill() {
	if s.process.Ended() {
		s.t.Errorf("process %d has ended by itself", len(s.killed))
	}
	s.killed = append(s.killed, time.Now())
	s.process.Kill()
}

// up waits until the process answers, and notes how long that took.
func (s *single) up() {
	s.t.Helper()
	began := time.Now()
	for time.Since(began) < 30*time.Second {
		if r, err := children.Ask(http.MethodGet, s.base+"/healthz", nil, nil, time.Second); err == nil && r.Status == http.StatusOK {
			s.starts = append(s.starts, time.Since(began))
			return
		}
		time.Sleep(3 * time.Millisecond)
	}
	s.t.Fatalf("process %d does not start", s.config.Epoch)
}

// calm is for [pool].
func (s *single) calm() { s.up() }

// admin is for [pool].
func (s *single) admin() *v1.Client {
	s.t.Helper()
	c, err := v1.NewSocketClient(s.config.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// lapses is for [pool].
func (s *single) lapses(process int) []lapse {
	if process < 0 || process >= len(s.killed) {
		return nil
	}
	return []lapse{{s.killed[process], s.killed[process]}}
}

// away is for [pool]: nothing is shared.
func (s *single) away(time.Time, time.Time) bool { return false }

// stop ends the process as an operator does, and looks whether one of all has ended for a reason of its own.
func (s *single) stop() {
	s.process.Stop(s.t)
	s.process.Sound(s.t, failure)
	s.process.Tell(s.t, 20)
}

// await waits until it is time for the next kill: while the pool starts, at any time later, or in the middle of something.
func (s *single) await(f *fronts) {
	if rand.IntN(5) == 0 {
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		return
	}
	s.up()
	time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
	s.busy(f)
}

// However often the pool is killed, and whatever becomes of its calls, each front end is told of each end, recording and
// attendance at least once, in order, by nobody's secret but its tenant's, and not again once it has taken it or wants no more.
func TestStorm(t *testing.T) {
	t.Parallel()
	s := newSingle(t)
	s.up()
	s.storm(func(f *fronts) {
		for range kills(t, 3, 6) {
			s.await(f)
			s.kill()
			s.start()
		}
	})
	slices.Sort(s.starts)
	t.Logf("%d kills, up again after %v (median) to %v", len(s.killed), s.starts[len(s.starts)/2], s.starts[len(s.starts)-1])
}
