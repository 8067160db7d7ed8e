package poller_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/poller"
)

// A server is polled once an interval, give or take a twentieth, however long its answers take.
func TestRun_Interval(t *testing.T) {
	for _, delay := range []time.Duration{0, 1500 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				r.net["a"].set(behaviour{delay: delay})
				r.pass(10 * time.Minute)
				at := r.net["a"].times(r.start, "getMeetings")
				if len(at) < 55 || len(at) > 62 {
					t.Errorf("%d polls in ten minutes, want about 60", len(at))
				}
				gaps := map[time.Duration]bool{}
				for i, next := range at[1:] {
					gap := next - at[i]
					gaps[gap] = true
					if gap < 9500*time.Millisecond || gap > 10500*time.Millisecond {
						t.Errorf("polls at %s and %s", at[i], next)
					}
				}
				if len(gaps) < 30 {
					t.Errorf("%d different gaps: there is no jitter", len(gaps))
				}
			})
		})
	}
}

// However a server behaves and whoever asks, it has one poll to answer at a time.
func TestRun_OnePollInFlight(t *testing.T) {
	for name, is := range map[string]behaviour{"slow": {delay: 3 * time.Second}, "hung": hung} {
		t.Run(name, func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				a := r.net["a"]
				a.set(is, "getMeetings")
				var wg sync.WaitGroup
				for i := range 300 {
					wg.Go(func() { r.Refresh(t.Context()) })
					if i%10 == 0 {
						r.Report("a", r.Client("a"), errDown)
						r.Report("a", r.Client("a"), nil)
						r.SetServer(record("a"))
					}
					r.pass(100 * time.Millisecond)
				}
				wg.Wait()
				if a.most != 1 {
					t.Errorf("%d polls at once", a.most)
				}
			})
		})
	}
}

// A server that hangs is found out within two intervals, goes offline, and delays nobody else's polls.
func TestRun_HungServer(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		r.net["a"].set(hung)
		r.pass(20 * time.Second)
		r.expect("a", poller.Suspect)
		r.pass(40 * time.Second)
		r.expect("a", poller.Offline)
		at := r.net["b"].times(r.start, "getMeetings")
		for i, next := range at[1:] {
			if gap := next - at[i]; gap > 10500*time.Millisecond {
				t.Errorf("b is polled at %s and %s", at[i], next)
			}
		}
		if s, _ := r.Server("a"); s.Reason != "api: timeout: context deadline exceeded" || s.Failing.IsZero() {
			t.Errorf("a: reason %q, failing since %s", s.Reason, s.Failing)
		}
	})
}

// A server that refuses is probed twice a second for as long as a blip may last, then ever less often, at last once
// an interval; it gets no other call. When it is back it is polled whole.
func TestRun_BackOff(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		a.set(down)
		failed := r.Client("a")
		r.Report("a", failed, errDown) // at 1s
		a.forget()
		r.pass(2 * time.Minute)
		at := a.times(r.start.Add(time.Second), "api")
		blip := 0
		for i, t1 := range at {
			if t1 <= 4*time.Second {
				blip++
			}
			if i == 0 {
				continue
			}
			gap := t1 - at[i-1]
			late := at[i-1] > 30*time.Second
			if gap < 450*time.Millisecond || gap > 10500*time.Millisecond || late && gap < 9500*time.Millisecond {
				t.Errorf("probes at %s and %s after the failure", at[i-1], t1)
			}
		}
		if blip < 7 || blip > 9 {
			t.Errorf("%d probes in the first four seconds: %s", blip, at)
		}
		if len(at) > 25 {
			t.Errorf("%d probes in two minutes: %s", len(at), at)
		}
		if polls := a.times(r.start, "getMeetings"); len(polls) > 0 {
			t.Errorf("a failing server was asked for its meetings at %s", polls)
		}
		r.expect("a", poller.Offline)
		a.set(behaviour{})
		r.pass(10500 * time.Millisecond)
		r.expect("a", poller.Online)
		if len(a.times(r.start, "getMeetings")) == 0 {
			t.Error("nobody asked for the meetings")
		}
	})
}

// A blip is over as soon as the server answers again, also where a poll that Refresh began has found the failure.
func TestRun_Recovery(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].set(down)
		r.Refresh(t.Context())
		synctest.Wait()
		r.expect("a", poller.Suspect)
		r.pass(1900 * time.Millisecond)
		r.expect("a", poller.Suspect)
		r.net["a"].set(behaviour{})
		r.pass(600 * time.Millisecond)
		r.expect("a", poller.Online)
	})
}

