package poller_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/poller/series"
)

// A server's health follows from the calls to it, and from the time between them, alone.
func TestReport_Health(t *testing.T) {
	fail := errRefused
	runSteps(t, []course{
		{"a success shows that it is there", nil, []step{{0, nil, poller.Online}}},
		{"a first failure says no more than of any other", nil, []step{{0, fail, poller.Suspect}}},
		{"it is back with its first success", nil, []step{
			{0, nil, poller.Online}, {time.Second, fail, poller.Suspect}, {2 * time.Second, nil, poller.Online},
		}},
		{"failures of one interval are one round", nil, []step{
			{0, fail, poller.Suspect},
			{time.Second, fail, poller.Suspect},
			{2 * time.Second, fail, poller.Suspect},
			{9 * time.Second, fail, poller.Suspect},
			{10 * time.Second, fail, poller.Suspect},
			{19 * time.Second, fail, poller.Suspect},
			{20 * time.Second, fail, poller.Offline},
		}},
		{"rounds count only in a row", nil, []step{
			{0, fail, poller.Suspect},
			{10 * time.Second, fail, poller.Suspect},
			{15 * time.Second, nil, poller.Online},
			{20 * time.Second, fail, poller.Suspect},
			{30 * time.Second, fail, poller.Suspect},
			{40 * time.Second, fail, poller.Offline},
		}},
		{
			"short intervals do not make it offline before a blip could have passed",
			func(c *poller.Config) { c.Interval, c.Unhealthy = 100*time.Millisecond, 1 },
			[]step{
				{0, fail, poller.Suspect},
				{time.Second, fail, poller.Suspect},
				{2999 * time.Millisecond, fail, poller.Suspect},
				{3 * time.Second, fail, poller.Offline},
			},
		},
		{
			"more failures do not make it worse than offline", func(c *poller.Config) { c.Unhealthy = 2 },
			[]step{
				{0, fail, poller.Suspect},
				{10 * time.Second, fail, poller.Offline},
				{11 * time.Second, fail, poller.Offline},
				{12 * time.Second, nil, poller.Online},
				{13 * time.Second, fail, poller.Suspect},
			},
		},
		{
			"from offline it comes back after as many successes in a row as it takes",
			func(c *poller.Config) { c.Unhealthy, c.Healthy = 2, 3 },
			[]step{
				{0, fail, poller.Suspect},
				{10 * time.Second, fail, poller.Offline},
				{11 * time.Second, nil, poller.Suspect},
				{12 * time.Second, nil, poller.Suspect},
				{13 * time.Second, nil, poller.Suspect}, // within one interval they are one
				{15 * time.Second, fail, poller.Suspect},
				{20 * time.Second, nil, poller.Suspect},
				{30 * time.Second, nil, poller.Suspect},
				{40 * time.Second, nil, poller.Suspect},
				{50 * time.Second, nil, poller.Suspect},
				{60 * time.Second, nil, poller.Suspect},
				{70 * time.Second, nil, poller.Online}, // of twice as many, because it had failed before
			},
		},
		{"what we cancelled ourselves, or did not even send, is not its fault", nil, []step{
			{0, &bbb.CallError{Reason: bbb.Cancel, Err: fail}, poller.Unknown},
			{0, fmt.Errorf("create: %w", &bbb.CallError{Reason: bbb.Busy, Err: fail}), poller.Unknown},
			{0, &bbb.CallError{Reason: bbb.Timeout, Err: fail}, poller.Suspect},
		}},
	})
}

