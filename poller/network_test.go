package poller_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Servers are found to fail one after another, as their polls come. One that went offline before most of the pool was
// found to fail counts with the others, and is suspect again: joins to it go on.
func TestReport_OwnNetworkStaggered(t *testing.T) {
	start := time.Now()
	now := start
	c := config()
	c.Unhealthy = 1
	r := newRig(t, c, func() time.Time { return now }, "a", "b", "c", "d")
	fail := func(at time.Duration, ids ...string) {
		now = start.Add(at)
		for _, id := range ids {
			r.Report(id, r.Client(id), errDown)
		}
	}
	for id := range r.net {
		r.Report(id, r.Client(id), nil)
	}
	fail(0, "a")
	fail(4*time.Second, "a")
	r.expect("a", poller.Offline)
	fail(8*time.Second, "b")
	r.expect("a", poller.Offline)
	fail(12*time.Second, "c")
	for range 3 {
		r.expect("a", poller.Suspect)
		r.expect("b", poller.Suspect)
		r.expect("c", poller.Suspect)
		fail(now.Sub(start)+time.Minute, "a", "b", "c")
	}
	if n := r.logs.count(`"failing":3,"servers":4`); n != 1 {
		t.Errorf("%d alarms with their numbers, want 1", n)
	}
	alarms := r.Alarms()
	if len(alarms) != 1 || !strings.HasPrefix(alarms[0], "3 of 4 servers fail at once, so no server goes offline: check our own") {
		t.Errorf("alarms %q", alarms)
	}
	for _, id := range []string{"a", "b", "c"} {
		if n := r.happened(id, "network"); n != 1 {
			t.Errorf("%s: %d events about our own network, want 1", id, n)
		}
	}
	r.Report("b", r.Client("b"), nil)
	fail(now.Sub(start)+10*time.Second, "a", "c")
	r.expect("a", poller.Offline)
	r.expect("c", poller.Offline)
	if alarms := r.Alarms(); alarms != nil {
		t.Errorf("alarms %q", alarms)
	}
}

// A server that went offline and was taken back has to fail anew: what it had failed in before does not count.
func TestReport_OwnNetworkCountsAnew(t *testing.T) {
	start := time.Now()
	now := start
	c := config()
	c.Unhealthy = 1
	r := newRig(t, c, func() time.Time { return now }, "a", "b")
	report := func(id string, err error) { r.Report(id, r.Client(id), err) }
	report("b", nil)
	report("a", errDown)
	now = now.Add(4 * time.Second)
	report("a", errDown)
	r.expect("a", poller.Offline)
	report("b", errDown)
	r.expect("a", poller.Suspect)
	report("b", nil)
	now = now.Add(time.Second)
	report("a", errDown)
	r.expect("a", poller.Suspect)
	now = now.Add(c.Interval)
	report("a", errDown)
	r.expect("a", poller.Offline)
}

// After an outage of ours calls that it spoiled may end later than others succeed. They make no server offline.
func TestRun_OutageEndsStaggered(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		for _, f := range r.net {
			f.set(hung)
		}
		r.pass(90 * time.Second)
		r.net["b"].set(behaviour{})
		r.net["c"].set(behaviour{})
		r.pass(21 * time.Second)
		r.expect("b", poller.Online)
		r.expect("c", poller.Online)
		r.expect("a", poller.Suspect)
		r.net["a"].set(behaviour{})
		r.pass(21 * time.Second)
		r.expect("a", poller.Online)
		if n := r.logs.count(`"health":"offline"`); n != 0 {
			t.Errorf("%d servers were offline", n)
		}
	})
}