// A call that fails brings the next poll forward.
func TestRun_PassiveFailure(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].forget()
		r.net["a"].set(behaviour{delay: 10 * time.Millisecond}) // the poll may begin at once, and is over when we have looked
		r.Report("a", r.Client("a"), errDown)
		r.expect("a", poller.Suspect)
		r.pass(600 * time.Millisecond)
		r.expect("a", poller.Online)
		if at := r.net["a"].times(r.start, "getMeetings"); len(at) != 1 {
			t.Errorf("polls at %s, want one", at)
		}
	})
}

// A poll that got stuck in a blip does not stand in the way of the probes that tell when the blip is over.
func TestRun_PassiveFailureWhilePolling(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].set(hung)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.Refresh(ctx)
		synctest.Wait()
		r.Report("a", r.Client("a"), errDown)
		r.net["a"].set(behaviour{})
		r.pass(600 * time.Millisecond)
		r.expect("a", poller.Online)
		if r.net["a"].most != 1 {
			t.Errorf("%d polls at once", r.net["a"].most)
		}
	})
}

// Calls that fail now and then neither keep a slow poll from its end, nor make it come more often than twice a second.
func TestRun_FlappingCallsStarveNoPoll(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].set(behaviour{delay: 1500 * time.Millisecond}, "getMeetings")
		r.net["a"].forget()
		for range 1200 {
			r.Report("a", r.Client("a"), errDown)
			r.pass(50 * time.Millisecond)
			r.Report("a", r.Client("a"), nil)
			r.pass(50 * time.Millisecond)
			if s, _ := r.Server("a"); time.Since(s.LastPoll) > 15*time.Second {
				t.Fatalf("after %s: data is %s old", time.Since(r.start), time.Since(s.LastPoll))
			}
		}
		if n := len(r.net["a"].times(r.start, "getMeetings")); n > 240 {
			t.Errorf("%d polls in two minutes", n)
		}
	})
}

// A server that takes its time is waited for as long as it is alive; one that never shows its meetings fails, however
// well it answers otherwise, and stays failed.
func TestRun_SlowServer(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.net["a"].set(behaviour{delay: 9 * time.Second}, "getMeetings")
		r.net["b"].set(hung, "getMeetings")
		r.pass(time.Minute)
		r.crawls("a")
		r.expect("b", poller.Offline)
		if s, _ := r.Server("a"); s.Latency != 9*time.Second {
			t.Errorf("latency %s", s.Latency)
		}
		if s, _ := r.Server("b"); s.Reason != "getMeetings: timeout: context deadline exceeded" {
			t.Errorf("reason %q", s.Reason)
		}
	})
}

// A poll that waits in vain behind our own calls says nothing about the server.
func TestRun_BusyServer(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].set(hung, "create")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 1000 {
			go func() { _, _ = r.Client("a").Do(ctx, "create", "", "", nil) }()
		}
		r.pass(time.Minute)
		r.expect("a", poller.Online)
		if n := r.logs.count(`"health":"suspect"`); n != 0 {
			t.Errorf("it was suspected %d times", n)
		}
		cancel()
		synctest.Wait()
	})
}

// What a server answers may be a failure of its own: the reason says which.
func TestRun_FailedAnswers(t *testing.T) {
	for body, reason := range map[string]string{
		"<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey>" +
			"<message>Checksums do not match</message></response>": "getMeetings: checksumError: Checksums do not match",
		"<html>Welcome to nginx!</html>":                           "getMeetings: not an answer of BigBlueButton's",
		"<response><returncode>SUCCESS</returncode><meetings><mee": "getMeetings: not an answer of BigBlueButton's",
		strings.Repeat("x", 64<<20+1):                              "getMeetings: too-large: more than 16 MiB",
	} {
		t.Run(reason, func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				r.net["a"].set(behaviour{body: body}, "getMeetings")
				r.refresh(time.Second)
				if s, _ := r.Server("a"); s.Health != poller.Suspect || s.Reason != reason {
					t.Errorf("%s: %q", s.Health, s.Reason)
				}
			})
		})
	}
}

// A changed secret is tried at once. What was seen of the meetings stays until then.
func TestSetServer_NewSecret(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].show(room("class", "i-1", 5))
		r.Refresh(t.Context())
		wrong := record("a")
		wrong.Secret = "wrong"
		r.SetServer(wrong)
		r.expect("a", poller.Unknown)
		r.pass(600 * time.Millisecond)
		r.expect("a", poller.Suspect)
		if got := r.internals(); len(got) != 1 {
			t.Errorf("meetings %v", got)
		}
		r.SetServer(record("a"))
		r.pass(600 * time.Millisecond)
		r.expect("a", poller.Online)
	})
}

