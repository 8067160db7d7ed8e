package cli_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// kills is how often the process is killed. A storm of creates is under way each time.
const kills = 100

// Killed at any moment, the process loses no meeting whose create it has answered, and no claim points nowhere.
func TestServe_SurvivesKills(t *testing.T) {
	t.Parallel() // it waits for starts most of the time
	data := filepath.Join(t.TempDir(), "data")
	servers := simulated(t, 4)
	p := boot(t, data)
	addServers(t, data, servers)
	acknowledged := map[string]string{} // internal IDs by meeting ID
	for round := range kills {
		p.waitReady(t)
		maps.Copy(acknowledged, storm(t, p, round))
		if _, err := p.end(); err == nil {
			t.Fatal("the process ended by itself")
		}
		checkClaims(t, data, acknowledged)
		p = boot(t, data)
	}
	p.waitReady(t)
	for id, internal := range acknowledged {
		a, err := p.call(t.Context(), "getMeetingInfo", "meetingID="+id)
		if err != nil || a.Get("internalMeetingID") != internal {
			t.Fatalf("%s: %v, %q instead of %q", id, err, a.Get("internalMeetingID"), internal)
		}
	}
	p.terminate(t)
	t.Logf("%d creates acknowledged over %d kills", len(acknowledged), kills)
}

// storm creates meetings from several front ends until the process is killed, a little later each round, and returns
// the internal IDs of those that were acknowledged.
func storm(t *testing.T, p *process, round int) map[string]string {
	t.Helper()
	time.AfterFunc(time.Duration(5+round%37)*time.Millisecond, func() { _ = p.Process.Kill() })
	var mu sync.Mutex
	acknowledged := map[string]string{}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("r%d-w%d-%d", round, worker, i)
				a, err := p.call(context.Background(), "create", "name=Room&meetingID="+id+"&meetingExpireIfNoUserJoinedInMinutes=600")
				if err != nil {
					return // killed
				}
				if a.Err != nil {
					t.Errorf("create %s: %v", id, a.Err)
					return
				}
				mu.Lock()
				acknowledged[id] = a.Get("internalMeetingID")
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acknowledged
}

// checkClaims looks into the database of a killed process.
func checkClaims(t *testing.T, data string, acknowledged map[string]string) {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	servers, err := stores.State.Servers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range servers {
		known[s.ID] = true
	}
	claims, err := stores.State.Claims(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	claimed := map[string]store.Claim{}
	for _, c := range claims {
		claimed[c.MeetingID] = c
		if !known[c.Server] {
			t.Errorf("%s is claimed on %q, which is not in the pool", c.MeetingID, c.Server)
		}
	}
	for id := range acknowledged {
		if _, ok := claimed[id]; !ok {
			t.Fatalf("%s was acknowledged and is not claimed", id)
		}
	}
}