// Failures stick more than successes: a server that fails again and again takes ever longer to come back.
func TestReport_Hysteresis(t *testing.T) {
	fail := errRefused
	runSteps(t, []course{
		{"a blip within an interval of another is the same", nil, []step{
			{0, fail, poller.Suspect},
			{time.Second, nil, poller.Online},
			{2 * time.Second, fail, poller.Suspect},
			{3 * time.Second, nil, poller.Online},
		}},
		{"a second time it needs two good polls, a third four", nil, []step{
			{0, fail, poller.Suspect},
			{1 * time.Second, nil, poller.Online},
			{20 * time.Second, fail, poller.Suspect},
			{21 * time.Second, nil, poller.Suspect},
			{25 * time.Second, nil, poller.Suspect}, // calls of others count once an interval
			{29 * time.Second, nil, poller.Suspect},
			{31 * time.Second, nil, poller.Online},
			{40 * time.Second, fail, poller.Suspect},
			{50 * time.Second, nil, poller.Suspect},
			{60 * time.Second, nil, poller.Suspect},
			{70 * time.Second, nil, poller.Suspect},
			{80 * time.Second, nil, poller.Online},
		}},
		{"good polls count only in a row", nil, []step{
			{0, fail, poller.Suspect},
			{1 * time.Second, nil, poller.Online},
			{20 * time.Second, fail, poller.Suspect},
			{21 * time.Second, nil, poller.Suspect},
			{22 * time.Second, fail, poller.Suspect},
			{32 * time.Second, nil, poller.Suspect},
			{42 * time.Second, nil, poller.Online},
		}},
		{"a blip an hour costs no more than the first", nil, []step{
			{0, fail, poller.Suspect},
			{2 * time.Second, nil, poller.Online},
			{time.Hour, fail, poller.Suspect},
			{time.Hour + 2*time.Second, nil, poller.Online},
			{2 * time.Hour, fail, poller.Suspect},
			{2*time.Hour + 2*time.Second, nil, poller.Online},
		}},
		{
			"where polls are rare, failures are remembered for longer",
			func(c *poller.Config) { c.Interval = 2 * time.Minute },
			[]step{
				{0, fail, poller.Suspect},
				{time.Second, nil, poller.Online},
				{30 * time.Minute, fail, poller.Suspect},
				{30*time.Minute + time.Second, nil, poller.Suspect},
				{32*time.Minute + time.Second, nil, poller.Online},
			},
		},
	})
}

var errRefused = errors.New("create: refused")

// step is a call that was reported, and the health that follows from it.
type step struct {
	at   time.Duration
	err  error
	want poller.Health
}

// course is what happens to a server.
type course struct {
	name   string
	change func(*poller.Config)
	steps  []step
}

func runSteps(t *testing.T, tests []course) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			now := start
			c := config()
			if test.change != nil {
				test.change(&c)
			}
			r := newRig(t, c, func() time.Time { return now }, "a")
			for _, step := range test.steps {
				now = start.Add(step.at)
				r.Report("a", r.Client("a"), step.err)
				if got := r.health("a"); got != step.want {
					t.Errorf("at %s, after %v: %s, want %s", step.at, step.err, got, step.want)
				}
			}
		})
	}
}

// However often a server has failed, 16 good polls bring it back, unless more are wanted of all.
func TestReport_MostGoodPolls(t *testing.T) {
	for healthy, want := range map[int]int{1: 16, 3: 16, 20: 20} {
		t.Run(fmt.Sprint(healthy), func(t *testing.T) {
			now := time.Now()
			c := config()
			c.Healthy = healthy
			r := newRig(t, c, func() time.Time { return now }, "a")
			for range 20 {
				r.Report("a", r.Client("a"), errDown)
				now = now.Add(c.Interval)
				r.Report("a", r.Client("a"), nil)
				now = now.Add(c.Interval)
			}
			for n := 1; n < want; n++ { // the first has been there
				r.expect("a", poller.Suspect)
				reason := fmt.Sprintf("recovering, %d of %d clean polls; last failure: connection refused", n, want)
				if s, _ := r.Server("a"); s.Reason != reason {
					t.Errorf("reason %q, want %q", s.Reason, reason)
				}
				r.Report("a", r.Client("a"), nil)
				now = now.Add(c.Interval)
			}
			if s, _ := r.Server("a"); s.Health != poller.Online || s.Reason != "" {
				t.Errorf("%s: %q", s.Health, s.Reason)
			}
		})
	}
}

// A call that went well to a server that is well costs nothing to report.
func TestReport_NoAllocation(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	client := r.Client("a")
	r.Report("a", client, nil)
	if n := testing.AllocsPerRun(100, func() { r.Report("a", client, nil) }); n > 0 {
		t.Errorf("%g allocations", n)
	}
}

