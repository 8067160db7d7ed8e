package cli_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// Of 200 creates at once, of which the tenant may have 50, with the process killed in the middle of them: never more than 50
// meetings stand, and after callers have repeated exactly 50.
func TestServe_LimitSurvivesKills(t *testing.T) {
	t.Parallel() // it waits for the other process most of the time
	pool := &capped{t: t, limit: 50, data: filepath.Join(t.TempDir(), "data"), servers: simulated(t, 3)}
	p := boot(t, pool.data)
	addServers(t, pool.data, pool.servers)
	p.terminate(t)
	pool.setLimit()
	for _, kill := range []int{1, 25} {
		p = boot(t, pool.data)
		p.waitReady(t)
		pool.createAll(p, kill)
		if _, err := p.end(); err == nil {
			t.Fatal("the process ended by itself")
		}
		pool.check()
	}
	p = boot(t, pool.data)
	p.waitReady(t)
	made := 0
	for round := 0; made != pool.limit && round < 20; round++ { // a claim that came to nothing is given up by a poll
		made = pool.createAll(p, 0)
		pool.check()
	}
	if made != pool.limit || pool.listed() != pool.limit || pool.standing() != pool.limit {
		t.Errorf("%d creates succeeded, %d meetings are listed, servers have %d", made, pool.listed(), pool.standing())
	}
	p.terminate(t)
}

// capped is a pool whose tenant may have so many meetings, and callers that want more.
type capped struct {
	t       *testing.T
	limit   int
	data    string
	servers []*simulator.Server
}

// setLimit writes the limit into the store while nobody serves.
func (l *capped) setLimit() {
	l.t.Helper()
	stores, err := driver.Open(driver.Config{Data: l.data})
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	_, err = stores.State.UpdateTenant(l.t.Context(), store.DefaultTenant, func(t *store.Tenant) error {
		t.Limits.Meetings = l.limit
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// createAll has all callers create their meetings at once, and returns how many were told that theirs stands. The process is
// killed when so many have been told; 0 lets it live.
func (l *capped) createAll(p *process, kill int) int {
	var mu sync.Mutex
	made := 0
	answered := func(err error, key string) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil && kill == 0:
			l.t.Error(err)
		case err != nil: // killed
		case key == "":
			if made++; made == kill {
				_ = p.Process.Kill()
			}
		case key != "tenantMeetingsReached":
			l.t.Errorf("a create was refused with %s", key)
		}
	}
	var callers sync.WaitGroup
	for i := range 4 * l.limit {
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			a, err := p.call(ctx, "create", "name=Room&meetingExpireIfNoUserJoinedInMinutes=600&meetingID=room"+strconv.Itoa(i))
			key := ""
			if a.Err != nil {
				key = a.Err.Key
			}
			answered(err, key)
		})
	}
	callers.Wait()
	return made
}

// check tells when more meetings stand than may: on the servers, or by what the pool says, whether it serves or is dead.
func (l *capped) check() {
	l.t.Helper()
	if on, listed := l.standing(), l.listed(); max(on, listed) > l.limit {
		l.t.Errorf("servers have %d meetings, %d are listed, and %d are allowed", on, listed, l.limit)
	}
}

// listed is how many meetings the pool says that there are.
func (l *capped) listed() int {
	l.t.Helper()
	var meetings []struct{ Server string }
	if err := json.Unmarshal([]byte(bbbpool(l.t, l.data, "meeting", "list", "--json")), &meetings); err != nil {
		l.t.Fatal(err)
	}
	return len(meetings)
}

// standing is how many meetings the servers have that are not over: each was tried with one.
func (l *capped) standing() (n int) {
	for _, s := range l.servers {
		for _, m := range s.Meetings() {
			if !m.Ended {
				n++
			}
		}
	}
	return n
}
