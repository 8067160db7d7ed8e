package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// admitDeadline is how long the test may take that lets a server into the pool.
	admitDeadline = 10 * time.Second
	// loadAtOnce is how many meetings of a load test there are at once, unless somebody says.
	loadAtOnce = 5
)

// examine tests a server without load, as it must pass to take meetings, and notes in its record what was found. The
// warning is what wants looking at although it passed.
func (a *API) examine(ctx context.Context, s *store.Server) (warning string, err error) {
	ctx, cancel := context.WithTimeout(ctx, admitDeadline)
	defer cancel()
	report := trial.Run(ctx, a.target(*s), trial.Options{Pool: a.latencies(s.ID), Call: enableDeadline}, nil)
	if !report.Passed {
		return "", unsound(errors.New(findings(report, trial.Fail)))
	}
	s.Checksum, s.Admitted = string(report.Algorithm), a.now()
	return findings(report, trial.Warning), nil
}

func (a *API) target(s store.Server) trial.Target {
	return trial.Target{Endpoint: bbb.Endpoint{URL: s.URL, Secret: bbb.Secret(s.Secret)}, NewClient: a.Pool.NewClient}
}

// latencies are how fast the other servers answer.
func (a *API) latencies(self string) (list []time.Duration) {
	for _, s := range a.Pool.Servers() {
		if s.ID != self && s.Health == poller.Online && s.Latency > 0 {
			list = append(list, s.Latency)
		}
	}
	return list
}

// findings says what a test has found on a level.
func findings(r trial.Report, level trial.Level) string {
	var list []string
	for _, c := range r.Checks {
		if c.Level == level {
			list = append(list, c.Name+": "+c.Detail)
		}
	}
	return strings.Join(list, "; ")
}

// testServer tests a server, with load if that is asked for. One that is disabled and passes its first test is let into
// the pool if that is asked for; the state of one that is in use stays what it is, whatever the test finds.
func (a *API) testServer(r *http.Request) (any, error) {
	var t Trial
	if err := read(r, &t); err != nil {
		return nil, err
	}
	options, err := t.options()
	if err != nil {
		return nil, err
	}
	s, err := a.record(r)
	if err != nil {
		return nil, err
	}
	options.Pool = a.latencies(s.ID)
	return long(func(ctx context.Context, tell func(recordings.Progress)) (any, error) {
		if _, busy := a.testing.LoadOrStore(s.ID, true); busy {
			return nil, conflict("server %s is being tested already: wait for the end of that", s.ID)
		}
		defer a.testing.Delete(s.ID)
		step := 0
		report := trial.Run(ctx, a.target(s), options, func(text string) {
			step++
			tell(recordings.Progress{Done: step, Current: text})
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		tried := Tried{Report: report}
		if report.Passed {
			if err := a.passed(ctx, s, t.Admit, &tried); err != nil {
				return nil, err
			}
		}
		a.logger(r).Info().Str("server", s.ID).Int("load", t.Meetings).Bool("passed", report.Passed).
			Bool("admitted", tried.Admitted).Msg("server tested")
		return tried, nil
	}), nil
}

func (t Trial) options() (o trial.Options, err error) {
	if t.Meetings < 0 || t.Meetings > trial.MaxMeetings {
		return o, invalid("meetings: want a number from 0, which is no load test, to %d", trial.MaxMeetings)
	}
	if t.Concurrency < 0 || t.Concurrency > trial.MaxConcurrency {
		return o, invalid("concurrency: want a number from 0, which is %d, to %d", loadAtOnce, trial.MaxConcurrency)
	}
	if t.Concurrency == 0 {
		t.Concurrency = loadAtOnce
	}
	if t.Meetings > 0 {
		o.Load = &trial.Load{Meetings: t.Meetings, Concurrency: min(t.Concurrency, t.Meetings)}
	}
	return o, nil
}

// passed notes that a server has passed its test. One that somebody has begun to use, or stopped using, during the test
// stays in the state that it has.
func (a *API) passed(ctx context.Context, tested store.Server, admit bool, tried *Tried) error {
	_, err := a.update(ctx, tested.ID, func(s *store.Server) error {
		tried.Admitted = false // this may run twice
		switch {
		case s.URL != tested.URL || s.Secret != tested.Secret:
			return conflict("server %s has another address or secret by now: test it again", s.ID)
		case !s.Admitted.IsZero(), admit && (s.State != store.Disabled || tested.State != store.Disabled):
			s.Admitted = a.now()
		case admit:
			s.Admitted, s.State, s.Checksum = a.now(), store.Enabled, string(tried.Algorithm)
			tried.Admitted = true
		}
		return nil
	})
	return err
}