// When most of the pool fails at once our own network is the likelier cause: nobody goes offline, and one alarm says
// so. Once no more than half of it fails the rest is to blame itself, by rounds that are counted from then on.
func TestReport_OwnNetwork(t *testing.T) {
	start := time.Now()
	now := start
	c := config()
	c.Unhealthy = 2
	r := newRig(t, c, func() time.Time { return now }, "a", "b", "c")
	report := func(err error, ids ...string) {
		for _, id := range ids {
			r.Report(id, r.Client(id), err)
		}
	}
	report(nil, "a", "b", "c")
	for range 10 {
		report(errDown, "a", "b")
		now = now.Add(c.Interval)
	}
	r.expect("a", poller.Suspect)
	r.expect("b", poller.Suspect)
	if n := r.logs.count("our own network and DNS"); n != 1 {
		t.Errorf("%d alarms, want 1", n)
	}
	if got := r.metrics(); !strings.Contains(got, "bbbpool_own_network_suspect 1\n") {
		t.Errorf("metrics without the alarm:\n%s", got)
	}
	report(nil, "b")
	report(errDown, "a") // which may have begun before
	r.expect("a", poller.Suspect)
	now = now.Add(c.Interval)
	report(errDown, "a")
	r.expect("a", poller.Offline)
	r.expect("b", poller.Online)
	if got := r.metrics(); !strings.Contains(got, "bbbpool_own_network_suspect 0\n") {
		t.Errorf("metrics with the alarm:\n%s", got)
	}
	if n := r.logs.count("seems to be well"); n != 1 {
		t.Errorf("%d all-clears, want 1", n)
	}
}

// A pool of one server cannot tell whose fault it is; the server goes offline as it would among others.
func TestReport_OnlyServer(t *testing.T) {
	now := time.Now()
	r := newRig(t, config(), func() time.Time { return now }, "a")
	for range 3 {
		r.Report("a", r.Client("a"), errDown)
		now = now.Add(10 * time.Second)
	}
	r.expect("a", poller.Offline)
}

// What is said of an address or a secret that the server had once, or of a server that has left, is not heard.
func TestReport_FormerClient(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	former := r.Client("a")
	r.Report("a", former, nil)
	r.expect("a", poller.Online)
	changed := record("a")
	changed.Secret = "new"
	r.SetServer(changed)
	r.expect("a", poller.Unknown)
	r.Report("a", former, nil)
	r.expect("a", poller.Unknown)
	r.Report("a", former, errDown)
	r.expect("a", poller.Unknown)
	r.Report("a", nil, errDown)
	r.expect("a", poller.Unknown)
	r.Report("nobody", former, errDown)
}

// A weight, a tag or a cordon changes nothing about what is known of a server.
func TestSetServer_KeepsHealth(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	client := r.Client("a")
	r.Report("a", client, nil)
	changed := record("a")
	changed.Weight, changed.Tag, changed.State = 2, "gpu", "cordoned"
	r.SetServer(changed)
	r.expect("a", poller.Online)
	if r.Client("a") != client {
		t.Error("the client is another one")
	}
}

// What was seen of a server before it was disabled says nothing once it is enabled again, perhaps weeks later: it takes
// no new meetings before it has answered.
func TestSetServer_EnabledAgainIsUnknown(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	r.Report("a", r.Client("a"), nil)
	off := record("a")
	off.State = "disabled"
	r.SetServer(off)
	r.expect("a", poller.Unknown)
	r.SetServer(record("a"))
	r.expect("a", poller.Unknown)
}

// A server's words are kept only in part, cut between characters.
func TestReport_ReasonIsShort(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	r.Report("a", r.Client("a"), errors.New(strings.Repeat("ä", 1<<20)))
	s, _ := r.Server("a")
	if n := len(s.Reason); n > 400 || !strings.HasSuffix(s.Reason, "ä…") {
		t.Errorf("reason of %d bytes: %.20q…", n, s.Reason)
	}
}

// The configuration names every value that cannot work, with its flag.
func TestConfig_Validate(t *testing.T) {
	if err := config().Validate(); err != nil {
		t.Errorf("the usual configuration: %v", err)
	}
	err := poller.Config{Interval: time.Second, Unhealthy: 1, Healthy: 1001}.Validate()
	for _, flag := range []string{
		"--connect-timeout 0s", "--response-timeout 0s", "--failover-after 0s", "--healthy-after 1001",
	} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("error %v, want one that names %s", err, flag)
		}
	}
}