// A server that has been offline for long says nothing about our own network today.
func TestReport_OwnNetworkLongOffline(t *testing.T) {
	now := time.Now()
	r := newRig(t, config(), func() time.Time { return now }, "a", "b", "c")
	fail := func(id string) {
		for range 3 {
			r.Report(id, r.Client(id), errDown)
			now = now.Add(10 * time.Second)
		}
	}
	r.Report("b", r.Client("b"), nil)
	r.Report("c", r.Client("c"), nil)
	fail("a")
	now = now.Add(time.Minute)
	fail("b")
	r.expect("a", poller.Offline)
	r.expect("b", poller.Offline)
	if n := r.logs.count("our own network"); n != 0 {
		t.Errorf("%d alarms", n)
	}
}

// An outage of all for 90 seconds costs nobody a class: no server goes offline, no claim is lost, no meeting is ended,
// and afterwards all is as before at once.
func TestRun_OutageOfAll(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		r.place("class", "a", "i-1")
		r.net["a"].show(room("class", "i-1", 3))
		r.refresh(time.Second)
		for _, f := range r.net {
			f.set(down)
		}
		for range 90 {
			r.pass(time.Second)
			for id := range r.net {
				if r.health(id) == poller.Offline {
					t.Fatalf("after %s: %s is offline", time.Since(r.start), id)
				}
			}
		}
		r.claims("in the outage", map[string]string{"class": "a"})
		r.list("in the outage", "i-1")
		for _, f := range r.net {
			f.set(behaviour{})
		}
		r.pass(10500 * time.Millisecond)
		for id, f := range r.net {
			r.expect(id, poller.Online)
			if n := len(f.times(r.start, "end")); n != 0 {
				t.Errorf("%d meetings were ended on %s", n, id)
			}
		}
		r.claims("afterwards", map[string]string{"class": "a"})
		if alarm, well := r.logs.count("our own network and DNS"), r.logs.count("seems to be well"); alarm != 1 || well != 1 {
			t.Errorf("%d alarms and %d all-clears, want one each", alarm, well)
		}
	})
}

// An alarm that nothing happens after does not stand for ever: what it was raised for grows old.
func TestRun_OutageGrowsOld(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		r.net["a"].set(down)
		r.net["b"].set(down)
		r.pass(2 * time.Minute)
		if n := len(r.Alarms()); n != 1 {
			t.Errorf("%d alarms, want 1", n)
		}
		off := record("b")
		off.State = store.Disabled
		r.SetServer(off)
		r.pass(10 * time.Second)
		if alarms := r.Alarms(); alarms != nil {
			t.Errorf("alarms %q", alarms)
		}
		r.pass(time.Minute)
		r.expect("a", poller.Offline)
		if alarms := r.Alarms(); alarms != nil {
			t.Errorf("alarms %q", alarms)
		}
	})
}

func (r *rig) lose(names ...string) { r.lost.Store(&names) }

// One name that does not resolve is that server's affair, and a warning. Several are the resolver's, and one alarm.
func TestRun_LostNames(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		r.lose("b")
		r.pass(25 * time.Second)
		if s, _ := r.Server("b"); len(s.Warnings) != 1 || !strings.HasPrefix(s.Warnings[0], "its name b does not resolve") {
			t.Errorf("warnings %q", s.Warnings)
		}
		r.lose("nobody", "c", "a")
		r.pass(25 * time.Second)
		if got := r.metrics(); !strings.Contains(got, "bbbpool_dns_failing 1\n") {
			t.Errorf("metrics without the alarm:\n%s", got)
		}
		if alarms := r.Alarms(); len(alarms) != 1 || !strings.HasPrefix(alarms[0], "local DNS fails: the names of 2 servers do not resolve (a, c)") {
			t.Errorf("alarms %q", alarms)
		}
		r.pass(5 * time.Minute)
		r.lose()
		r.pass(11 * time.Second)
		if alarms := r.Alarms(); alarms != nil {
			t.Errorf("alarms %q", alarms)
		}
		for text, want := range map[string]int{
			"local DNS fails": 1, "the names of servers resolve again": 1, `"server warning"`: 1, `"server warning cleared"`: 1,
		} {
			if n := r.logs.count(text); n != want {
				t.Errorf("%q was logged %d times, want %d", text, n, want)
			}
		}
		if got := r.metrics(); !strings.Contains(got, "bbbpool_dns_failing 0\n") {
			t.Errorf("metrics with the alarm:\n%s", got)
		}
	})
}

