package simulator_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// Meetings end by themselves for many reasons, each after its time and not before.
func TestLife_Expires(t *testing.T) {
	join := func(role string) func(*testing.T, *simulator.Server) {
		return func(t *testing.T, s *simulator.Server) { mustJoin(t, s, "room", "Ada", role, "") }
	}
	leave := func(t *testing.T, s *simulator.Server) {
		join("moderator")(t, s)
		if err := s.Leave("room", 0); err != nil {
			t.Fatal(err)
		}
	}
	moderatorLeaves := func(t *testing.T, s *simulator.Server) {
		join("viewer")(t, s)
		join("moderator")(t, s)
		if err := s.Leave("room", 1); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(*testing.T, *simulator.Server) {}
	for _, c := range []struct {
		name, query string
		prepare     func(*testing.T, *simulator.Server)
		after       time.Duration // 0: never
	}{
		{"never joined", "", nothing, 5 * time.Minute},
		{"never joined, set", "&meetingExpireIfNoUserJoinedInMinutes=2", nothing, 2 * time.Minute},
		{"joined", "", join("viewer"), 0},
		{"deserted", "", leave, time.Minute},
		{"deserted, set", "&meetingExpireWhenLastUserLeftInMinutes=3", leave, 3 * time.Minute},
		{"deserted, never", "&meetingExpireWhenLastUserLeftInMinutes=0", leave, 0},
		{"duration", "&duration=10", join("viewer"), 10 * time.Minute},
		{"no moderator", "&endWhenNoModerator=true&endWhenNoModeratorDelayInMinutes=4", moderatorLeaves, 4 * time.Minute},
		{"no moderator yet", "&endWhenNoModerator=true", join("viewer"), 0},
		{"moderator not needed", "", moderatorLeaves, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim, clock := start(t, simulator.Config{})
			s := sim.Servers()[0]
			mustCreate(t, s, "room", c.query)
			c.prepare(t, s)
			ended := func() bool {
				sim.Tick(t.Context())
				m, ok := s.Meeting("room")
				return !ok || m.Ended
			}
			if c.after == 0 {
				clock.add(24 * time.Hour)
				if ended() {
					t.Error("ended")
				}
				return
			}
			clock.add(c.after - time.Millisecond)
			if ended() {
				t.Error("ended too early")
			}
			clock.add(time.Millisecond)
			if !ended() {
				t.Error("goes on")
			}
		})
	}
}

// Nobody sees a meeting that has ended: it is gone from the lists and from what looks at one meeting at the same time. For
// a while it can be ended again.
func TestLife_Linger(t *testing.T) {
	sim, clock := start(t, simulator.Config{Life: simulator.Settings{Linger: 10 * time.Second}})
	s := sim.Servers()[0]
	mustCreate(t, s, "room", "&voiceBridge=12345")
	if err := s.AddPeople("room", simulator.Crowd{Count: 3}); err != nil {
		t.Fatal(err)
	}
	call(t, s, "end", "meetingID=room")
	gone := func() {
		t.Helper()
		for name, want := range map[string]string{"getMeetingInfo": "notFound", "getMeetings": "noMeetings"} {
			if a := call(t, s, name, "meetingID=room"); a.field("messageKey") != want {
				t.Errorf("%s: %s", name, a.body)
			}
		}
		if a := call(t, s, "isMeetingRunning", "meetingID=room"); a.field("running") != "false" {
			t.Error(a.body)
		}
	}
	for range 9 {
		gone()
		if a := call(t, s, "end", "meetingID=room"); a.field("messageKey") != "sentEndMeetingRequest" {
			t.Error(a.body)
		}
		clock.add(time.Second)
		sim.Tick(t.Context())
	}
	mustCreate(t, s, "other", "&voiceBridge=12345") // the number is free at once
	call(t, s, "end", "meetingID=other")
	clock.add(time.Second)
	sim.Tick(t.Context())
	gone()
	if a := call(t, s, "end", "meetingID=room"); a.field("messageKey") != "notFound" {
		t.Error(a.body)
	}
}

// A breakout room that has ended is no longer among those of its parent.
func TestLife_EndBreakout(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "")
	if err := s.OpenBreakouts("room", 2, 1); err != nil {
		t.Fatal(err)
	}
	var room string
	for _, m := range s.Meetings() {
		if m.Breakout {
			room = m.MeetingID
		}
	}
	for want := 2; want > 0; want-- {
		a := call(t, s, "getMeetingInfo", "meetingID=room")
		if n := strings.Count(a.body, "<breakout>"); n != want {
			t.Errorf("%d rooms, want %d: %s", n, want, a.body)
		}
		call(t, s, "end", "meetingID="+room)
	}
}

// A restart loses all meetings and tells nobody.
func TestRestart(t *testing.T) {
	sim, clock := start(t, simulator.Config{})
	s := sim.Servers()[0]
	mustCreate(t, s, "room", "&meta_endCallbackUrl=http%3A%2F%2F127.0.0.1%3A1%2F")
	s.Restart()
	clock.add(time.Hour)
	sim.Tick(t.Context())
	if a := call(t, s, "getMeetings", ""); a.field("messageKey") != "noMeetings" {
		t.Error(a.body)
	}
}

// Run lets time pass, and leaves nothing running.
func TestRun(t *testing.T) {
	sim, err := simulator.New(simulator.Config{
		Servers: 3, Life: simulator.Settings{Linger: time.Millisecond, Step: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sim.Run(ctx) }()
	s := sim.Servers()[2]
	front := newReceiver(t)
	mustCreate(t, s, "room", "&meetingEndedURL="+url.QueryEscape(front.URL))
	call(t, s, "end", "meetingID=room")
	for len(front.calls()) < 1 { // the test's own deadline ends it
		call(t, s, "getMeetings", "")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if resp, err := browser.Get(s.URL()); err == nil {
		_ = resp.Body.Close()
		t.Error("still listening")
	}
}

// A configuration that makes no sense is refused with a reason.
func TestNew_Refused(t *testing.T) {
	for _, cfg := range []simulator.Config{
		{Listen: "nowhere"},
		{Listen: "127.0.0.1:99999"},
		{Servers: simulator.MaxServers + 1},
		{Formats: []string{"../etc"}},
		{Control: "192.0.2.1:1"},
	} {
		if sim, err := simulator.New(cfg); err == nil {
			sim.Close()
			t.Errorf("%+v is accepted", cfg)
		}
	}
	first, _ := start(t, simulator.Config{})
	taken := must(url.Parse(first.Servers()[0].URL())).Host
	if sim, err := simulator.New(simulator.Config{Listen: taken}); err == nil {
		sim.Close()
		t.Error("a port is shared")
	}
}

// Servers listen where they are told to, and hand out URLs that lead there.
func TestNew_Listens(t *testing.T) {
	for _, c := range []struct{ listen, public, want string }{
		{"", "", "http://127.0.0.1:"},
		{":0", "", "http://127.0.0.1:"},
		{"0.0.0.0:0", "localhost", "http://localhost:"},
		{"localhost:0", "", "http://127.0.0.1:"},
	} {
		sim, _ := start(t, simulator.Config{Servers: 2, Listen: c.listen, PublicHost: c.public, Secret: "same"})
		for _, s := range sim.Servers() {
			if !strings.HasPrefix(s.URL(), c.want) || s.Secret() != "same" {
				t.Errorf("listening on %q: URL %s, want %s…", c.listen, s.URL(), c.want)
			}
			mustFault(t, s, simulator.Fault{Kind: simulator.Refuse})
			mustHeal(t, s)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