func (r *rig) metrics() string {
	var b strings.Builder
	series.Write(&b, r.Poller)
	return b.String()
}

// stands checks what the ledger thinks that a server may be used for.
func (r *rig) stands(when string, want placement.Standing) {
	r.t.Helper()
	if got := r.ledger.Capacity().Servers[0].Standing; got != want {
		r.t.Errorf("%s: standing %d, want %d", when, got, want)
	}
}

// The ledger hears of everything that a server may be used for or not, also while its health is called the same: one
// that is suspect may fail still, or be on its way back.
func TestReport_Standing(t *testing.T) {
	now := time.Now()
	c := config()
	c.Unhealthy, c.Healthy = 2, 2
	r := newRig(t, c, func() time.Time { return now }, "a")
	report := func(when string, err error, want placement.Standing) {
		r.t.Helper()
		now = now.Add(10 * time.Second)
		r.Report("a", r.Client("a"), err)
		r.stands(when, want)
	}
	r.stands("not asked yet", placement.Unproven)
	report("seen", nil, placement.Open)
	report("fails", errDown, placement.Doubtful)
	report("on its way back", nil, placement.Unproven)
	report("fails again", errDown, placement.Doubtful)
	report("offline", errDown, placement.Gone)
	report("answers again", nil, placement.Unproven)
	cordoned := record("a")
	cordoned.State = "cordoned"
	r.SetServer(cordoned)
	r.stands("cordoned", placement.Held)
	report("fails", errDown, placement.Held)
	r.SetServer(record("a"))
	r.stands("enabled while it fails", placement.Doubtful)
}

// What fails a server that is cordoned does not promise that it takes meetings once it answers.
func TestReport_CordonedPromisesNothing(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	cordoned := record("a")
	cordoned.State = "cordoned"
	r.SetServer(cordoned)
	r.Report("a", r.Client("a"), errDown)
	if got, want := r.last("a"), "suspect: connection refused; no new meetings, because it is cordoned"; got != want {
		t.Errorf("event %q, want %q", got, want)
	}
}

// Where nobody is online, servers that answer again take new meetings before those that fail do.
func TestRun_RecoveringBeforeFailing(t *testing.T) {
	ids := []string{"a", "b", "c", "d", "e", "f", "g"}
	bubble(t, config(), ids, func(t *testing.T, r *rig) {
		r.place("full", "d", "i-d")
		r.place("filled", "e", "i-e")
		r.net["d"].show(room("full", "i-d", 30))
		r.net["e"].show(room("filled", "i-e", 30))
		back := []string{"d", "e"}
		for range 5 {
			for _, is := range []struct {
				behaviour
				d time.Duration
			}{{down, 12 * time.Second}, {behaviour{}, 20 * time.Second}} {
				for _, id := range back {
					r.net[id].set(is.behaviour)
				}
				r.pass(is.d)
			}
		}
		for _, id := range ids {
			if !slices.Contains(back, id) {
				r.net[id].set(down)
			}
		}
		r.pass(time.Minute)
		creation, err := r.ledger.Begin(t.Context(), key("new"))
		if err != nil {
			t.Fatal(err)
		}
		defer creation.End()
		var tried []string
		for range 3 {
			p, err := creation.Place(t.Context(), placement.Wish{}, tried)
			if err != nil {
				t.Fatal(err)
			}
			tried = append(tried, p.Claim.Server)
		}
		slices.Sort(tried[:2])
		if !slices.Equal(tried[:2], back) || slices.Contains(back, tried[2]) {
			t.Errorf("tried %v, want %v before any that fails", tried, back)
		}
	})
}

// A slow poll is not given up because we have no descriptor for the probe beside it.
func TestRun_OwnLackOfProbes(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(_ *testing.T, r *rig) {
		r.net["a"].set(behaviour{delay: 5 * time.Second}, "getMeetings")
		r.net["a"].set(behaviour{err: os.NewSyscallError("socket", syscall.EMFILE)}, "api")
		r.net["a"].show(room("class", "i", 1))
		r.pass(31 * time.Second)
		r.crawls("a")
		r.list("after slow polls", "i")
	})
}