// A server that was never reached has no address to fall back on. Its name counts all the same.
func TestRun_LostNamesFromTheStart(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		nameless := behaviour{err: &net.DNSError{Err: "server misbehaving", Name: "a"}}
		r.net["a"].set(nameless)
		r.net["b"].set(nameless)
		r.pass(25 * time.Second)
		if n := len(r.Alarms()); n != 2 {
			t.Errorf("alarms %q, want one about the network and one about names", r.Alarms())
		}
		if s, _ := r.Server("a"); !strings.Contains(s.Reason, "dns: ") {
			t.Errorf("reason %q", s.Reason)
		}
	})
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.done)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// DNS that breaks for five minutes costs no server its health and no meeting its life: last good addresses are used, and
// one alarm says so. Each connection is good for one call, so that every poll looks up a name.
func TestRun_DNSBreaks(t *testing.T) {
	var broken atomic.Bool
	c := config()
	way := bbb.NewTransport(bbb.Timeouts{Connect: c.Connect})
	way.Lookup = func(_ context.Context, name string) ([]string, error) {
		if broken.Load() {
			return nil, &net.DNSError{Err: "server misbehaving", Name: name}
		}
		return []string{"192.0.2." + strings.TrimPrefix(name, "bbb")}, nil
	}
	c.Transport = way
	bubble(t, c, nil, func(t *testing.T, r *rig) {
		listener := pipes{make(chan net.Conn), make(chan struct{})}
		served := make(chan error)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			_, _ = fmt.Fprint(w, list(room("class", "i-1", 3)))
		})}
		go func() { served <- server.Serve(listener) }()
		way.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
			if !strings.HasPrefix(addr, "192.0.2.") {
				return nil, fmt.Errorf("dialled %s", addr)
			}
			return listener.dial()
		}
		for _, id := range []string{"bbb1", "bbb2", "bbb3"} {
			r.SetServer(record(id))
		}
		r.pass(11 * time.Second)
		broken.Store(true)
		for range 300 {
			r.pass(time.Second)
			for _, s := range r.Servers() {
				if s.Health != poller.Online || time.Since(s.LastPoll) > 13*time.Second {
					t.Fatalf("after %s: %s is %s, seen %s ago: %s", time.Since(r.start), s.ID, s.Health, time.Since(s.LastPoll), s.Reason)
				}
			}
		}
		if n := r.logs.count("local DNS fails"); n != 1 || len(r.Alarms()) != 1 {
			t.Errorf("logged %d times, alarms %q", n, r.Alarms())
		}
		broken.Store(false)
		r.pass(30 * time.Second)
		if n := r.logs.count("resolve again"); n != 1 || r.Alarms() != nil {
			t.Errorf("logged %d times, alarms %q", n, r.Alarms())
		}
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// The guard is asked about the pool of now: 500 servers that fail in turn, each while the others are well, are 500
// failures and no alarm.
func TestReport_OwnNetworkLargePool(t *testing.T) {
	now := time.Now()
	c := config()
	ledger := openLedger(t, &memory{}, func() time.Time { return now })
	p := poller.New(c, ledger, zerolog.Nop(), func() time.Time { return now })
	for i := range 500 {
		id := fmt.Sprintf("s%03d", i)
		p.SetServer(record(id))
		p.Report(id, p.Client(id), nil)
	}
	for _, s := range p.Servers() {
		p.Report(s.ID, p.Client(s.ID), errDown)
		p.Report(s.ID, p.Client(s.ID), nil)
	}
	if alarms := p.Alarms(); alarms != nil {
		t.Errorf("alarms %q", alarms)
	}
	for _, s := range p.Servers() {
		if s.Health != poller.Online {
			t.Errorf("%s is %s", s.ID, s.Health)
		}
	}
}