// The answer to a poll of the former address is not taken for that of the new one.
func TestSetServer_NewAddressWhilePolling(t *testing.T) {
	bubble(t, config(), []string{"a", "new"}, func(t *testing.T, r *rig) {
		if err := r.RemoveServer(t.Context(), "new"); err != nil {
			t.Fatal(err)
		}
		r.net["a"].show(room("old", "i-1", 5))
		r.net["a"].set(behaviour{delay: 3 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.Refresh(ctx)
		moved := record("a")
		moved.URL = record("new").URL
		r.SetServer(moved)
		r.pass(5 * time.Second)
		r.expect("a", poller.Online)
		if got := r.internals(); len(got) != 0 {
			t.Errorf("meetings %v", got)
		}
		if on := r.claimed("old"); on != "" {
			t.Errorf("the meeting at the former address is claimed on %s", on)
		}
	})
}

// A disabled server is left in peace, and asked as soon as it is enabled.
func TestSetServer_Disabled(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		off := record("a")
		off.State = "disabled"
		r.SetServer(off)
		r.net["a"].forget()
		r.pass(time.Minute)
		r.Refresh(t.Context())
		if at := r.net["a"].times(r.start, "getMeetings"); len(at) != 0 {
			t.Errorf("polled at %s", at)
		}
		r.SetServer(record("a"))
		r.pass(time.Second)
		r.expect("a", poller.Online)
	})
}

// A server that leaves is not asked any more, not even by the poll that is on its way, and nothing that is said of it
// later brings it back.
func TestRemoveServer(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("class", "a", "i-1")
		client := r.Client("a")
		r.net["a"].set(hung)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.Refresh(ctx)
		if err := r.RemoveServer(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if r.net["a"].polls != 0 {
			t.Error("a poll is still on its way")
		}
		r.net["a"].set(behaviour{})
		r.net["a"].forget()
		r.Report("a", client, nil)
		r.pass(time.Minute)
		if n := len(r.net["a"].calls); n != 0 {
			t.Errorf("%d calls", n)
		}
		if on := r.claimed("class"); on != "" {
			t.Errorf("the meeting is still claimed on %s", on)
		}
		if len(r.store.sessions) != 1 {
			t.Errorf("sessions %v, want that of the meeting", r.store.sessions)
		}
		if r.Client("a") != nil {
			t.Error("there is still a client")
		}
		if err := r.RemoveServer(t.Context(), "a"); err != nil {
			t.Errorf("once more: %v", err)
		}
	})
}

// Run returns when the last poll is over, also where servers hang, and starts none after that.
func TestRun_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(), time.Now, "a", "b")
		r.net["b"].set(hung)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- r.Run(ctx) }()
		r.pass(11 * time.Second)
		cancel()
		before := time.Now()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if time.Since(before) > 0 || r.net["b"].polls != 0 {
			t.Errorf("%s after its end %d polls are on their way", time.Since(before), r.net["b"].polls)
		}
		r.net["a"].forget()
		r.Refresh(t.Context())
		r.SetServer(record("a"))
		r.Report("a", r.Client("a"), errDown)
		r.pass(time.Minute)
		if n := len(r.net["a"].calls); n != 0 {
			t.Errorf("%d calls after the end", n)
		}
	})
}

// 500 servers of which 50 are dead: what is known of each living one is never older than the interval and two seconds,
// and polling costs it no more than one call in ten seconds.
func TestRun_LargePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []string
		for i := range 500 {
			ids = append(ids, fmt.Sprintf("s%03d", i))
		}
		r := newRig(t, config(), time.Now, ids...)
		for i, id := range ids {
			switch i % 20 {
			case 0:
				r.net[id].set(down)
			case 10:
				r.net[id].set(hung)
			default:
				r.net[id].set(behaviour{delay: time.Duration(i%15) * 100 * time.Millisecond})
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- r.Run(ctx) }()
		r.pass(3 * time.Second)
		for range 120 {
			for i, s := range r.Servers() {
				if age := time.Since(s.LastPoll); i%10 != 0 && age > r.config.Interval+2*time.Second {
					t.Fatalf("after %s: %s was seen %s ago", time.Since(r.start), s.ID, age)
				}
			}
			r.pass(time.Second)
		}
		span := time.Since(r.start)
		for i, id := range ids {
			if n := len(r.net[id].calls); i%10 != 0 && float64(n) > span.Seconds()/9.5+1 {
				t.Errorf("%s got %d calls in %s", id, n, span)
			}
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}
