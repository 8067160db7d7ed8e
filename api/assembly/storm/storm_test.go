// Package storm_test kills a pool again and again while servers call it back and it calls front ends that misbehave in every way,
// and judges what these were told.
package storm_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
func kills(t *testing.T, short, otherwise int) int {
	t.Helper()
	text := os.Getenv("BBBPOOL_TEST_STORM_KILLS")
	switch {
	case text != "":
	case testing.Short():
		return short
	default:
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// storm has meetings held while the pool is killed, and judges what front ends were told when all is calm again.
func (w *world) storm(during func(f *fronts)) {
	w.t.Helper()
	began, f := time.Now(), newFronts(w)
	rooms := newRooms(w, f)
	stop := make(chan struct{})
	var holding sync.WaitGroup
	for _, r := range rooms {
		holding.Go(func() { r.hold(stop) })
	}
	during(f)
	calm := time.Now()
	w.calm()
	close(stop)
	holding.Wait()
	f.cure()
	over := time.Now()
	j := &judge{world: w, fronts: f, rooms: rooms}
	j.settle()
	settled := time.Now()
	j.judge()
	w.verifyElsewhere()
	sent, tries := w.brought()
	w.t.Logf("%d archives sent in %d tries; %v of storm, %v until it was calm, %v until nothing was left", sent, tries,
		calm.Sub(began).Round(time.Millisecond), over.Sub(calm).Round(time.Millisecond), settled.Sub(over).Round(time.Millisecond))
}

// busy waits until something happens, or nothing does for a while.
func (w *world) busy(f *fronts) {
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

// archives are what is still to be imported. An archive in whose imports the pool was killed again and again is set aside, as if
// it had been the reason, until an operator has it tried once more.
func (j *judge) archives() (left []string) {
	failed, err := j.admin().Imports.List(j.t.Context(), "failed")
	if err != nil {
		j.t.Fatal(err)
	}
	going, err := j.admin().Imports.List(j.t.Context(), "waiting", "importing", "placing")
	if err != nil {
		j.t.Fatal(err)
	}
	for _, job := range going {
		left = append(left, "import "+job.ID)
	}
	for _, job := range failed {
		if _, err := j.admin().Imports.Retry(j.t.Context(), job.ID); err == nil {
			j.retried++
		}
	}
	for _, dir := range []string{j.made, j.spool, filepath.Join(j.spool, "quarantine")} {
		list, err := filepath.Glob(filepath.Join(dir, "*.tar"))
		if err != nil {
			j.t.Fatal(err)
		}
		for _, path := range list {
			left = append(left, "archive "+path)
		}
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