// Blips of our own network are not held against servers: once it is well so are they, however often it was not. A pool
// of one cannot tell, but its server takes new meetings as soon as it answers.
func TestRun_OwnBlips(t *testing.T) {
	for _, ids := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c", "d"}} {
		t.Run(fmt.Sprint(len(ids)), func(t *testing.T) {
			bubble(t, config(), ids, func(t *testing.T, r *rig) {
				all := func(is behaviour, d time.Duration) {
					for _, f := range r.net {
						f.set(is)
					}
					r.pass(d)
				}
				for range 6 {
					all(down, 12*time.Second)
					if ready := r.ready(); !strings.HasPrefix(ready, "no server can take new meetings") {
						t.Errorf("ready in a blip: %q", ready)
					}
					all(behaviour{}, 15*time.Second)
					if ready := r.ready(); ready != "" {
						t.Errorf("after %s: %s", time.Since(r.start), ready)
					}
					for id := range r.net {
						if len(ids) > 1 {
							r.expect(id, poller.Online)
						}
					}
					r.pass(45 * time.Second)
				}
			})
		})
	}
}

// What our own network has made of a server is no episode of its failing, and takes none back that it had before. One
// that goes on failing when the network is well has one, from its next round on.
func TestReport_OwnNetworkIsNoEpisode(t *testing.T) {
	now := time.Now()
	r := newRig(t, config(), func() time.Time { return now }, "a", "b", "c")
	after := func(d time.Duration, err error, ids ...string) {
		now = now.Add(d)
		for _, id := range ids {
			r.Report(id, r.Client(id), err)
		}
	}
	after(0, nil, "a", "b", "c")
	after(0, errDown, "c") // by itself
	after(5*time.Second, nil, "c")
	after(time.Minute, errDown, "a", "b", "c")
	if got := r.last("a"); !strings.HasSuffix(got, "this failing is not held against it") {
		t.Errorf("last event of a: %q", got)
	}
	after(20*time.Second, nil, "a", "c")
	r.expect("a", poller.Online)
	r.expect("c", poller.Online)
	after(0, errDown, "b")
	after(11*time.Second, errDown, "b") // by itself
	after(time.Minute, nil, "b")
	r.expect("b", poller.Online)
	after(time.Minute, errDown, "a", "b")
	after(time.Second, nil, "a", "b") // more than half: our own again
	r.expect("a", poller.Online)
	r.expect("b", poller.Online)
	for id, want := range map[string]poller.Health{"a": poller.Online, "b": poller.Suspect, "c": poller.Suspect} {
		after(time.Minute, errDown, id)
		after(time.Second, nil, id)
		r.expect(id, want)
	}
}

// A server that had been offline before our own network failed stays so, and what it did is not forgotten.
func TestReport_OwnNetworkExcusesNobodyElse(t *testing.T) {
	now := time.Now()
	r := newRig(t, config(), func() time.Time { return now }, "a", "b", "c")
	fail := func(rounds int, ids ...string) {
		for range rounds {
			for _, id := range ids {
				r.Report(id, r.Client(id), errDown)
			}
			now = now.Add(10 * time.Second)
		}
	}
	r.Report("b", r.Client("b"), nil)
	r.Report("c", r.Client("c"), nil)
	fail(3, "a")
	now = now.Add(time.Minute)
	fail(6, "a", "b", "c")
	r.expect("a", poller.Offline)
	r.expect("b", poller.Suspect)
	r.Report("b", r.Client("b"), nil)
	r.Report("c", r.Client("c"), nil)
	r.Report("a", r.Client("a"), nil)
	r.expect("a", poller.Online)
	now = now.Add(time.Minute)
	fail(1, "a")
	r.Report("a", r.Client("a"), nil)
	r.expect("a", poller.Suspect)
}
