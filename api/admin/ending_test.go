package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// room is the meeting that is ended.
var room = store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "room"}

// lingering adds a server that takes ends at once, as BigBlueButton does, and whose meetings go on for a while all the same.
func (p *testPool) lingering(t *testing.T, id string, s *simulator.Server) {
	t.Helper()
	target, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/end") && !strings.Contains(r.URL.RawQuery, "bbbpool-probe") {
			_, _ = w.Write(bbb.Success().Message("sentEndMeetingRequest", "A request to end the meeting was sent.").Bytes())
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	_, err = p.Servers.Add(t.Context(), v1.NewServer{
		URL: front.URL + target.Path, Secret: v1.Secret(s.Secret()), ID: id, Enable: true, Force: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// polls runs the poller until the test ends.
func (p *testPool) polls(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.poller.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// looks waits for a poll of a server that begins from now on: the first that ends may be one that began before.
func (p *testPool) looks(t *testing.T, id string) {
	t.Helper()
	seen, polls := time.Now().Add(time.Duration(p.ahead.Load())), 0
	eventually(t, "server "+id+" is polled", func() bool {
		p.poller.Refresh(t.Context())
		if s, _ := p.poller.Server(id); s.LastPoll.After(seen) {
			seen, polls = s.LastPoll, polls+1
		}
		return polls == 2
	})
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// crowded is a server with a meeting of three people on it, which lingers, and others of two that nobody claims.
func crowded(t *testing.T, unclaimed ...string) (*testPool, *simulator.Server) {
	t.Helper()
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.lingering(t, "a", s)
	p.create(t, room)
	people := 3
	if err := s.AddPeople(room.MeetingID, simulator.Crowd{Count: people}); err != nil {
		t.Fatal(err)
	}
	for _, id := range unclaimed {
		if _, err := p.poller.Client("a").Answer(t.Context(), "create", "name=copies&meetingID="+id); err != nil {
			t.Fatal(err)
		}
		if err := s.AddPeople(id, simulator.Crowd{Count: 2}); err != nil {
			t.Fatal(err)
		}
		people += 2
	}
	p.polls(t) // not before people are in them: an empty meeting that nobody claims would be ended
	p.looks(t, "a")
	if got, err := p.Servers.Show(t.Context(), "a"); err != nil || got.Users != people {
		t.Fatalf("server %+v, %v", got, err)
	}
	return p, s
}

// empty fails the test unless nothing is left on a server, as far as the pool is concerned.
func (p *testPool) empty(t *testing.T, id string) {
	t.Helper()
	got, err := p.Servers.Show(t.Context(), id)
	if err != nil || got.Meetings != 0 || got.Users != 0 || got.Present() != "" {
		t.Errorf("server %s has %q: %d meetings, %d users, %v", id, got.Present(), got.Meetings, got.Users, err)
	}
	if list, err := p.Meetings.List(t.Context(), "", ""); err != nil || len(list) != 0 {
		t.Errorf("meetings %+v, %v", list, err)
	}
	if list := p.poller.Meetings(store.DefaultTenant); len(list) != 0 {
		t.Errorf("front ends see %d meetings", len(list))
	}
}

// What an operator has ended is over at once, whatever its server lists for a while.
func TestClient_EndMeeting_Lingers(t *testing.T) {
	p, s := crowded(t)
	if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(room), false); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p.empty(t, "a")
		p.looks(t, "a")
	}
	if m, ok := s.Meeting(room.MeetingID); !ok || m.Ended {
		t.Error("it does not linger")
	}
}

// A panic does not report as going on what it has ended just now, nor does one that follows.
func TestClient_PanicServer_Lingers(t *testing.T) {
	p, _ := crowded(t, "copy")
	got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{KeepState: true}, ignore)
	if err != nil || got.Ended != 2 || got.Forgotten != 0 || len(got.Failed) != 0 || got.Meetings != 0 || got.Users != 0 {
		t.Errorf("panicked %+v, %v", got, err)
	}
	for range 3 {
		p.empty(t, "a")
		p.looks(t, "a")
	}
	if got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore); err != nil || got.Ended != 0 || len(got.Failed) != 0 {
		t.Errorf("once more: %+v, %v", got, err)
	}
}

// Every copy ends, not only the one that is claimed.
func TestClient_EndMeeting_Copies(t *testing.T) {
	for name, end := range map[string]func(p *testPool) error{
		"end": func(p *testPool) error { _, err := p.Meetings.End(t.Context(), v1.MeetingKey(room), false); return err },
		"panic": func(p *testPool) error {
			_, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, servers := split(t)
			if err := end(p); err != nil {
				t.Fatal(err)
			}
			p.looks(t, "b")
			p.empty(t, "b")
			for _, s := range servers {
				if m, ok := s.Meeting(room.MeetingID); ok && !m.Ended {
					t.Errorf("it goes on at %s", s.ID())
				}
			}
		})
	}
}

// split is a pool of two servers with a meeting that is claimed on a, and has two people in a copy on b.
func split(t *testing.T) (*testPool, []*simulator.Server) {
	t.Helper()
	p, servers := newTestPool(t), simulate(t, 2)
	p.add(t, "a", servers[0])
	p.create(t, room)
	p.add(t, "b", servers[1])
	answer, err := p.poller.Client("b").Answer(t.Context(), "create", "name=Class&meetingID="+url.QueryEscape(room.MeetingID))
	if err == nil && answer.Err != nil {
		err = answer.Err
	}
	if err == nil {
		err = servers[1].AddPeople(room.MeetingID, simulator.Crowd{Count: 2})
	}
	if err != nil {
		t.Fatal(err)
	}
	p.polls(t) // not before people are in the copy: an empty one would be ended
	p.looks(t, "b")
	return p, servers
}

// A server that is away owes the end, and ends the meeting with people in it when it is back; the operator is told.
func TestClient_EndMeeting_Owed(t *testing.T) {
	for name, c := range map[string]struct {
		away  int
		force bool
	}{"copy away": {1, false}, "claimed server away": {0, false}, "forced": {0, true}} {
		t.Run(name, func(t *testing.T) {
			p, servers := split(t)
			if err := servers[c.away].Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
				t.Fatal(err)
			}
			got, err := p.Meetings.End(t.Context(), v1.MeetingKey(room), c.force)
			if err != nil || len(got.Owed) != 1 || !strings.HasPrefix(got.Owed[0], "server "+string("ab"[c.away])+": ") {
				t.Fatalf("ended %+v, %v", got, err)
			}
			p.empty(t, "a")
			if err := servers[c.away].Heal(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it has ended", func() bool {
				m, ok := servers[c.away].Meeting(room.MeetingID)
				return !ok || m.Ended
			})
		})
	}
}
