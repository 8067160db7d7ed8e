// Package storm_test kills a pool again and again while servers call it back and it calls front ends that misbehave in every way,
// and judges what these were told.
package storm_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(childEnv); config != "" {
		os.Exit(child(config))
	}
	os.Exit(m.Run())
}

// kills is how often the pool is killed: BBBPOOL_TEST_STORM_KILLS, or a few times.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("BBBPOOL_TEST_STORM_KILLS")
	switch {
	case text != "":
	case testing.Short():
		return 3
	default:
		return 8
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// However often the pool is killed, and whatever becomes of its calls, each front end is told of each end, recording and
// attendance at least once, in order, by nobody's secret but its tenant's, and not again once it has taken it or wants no more.
func TestStorm(t *testing.T) {
	w := newWorld(t)
	f := newFronts(w)
	rooms := newRooms(w, f)
	stop := make(chan struct{})
	var holding sync.WaitGroup
	w.up()
	for _, r := range rooms {
		holding.Go(func() { r.hold(stop) })
	}
	for range kills(t) {
		w.await(f)
		w.kill()
		w.start()
	}
	close(stop)
	holding.Wait()
	f.cure()
	w.up()
	j := &judge{world: w, fronts: f, rooms: rooms}
	j.settle()
	j.judge()
	w.verifyElsewhere()
	slices.Sort(w.starts)
	t.Logf("%d kills, up again after %v (median) to %v", len(w.killed), w.starts[len(w.starts)/2], w.starts[len(w.starts)-1])
}

// await waits until it is time for the next kill: while the pool starts, at any time later, or in the middle of something.
func (w *world) await(f *fronts) {
	if rand.IntN(5) == 0 {
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		return
	}
	w.up()
	time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
	for _, stir := range []chan struct{}{f.stir, w.calls.stir} {
		select {
		case <-stir: // of something that has been before
		default:
		}
	}
	select {
	case <-f.stir:
	case <-w.calls.stir:
	case <-time.After(300 * time.Millisecond):
	}
	time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond)
}

// settle waits until nothing is to be told any more. Servers repeat what they could not tell, and operators what failed.
func (j *judge) settle() {
	j.t.Helper()
	var left []string
	quiet := 0
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		for _, s := range j.sim.Servers() {
			s.SendCallbacks(j.t.Context())
		}
		if _, err := j.admin().Callbacks.RetryAll(j.t.Context(), v1.CallbackRetry{}); err != nil {
			j.t.Fatal(err)
		}
		if left = j.unsettled(); len(left) > 0 {
			quiet = 0
		} else if quiet++; quiet == 5 {
			return
		}
	}
	for _, what := range left[:min(len(left), 20)] {
		j.t.Error("left at the end: ", what)
	}
}

// unsettled is what is still to come: meetings that stand, recordings that are not here, callbacks that wait.
func (j *judge) unsettled() (left []string) {
	admin, ctx := j.admin(), j.t.Context()
	meetings, err := admin.Meetings.List(ctx, "", "")
	if err != nil {
		j.t.Fatal(err)
	}
	for _, m := range meetings {
		left = append(left, fmt.Sprintf("meeting %s of %s", m.MeetingID, m.Tenant))
		j.endOrphan(m)
	}
	for _, s := range j.sim.Servers() {
		for _, m := range s.Meetings() {
			left = append(left, "on its server "+m.MeetingID)
		}
	}
	left = append(left, j.archives()...)
	for _, state := range []string{"waiting", "dead"} {
		rows, err := admin.Callbacks.List(ctx, v1.CallbackFilter{State: state, Limit: 1000})
		if err != nil {
			j.t.Fatal(err)
		}
		for _, row := range rows {
			left = append(left, fmt.Sprintf("%s: %s of %s %s: %s", state, row.Kind, row.Tenant, row.MeetingID, row.Outcome))
		}
	}
	return left
}

// archives are what is still to be imported. An archive in whose imports the pool was killed again and again is set aside, as if it
// had been the reason, until an operator has it tried once more.
func (j *judge) archives() (left []string) {
	failed, err := j.admin().Imports.List(j.t.Context(), "failed")
	if err != nil {
		j.t.Fatal(err)
	}
	for _, job := range failed {
		if _, err := j.admin().Imports.Retry(j.t.Context(), job.ID); err == nil {
			j.retried++
		}
	}
	list, err := filepath.Glob(filepath.Join(j.config.Spool, "*.tar"))
	aside, failure := filepath.Glob(filepath.Join(j.config.Spool, "quarantine", "*.tar"))
	if err := errors.Join(err, failure); err != nil {
		j.t.Fatal(err)
	}
	for _, path := range append(list, aside...) {
		left = append(left, "archive "+path)
	}
	return left
}

// endOrphan ends a meeting that nobody was told of, as its create was cut off.
func (j *judge) endOrphan(m v1.Meeting) {
	for _, s := range j.sim.Servers() {
		if on, ok := s.Meeting(m.InternalID); ok && !on.Ended {
			_ = s.End(on.MeetingID)
		}
	}
}
