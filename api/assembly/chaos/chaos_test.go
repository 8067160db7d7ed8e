// Package chaos_test breaks a pool of three instances in every way that its parts can break, and judges what its clients saw.
// Its instances are processes, its databases are real, its servers simulated; between all of them is a network that can be cut.
package chaos_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(childEnv); config != "" {
		os.Exit(child(config))
	}
	os.Exit(m.Run())
}

// duration is how long the pool is broken: BBBPOOL_TEST_CHAOS_TIME, or a short while.
func duration(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("BBBPOOL_TEST_CHAOS_TIME")
	if text == "" {
		return 10 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whatever happens to instances, databases, servers and networks, meetings stay where they are, nothing that was acknowledged is
// lost, no meeting is on two servers unreported, whoever reaches a living instance with a way to the leader can create, nobody is
// thrown out of a meeting, no tenant has more than it may, each recording comes in once and whole and plays anywhere, and each
// meeting is in the history and has counted.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	w := newWorld(t, 3, 20)
	w.enlist()
	load := &load{world: w, history: newHistory()}
	halls := newHalls(w, load)
	ends := time.Now().Add(duration(t))
	var running sync.WaitGroup
	for i := range 6 {
		running.Go(func() { load.run(i, ends) })
	}
	shelf := &shelf{world: w}
	running.Go(func() { shelf.run(ends) })
	for i := range organisers {
		running.Go(func() { halls.run(i, ends) })
	}
	faults := &faults{world: w, history: load.history, random: rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))}
	running.Go(func() { faults.feel(ends) })
	faults.run(ends)
	running.Wait()
	w.Ready(t)
	halls.verify()
	load.verify()
	load.once()
	load.history.check(t)
	shelf.verify()
	db := w.index()
	load.counted(db)
	halls.counted(db)
	if n := load.wrong.Load(); n > 0 {
		t.Errorf("%d creates have failed that may not", n)
	}
	t.Logf("%d creates, %d failed where they may; %d recordings, %d of them sent in %d tries",
		load.created.Load(), load.excused.Load(), len(shelf.ids), len(shelf.ids)/2, w.sender.Tries.Load())
	if len(faults.late) > 0 {
		t.Logf("Redis has answered late %d times, after %v", len(faults.late), faults.late)
	}
	slices.Sort(faults.takeovers)
	if all := faults.takeovers; len(all) > 0 {
		t.Logf("%d takeovers, p50 %v, p99 %v: %v", len(all), all[len(all)/2], all[len(all)*99/100], all)
	}
}

// enlist puts the simulated servers into the pool.
func (w *world) enlist() {
	w.t.Helper()
	for _, s := range w.servers {
		body := fmt.Sprintf(`{"url":%q,"secret":"secret-of-servers","enable":true}`, s.URL())
		var added struct{ ID string }
		if err := json.Unmarshal([]byte(w.administrate(http.MethodPost, "/api/v1/servers", body)), &added); err != nil {
			w.t.Fatal(err)
		}
		token := upload.Token(store.Server{ID: added.ID, Secret: "secret-of-servers"})
		w.tokens = append(w.tokens, token.Reveal())
	}
}

func hostOf(s *simulator.Server) string {
	u, err := url.Parse(s.URL())
	if err != nil {
		return ""
	}
	return u.Host
}
