package poller_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/poller/series"
	"github.com/bbbpool/bbbpool/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	recovering = poller.Health("recovering") // suspect, and on its way back
	fails      = "no server can take new meetings"
)

// The pool is ready when a new meeting would find a place. The reason says where to look.
func TestReady(t *testing.T) {
	type server struct {
		state  store.ServerState
		health poller.Health
	}
	tests := []struct {
		name    string
		servers []server
		want    string
	}{
		{"no servers", nil, ""},
		{"one on its way back", []server{{store.Enabled, poller.Suspect}, {store.Enabled, recovering}}, ""},
		{"all on their way back", []server{{store.Enabled, recovering}, {store.Enabled, recovering}}, ""},
		{"the one on its way back is cordoned", []server{{store.Cordoned, recovering}, {store.Enabled, poller.Suspect}}, fails},
		{"one fails, one was not asked yet", []server{{store.Enabled, poller.Suspect}, {store.Enabled, poller.Unknown}}, ""},
		{"none enabled", []server{{store.Cordoned, poller.Online}, {store.Disabled, poller.Unknown}}, ""},
		{"one online", []server{{store.Enabled, poller.Suspect}, {store.Enabled, poller.Online}}, ""},
		{
			"none asked yet",
			[]server{{store.Enabled, poller.Unknown}, {store.Cordoned, poller.Online}},
			"no server has been polled yet",
		},
		{
			"one of one fails",
			[]server{{store.Enabled, poller.Suspect}},
			fails,
		},
		{
			"all fail at once",
			[]server{{store.Enabled, poller.Suspect}, {store.Enabled, poller.Suspect}},
			fails + ": most fail at once, check our own network and DNS",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := config()
			c.Healthy = 2
			r := newRig(t, c, time.Now)
			for i, s := range test.servers {
				rec := record(string(rune('a' + i)))
				rec.State = s.state
				r.SetServer(rec)
				switch s.health {
				case poller.Online:
					r.Report(rec.ID, r.Client(rec.ID), nil)
				case poller.Suspect:
					r.Report(rec.ID, r.Client(rec.ID), errDown)
				case recovering:
					r.Report(rec.ID, r.Client(rec.ID), errDown)
					r.Report(rec.ID, r.Client(rec.ID), nil)
				case poller.Offline, poller.Unknown:
				}
			}
			if got := r.ready(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			list := r.Readiness().Problems(t.Context())
			if test.want == "" {
				if list != nil {
					t.Errorf("it is ready, and there are %v", list)
				}
				return
			}
			if len(list) != 1 || list[0].String() != test.want || !list[0].Unready || list[0].Severity != problems.Refusing ||
				list[0].Subject.Kind != problems.Pool || list[0].Name == "" {
				t.Errorf("%+v, want %q", list, test.want)
			}
		})
	}
}

// pool is three servers: one that is seen, one that fails from the start, one that is disabled.
func (r *rig) pool() {
	ended, breakout := room("over", "i-3", 7), room("group", "i-4", 9)
	ended.Ended, breakout.Breakout = true, true
	large := room("large", "i-2", 40)
	large.Videos = 3
	broken := room("", "i-5", 1)
	r.net["a"].show(room("small", "i-1", 2), large, ended, breakout, broken)
	r.net["a"].set(behaviour{delay: 250 * time.Millisecond})
	failing := record("b")
	failing.URL, failing.State, failing.Weight = "http://nowhere/bigbluebutton/api", store.Cordoned, 2
	r.SetServer(failing)
	off := record("c")
	off.State = store.Disabled
	r.SetServer(off)
	r.refresh(time.Second)
	r.pass(2 * time.Second)
}

// The status of a server tells what polls saw of it: ended meetings and breakout rooms, whose people are their
// parents', do not count.
func TestServers(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.pool()
		polled := time.Now().Add(-2250 * time.Millisecond)
		want := poller.Status{
			Server: record("a"), Health: poller.Online, LastPoll: polled, Latency: 250 * time.Millisecond,
			Patience: 2 * time.Second, Meetings: 2, Users: 42, Videos: 3, Largest: 40, Broken: 1,
		}
		servers := r.Servers()
		ignore := cmpopts.IgnoreFields(poller.Status{}, "Load")
		if diff := cmp.Diff(want, servers[0], ignore); diff != "" {
			t.Errorf("a (-want +got):\n%s", diff)
		}
		if load := servers[0].Load; load.People != 42 || load.Meetings != 2 {
			t.Errorf("load %+v, want that of the two meetings", load)
		}
		b, ok := r.Server("b")
		if !ok || b.Health != poller.Suspect || b.Failing.IsZero() || b.Reason == "" || !b.LastPoll.IsZero() {
			t.Errorf("b: %+v", b)
		}
		if _, ok := r.Server("d"); ok {
			t.Error("there is a server d")
		}
	})
}

// The metrics are complete, and their lines never change without somebody noticing.
func TestWriteMetrics(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.pool()
		golden := filepath.Join("testdata", "metrics.txt")
		got := r.metrics()
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

// Whatever is measured is described, and whatever is described is measured as soon as it is known.
func TestFamilies(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		skew := time.Duration(0)
		r.net["a"].change(func(f *fake) { f.skew, f.expires = &skew, time.Now().Add(time.Hour) })
		r.ledger.Learn(store.Session{Start: r.start.Add(-4 * 24 * time.Hour), End: r.start.Add(-3 * 24 * time.Hour), Peak: 5})
		r.SetServer(changing("a", time.Hour))
		r.pass(11 * time.Second)
		measured := map[string]bool{}
		for line := range strings.Lines(r.metrics()) {
			measured[line[:strings.IndexAny(line, "{ ")]] = true
		}
		for _, f := range series.Families {
			if !measured[f.Name] {
				t.Errorf("%s is not measured", f.Name)
			}
			delete(measured, f.Name)
			if want := exposition.Gauge; f.Help == "" || (f.Type == want) == strings.HasSuffix(f.Name, "_total") {
				t.Errorf("%+v", f)
			}
		}
		for name := range measured {
			t.Errorf("%s is not described", name)
		}
	})
}

// An ID that nobody should have been able to give a server cannot forge a line.
func TestWriteMetrics_HostileID(t *testing.T) {
	r := newRig(t, config(), time.Now)
	hostile := record("a")
	hostile.ID = "a\"} 1\nbbbpool_server_users{server=\"b\\"
	r.SetServer(hostile)
	line := regexp.MustCompile(`^bbbpool_[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? [0-9.]+$`)
	for got := range strings.Lines(r.metrics()) {
		if !line.MatchString(strings.TrimSuffix(got, "\n")) || strings.HasPrefix(got, "bbbpool_server_users") {
			t.Errorf("line %q", got)
		}
	}
}

// Whoever asks for the metrics, the status or the readiness makes no call to a server.
func TestStatus_AsksNobody(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].forget()
		r.pass(time.Second)
		_, _, _, _ = r.metrics(), r.ready(), r.Servers(), r.Problems(t.Context())
		r.pass(time.Second)
		if n := len(r.net["a"].calls); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
}
