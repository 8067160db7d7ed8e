package trial_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/api/trial"
)

// A load test holds as many meetings as it was asked for, and no more at once; it counts each call.
func TestRun_Load(t *testing.T) {
	s := simulate(t, simulator.Config{Life: simulator.Settings{Linger: time.Hour}})
	var mu sync.Mutex
	now, most := 0, 0
	url := behind(t, s, func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		switch filepath.Base(r.URL.Path) {
		case "create":
			now++
			most = max(most, now)
		case "end":
			now--
		}
		return false
	}, nil)
	var steps []string
	options := trial.Options{Load: &trial.Load{Meetings: 40, Concurrency: 4}, Pool: []time.Duration{2 * time.Second}}
	got := trial.Run(t.Context(), target(t, url, s.Secret()), options, func(step string) { steps = append(steps, step) })
	if !got.Passed || check(t, got, "load").Level != trial.Pass || got.Load == nil {
		t.Fatal(got.Words())
	}
	if most > 4 || now != 0 || got.Load.Meetings != 40 || got.Load.Failed != 0 || got.Load.Concurrency != 4 {
		t.Errorf("%d at once; %+v", most, got.Load)
	}
	for _, c := range got.Load.Calls {
		if c.Count != 40 || c.Failed != 0 || c.P50 <= 0 || c.P50 > c.P95 || c.P95 > c.P99 || c.P99 > c.Max {
			t.Errorf("%+v", c)
		}
		if (c.Pool == 2000) != (c.Call == "getMeetings") {
			t.Errorf("%+v", c)
		}
	}
	if list := s.Meetings(); len(list) != 41 || steps[len(steps)-1] != "load 40/40" {
		t.Errorf("%d meetings, last step %s", len(list), steps[len(steps)-1])
	}
	nothingLeft(t, s)
}

// However much is asked for, a load test has its limits.
func TestRun_LoadLimits(t *testing.T) {
	s := simulate(t, simulator.Config{})
	got := trial.Run(t.Context(), target(t, s.URL(), s.Secret()), trial.Options{Load: &trial.Load{Meetings: 1 << 30, Concurrency: 1 << 30}}, nil)
	if got.Load == nil || got.Load.Meetings != trial.MaxMeetings || got.Load.Concurrency != trial.MaxConcurrency {
		t.Fatal(got.Words())
	}
	got = trial.Run(t.Context(), target(t, s.URL(), s.Secret()), trial.Options{Load: &trial.Load{Meetings: -1}}, nil)
	if got.Load == nil || got.Load.Meetings != 1 || got.Load.Concurrency != 1 {
		t.Fatal(got.Words())
	}
}

// Meetings that fail under load are a warning as long as they are few; a server that fails for good is not asked for
// long.
func TestRun_LoadFails(t *testing.T) {
	for name, test := range map[string]struct {
		from  int64 // the create that fails first
		every int64
		level trial.Level
	}{
		"one":  {from: 10, every: 1000, level: trial.Warning},
		"many": {from: 10, every: 4, level: trial.Fail},
		"all":  {from: 2, every: 1, level: trial.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, simulator.Config{})
			var creates atomic.Int64
			url := behind(t, s, func(w http.ResponseWriter, r *http.Request) bool {
				if filepath.Base(r.URL.Path) != "create" {
					return false
				}
				n := creates.Add(1) - test.from
				if n < 0 || n%test.every != 0 {
					return false
				}
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}, nil)
			got := trial.Run(t.Context(), target(t, url, s.Secret()), trial.Options{Load: &trial.Load{Meetings: 100, Concurrency: 5}}, nil)
			c := check(t, got, "load")
			if c.Level != test.level || got.Passed != (test.level != trial.Fail) || got.Load == nil || got.Load.Failed == 0 ||
				!strings.Contains(got.Load.Error, "503") || !strings.Contains(c.Detail, "503") {
				t.Error(got.Words())
			}
			if name == "all" && got.Load.Meetings > 40 {
				t.Errorf("%d meetings were tried", got.Load.Meetings)
			}
			bounded(t, got)
			nothingLeft(t, s)
		})
	}
}

// A load that the server bears, but slowly, is a warning.
func TestRun_LoadSlow(t *testing.T) {
	for name, test := range map[string]struct {
		fault simulator.Fault
		pool  time.Duration
		has   string
	}{
		"joins":    {simulator.Fault{Kind: simulator.Slow, Calls: []string{"join"}, Delay: 2100 * time.Millisecond}, 0, "one join in 20"},
		"listings": {simulator.Fault{Kind: simulator.Slow, Calls: []string{"getMeetings"}, Delay: 100 * time.Millisecond}, 1, "less weight"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, simulator.Config{})
			options := trial.Options{Load: &trial.Load{Meetings: 6, Concurrency: 6}, Pool: []time.Duration{0, test.pool}}
			var once sync.Once
			got := trial.Run(t.Context(), target(t, s.URL(), s.Secret()), options, func(step string) {
				if step == "end" { // the load test comes next
					once.Do(func() { _ = s.Fault(test.fault) })
				}
			})
			if c := check(t, got, "load"); c.Level != trial.Warning || !strings.Contains(c.Detail, test.has) || !got.Passed {
				t.Errorf("%+v", c)
			}
			nothingLeft(t, s)
		})
	}
}
