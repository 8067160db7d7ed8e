package assembly_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// endings is a front end that wants to be told of ends in both ways, and bills by them.
type endings struct {
	*flow

	server *httptest.Server
	late   *hasty // the pool's clock
	mu     sync.Mutex
	told   map[string][]string // by meeting: "ended lost" and "end lost", in order of their letters
}

func newEndings(t *testing.T) *endings {
	t.Helper()
	e := &endings{late: &hasty{}, told: map[string][]string{}}
	e.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		id := r.FormValue("room")
		e.told[id] = append(e.told[id], strings.Trim(r.URL.Path, "/")+" "+r.Header.Get("Bbbpool-Reason"))
		slices.Sort(e.told[id])
	}))
	t.Cleanup(e.server.Close)
	return e
}

// query is of a create that asks to be told in both ways.
func (e *endings) query(id string) url.Values {
	return url.Values{
		"meetingID": {id}, "name": {id}, "moderatorPW": {"mp"},
		"meetingEndedURL": {e.server.URL + "/ended?room=" + id}, "meta_endCallbackUrl": {e.server.URL + "/end?room=" + id},
	}
}

// create makes a meeting.
func (e *endings) create(id string) {
	e.t.Helper()
	text, err := e.ask(bbb.SHA256, "create", "", e.query(id))
	if err != nil || !strings.Contains(text, "SUCCESS") {
		e.t.Fatalf("create: %v %s", err, text)
	}
}

// fill makes meetings until a server has so many, and returns those of it.
func (e *endings) fill(s *simulator.Server, n int) (list []string) {
	e.t.Helper()
	for i := 0; len(list) < n; i++ {
		id := fmt.Sprintf("room-%d", i)
		e.create(id)
		if e.on(id) == s {
			list = append(list, id)
		}
	}
	return list
}

// settled waits until servers were polled anew, and nothing waits to be told.
func (e *endings) settled() {
	e.t.Helper()
	for _, s := range e.sim.Servers() {
		if _, broken := s.CurrentFault(); broken {
			continue
		}
		before := s.Calls("getMeetings")
		e.await("polls", func() (bool, any) { return s.Calls("getMeetings") >= before+3, nil })
	}
	e.quiet()
}

// hears waits until so many were told, and checks that there are no others, and how each was.
func (e *endings) hears(meetings []string, want ...string) {
	e.t.Helper()
	e.await("told", func() (bool, any) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, id := range meetings {
			if len(e.told[id]) < len(want) {
				return false, fmt.Sprint(id, e.told[id])
			}
		}
		return true, nil
	})
	e.settled()
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, got := range e.told {
		if slices.Contains(meetings, id) && !slices.Equal(got, want) {
			e.t.Errorf("%s: %q", id, got)
		}
	}
}

// onlyOf checks that nobody was told of others.
func (e *endings) onlyOf(meetings []string) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, got := range e.told {
		if !slices.Contains(meetings, id) {
			e.t.Errorf("%s: %q", id, got)
		}
	}
}

// sessions is how often each of some meetings was over, in the history.
func (e *endings) sessions(meetings []string) (n int) {
	e.t.Helper()
	for _, id := range meetings {
		room := e.Ledger.Hash(store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id})
		list, err := e.Stores.Index.MeetingSessions(e.t.Context(), store.DefaultTenant, room, 10)
		if err != nil {
			e.t.Fatal(err)
		}
		n += len(list)
	}
	return n
}

// A server that is away for a while says nothing of its meetings. One that never comes back is waited for as long as the
// setting has it; then the end of each of its meetings is told, once to each address, with the reason. If it comes back after all
// those with people in them go on, and end once more; those without are over. All of it also across restarts of the pool.
func TestPool_ServerLost(t *testing.T) {
	t.Parallel()
	e := newEndings(t)
	e.flow = newFlow(t, simulator.Config{Servers: 2}, nil, e.late.Now)
	s := e.sim.Servers()[0]
	lost := e.fill(s, 20)
	for _, id := range lost[:3] {
		if err := s.AddPeople(id, simulator.Crowd{Count: 2, Moderators: 1}); err != nil {
			t.Fatal(err)
		}
	}
	e.settled()
	e.away(s, func() { e.late.add(9 * time.Minute); e.settled() })
	e.hears(nil)
	e.onlyOf(nil)
	if n := e.sessions(lost); n != 0 {
		t.Errorf("%d sessions of meetings that go on", n)
	}
	e.away(s, func() {
		e.late.add(9 * time.Minute)
		e.restart(func() {})
		e.await("offline", func() (bool, any) { return e.health(s) == "offline", e.health(s) })
		e.settled()
		e.onlyOf(nil)
		e.late.add(11 * time.Minute)
		e.hears(lost, "end lost", "ended lost")
		e.restart(func() {})
		e.late.add(11 * time.Minute)
		e.hears(lost, "end lost", "ended lost")
	})
	e.onlyOf(lost)
	e.await("meetings with people go on", func() (bool, any) { return e.Ledger.Count() >= 3, e.Ledger.Count() })
	e.settled()
	e.hears(lost, "end lost", "ended lost")
	for _, id := range lost {
		_, err := e.Ledger.Find(t.Context(), store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id}, 0)
		if goesOn := slices.Contains(lost[:3], id); goesOn != (err == nil) {
			t.Errorf("%s: goes on: %v, %v", id, goesOn, err)
		}
	}
	e.restart(func() {})
	for _, id := range lost {
		if _, there := s.Meeting(id); !there {
			continue
		}
		if err := s.End(id); err != nil {
			t.Error(err)
		}
	}
	e.await("they are told", func() (bool, any) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.told[lost[0]]) == 4 && len(e.told[lost[1]]) == 4 && len(e.told[lost[2]]) == 4, fmt.Sprint(e.told)
	})
	e.settled()
	e.hears(lost[3:], "end lost", "ended lost")
	e.onlyOf(lost)
	if n, again := e.sessions(lost[3:]), e.sessions(lost[:3]); n != 17 || again != 6 {
		t.Errorf("%d and %d sessions", n, again)
	}
}

// Of several instances one alone tells, also where the leader goes as it has begun to.
func TestInstances_ServerLost(t *testing.T) {
	t.Parallel()
	e := newEndings(t)
	c := several(t, 2, func(s *assembly.Settings) {
		s.Poller.Interval, s.Poller.LostAfter = 50*time.Millisecond, 500*time.Millisecond
		s.Outbox.Allow = []string{"127.0.0.1"}
	})
	leader, followers := c.leader()
	s, n := c.sim.Servers()[0], 0
	for i := 0; n < 20; i++ {
		id := fmt.Sprintf("room-%d", i)
		c.succeeds(followers[0], "create", e.query(id).Encode())
		found, err := leader.Ledger.Find(t.Context(), store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id}, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if found.Claim.Server == s.ID() {
			n++
		}
	}
	if err := s.Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
		t.Fatal(err)
	}
	told := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			e.mu.Lock()
			has := len(e.told)
			e.mu.Unlock()
			if has >= n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d are told of, of %d", has, n)
			}
		}
	}
	told(1)
	if err := leader.stop(); err != nil {
		t.Error(err)
	}
	told(n)
	for {
		rows, err := followers[0].Stores.Index.Callbacks(t.Context(), store.CallbackFilter{States: []store.CallbackState{store.CallbackWaiting}})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, got := range e.told {
		if !slices.Equal(got, []string{"end lost", "ended lost"}) {
			t.Errorf("%s: %q", id, got)
		}
	}
	if len(e.told) != n {
		t.Errorf("%d are told of, of %d", len(e.told), n)
	}
}
