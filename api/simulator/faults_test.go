package simulator_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

func hostOf(s *simulator.Server) string { return must(url.Parse(s.URL())).Host }

func mustFault(t *testing.T, s *simulator.Server, f simulator.Fault) {
	t.Helper()
	if err := s.Fault(f); err != nil {
		t.Fatal(err)
	}
}

func mustHeal(t *testing.T, s *simulator.Server) {
	t.Helper()
	if err := s.Heal(); err != nil {
		t.Fatal(err)
	}
	if a := call(t, s, "getMeetings", ""); a.field("returncode") != "SUCCESS" {
		t.Errorf("healed: %s", a.body)
	}
}

// kept is a client with a connection to a server that it has used and will use again.
func kept(t *testing.T, s *simulator.Server) *http.Client {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	if err := try(t, client, s, time.Minute); err != nil {
		t.Fatal(err)
	}
	return client
}

// try asks for the root and gives up after a while.
func try(t *testing.T, client *http.Client, s *simulator.Server, patience time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req := must(http.NewRequestWithContext(ctx, http.MethodGet, s.URL(), nil))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body) // or the connection is not used again
	return errors.Join(err, resp.Body.Close())
}

// patience is how long the tests wait for what must not come.
const patience = 100 * time.Millisecond

// A server that refuses cuts its connections, takes no new ones, and comes back on the same port.
func TestFault_Refuse(t *testing.T) {
	s := one(t)
	client := kept(t, s)
	for range 3 {
		mustFault(t, s, simulator.Fault{Kind: simulator.Refuse})
		if err := try(t, client, s, time.Minute); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, want a refused connection", err)
		}
		mustHeal(t, s)
	}
}

// A black hole answers neither new connections nor old ones, until it heals on the same port.
func TestFault_BlackHole(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs the listen backlog of Linux")
	}
	s := one(t)
	client := kept(t, s)
	for range 3 {
		mustFault(t, s, simulator.Fault{Kind: simulator.BlackHole})
		for range 3 {
			_, err := net.DialTimeout("tcp", hostOf(s), patience)
			if failed, ok := errors.AsType[net.Error](err); !ok || !failed.Timeout() {
				t.Fatalf("dial: %v, want a timeout", err)
			}
		}
		if err := try(t, client, s, patience); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("on an old connection: %v, want a timeout", err)
		}
		mustHeal(t, s)
	}
}

// What was asked on an old connection is answered once a black hole heals, as if packets had been sent again.
func TestFault_BlackHoleAnswersLate(t *testing.T) {
	s := one(t)
	client := kept(t, s)
	mustFault(t, s, simulator.Fault{Kind: simulator.BlackHole})
	before := s.Calls("api")
	answered := make(chan error)
	go func() { answered <- try(t, client, s, time.Minute) }()
	for s.Calls("api") == before { // the request has arrived
		runtime.Gosched()
	}
	mustHeal(t, s)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// A server that hangs takes connections and requests, never answers, and cuts them off when it heals.
func TestFault_Hang(t *testing.T) {
	s := one(t)
	mustFault(t, s, simulator.Fault{Kind: simulator.Hang, Calls: []string{"create", "api"}})
	if a := call(t, s, "getMeetings", ""); a.field("returncode") != "SUCCESS" {
		t.Errorf("a call that is not concerned: %s", a.body)
	}
	if err := try(t, browser, s, patience); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a timeout", err)
	}
	hung := make(chan error)
	before := s.Calls("api")
	go func() { hung <- try(t, browser, s, time.Minute) }()
	for s.Calls("api") == before {
		runtime.Gosched()
	}
	mustHeal(t, s)
	if err := <-hung; err == nil {
		t.Error("answered")
	}
}

// Closing a simulator does not wait for faults to end.
func TestClose_Faults(t *testing.T) {
	for _, f := range []simulator.Fault{
		{Kind: simulator.Hang}, {Kind: simulator.BlackHole}, {Kind: simulator.Slow, Delay: time.Hour},
	} {
		sim, _ := start(t, simulator.Config{})
		s := sim.Servers()[0]
		client := kept(t, s)
		mustFault(t, s, f)
		hung := make(chan error)
		before := s.Calls("api")
		go func() { hung <- try(t, client, s, time.Minute) }()
		for s.Calls("api") == before {
			runtime.Gosched()
		}
		sim.Close()
		if err := <-hung; err == nil {
			t.Errorf("%s: answered", f.Kind)
		}
	}
}

// A slow create shows no meeting before its time, and makes it even if the caller has hung up.
func TestFault_Slow(t *testing.T) {
	s := one(t)
	mustFault(t, s, simulator.Fault{Kind: simulator.Slow, Delay: 2 * patience, Calls: []string{"create"}})
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	req := must(http.NewRequestWithContext(ctx, http.MethodGet, signed(s, "create", "name=Room&meetingID=room"), nil))
	if resp, err := browser.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Fatal("answered at once")
	}
	for {
		if a := call(t, s, "getMeetings", ""); a.field("meetingID") == "room" {
			break // the test's own deadline ends it
		}
	}
	mustCreate(t, s, "second", "")
}

// Errors of HTTP and spoilt answers are what our client says they are.
func TestFault_Answers(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "")
	client := bbb.NewClient(bbb.Endpoint{URL: s.URL(), Secret: s.Secret()}, browser.Transport, time.Minute)
	for _, c := range []struct {
		fault  simulator.Fault
		reason bbb.Reason
		status int
	}{
		{simulator.Fault{Kind: simulator.ServerError}, bbb.Status, 500},
		{simulator.Fault{Kind: simulator.ServerError, Status: 503, Calls: []string{"getMeetingInfo"}}, bbb.Status, 503},
		{simulator.Fault{Kind: simulator.Garbage}, bbb.NotBBB, 200},
		{simulator.Fault{Kind: simulator.Truncated}, bbb.NotBBB, 200},
	} {
		mustFault(t, s, c.fault)
		_, err := client.Answer(t.Context(), "getMeetingInfo", "meetingID=room")
		failed, ok := errors.AsType[*bbb.CallError](err)
		if !ok || failed.Reason != c.reason || failed.Status != c.status {
			t.Errorf("%s: %v", c.fault.Kind, err)
		}
	}
	mustFault(t, s, simulator.Fault{Kind: simulator.Malformed})
	if a := call(t, s, "getMeetings", ""); !strings.Contains(a.body, "Room room \x01\xff & <b</meetingName>") {
		t.Errorf("malformed: %q", a.body)
	}
	mustHeal(t, s)
}

// Faults that make no sense are refused and change nothing.
func TestFault_Refused(t *testing.T) {
	s := one(t)
	for _, f := range []simulator.Fault{
		{},
		{Kind: "fire"},
		{Kind: simulator.Refuse, Calls: []string{"create"}},
		{Kind: simulator.ServerError, Status: 404},
		{Kind: simulator.Slow, Delay: -1},
	} {
		if err := s.Fault(f); err == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
	if f, ok := s.CurrentFault(); ok {
		t.Errorf("%+v", f)
	}
}

// A server can be down before anything starts.
func TestFault_BeforeStart(t *testing.T) {
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	s := sim.Servers()[0]
	mustFault(t, s, simulator.Fault{Kind: simulator.Refuse})
	sim.Start()
	if err := try(t, browser, s, time.Minute); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	mustHeal(t, s)
}
