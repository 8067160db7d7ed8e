package roster

import (
	"context"
	"errors"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/store"
)

// Add adds a server to the pool, once it is seen to be one that can be used.
func (r *Roster) Add(ctx context.Context, n v1.NewServer) (v1.Result, error) {
	record, err := newRecord(n, r.Now())
	if err != nil {
		return v1.Result{}, err
	}
	if _, err := r.Records.clash(ctx, record, ""); err != nil {
		return v1.Result{}, err // said before the server is asked, which may take a while
	}
	result, err := r.Examiner.recognise(ctx, &record, n.Force)
	if err != nil {
		return v1.Result{}, err
	}
	if n.Enable && !n.Force {
		if result.Warning, err = r.Examiner.examine(ctx, &record); err != nil {
			return v1.Result{}, err
		}
	}
	if err := r.join(ctx, &record, n.Force, &result.Warning); err != nil {
		return v1.Result{}, err
	}
	return r.outcome(ctx, record, result), nil
}

// Changed is a server before and after it was changed.
type Changed struct {
	Before, After store.Server
}

// Change changes what is known of a server.
func (r *Roster) Change(ctx context.Context, id string, c v1.Change) (v1.Result, Changed, error) {
	before, err := r.Records.Get(ctx, id)
	if err != nil {
		return v1.Result{}, Changed{}, err
	}
	after := before
	if err := changing(c)(&after); err != nil {
		return v1.Result{}, Changed{}, err
	}
	var result v1.Result
	var record store.Server
	window, err := r.window(c.Window)
	if err != nil {
		return v1.Result{}, Changed{}, err
	}
	if c.URL == nil && c.Secret == nil {
		record, err = r.Records.update(ctx, before.ID, func(s *store.Server) error {
			if c.Window == nil {
				return changing(c)(s)
			}
			return errors.Join(r.extend(s, window), changing(c)(s))
		})
	} else {
		if r.rekey(before, &after, window); c.Window != nil && after.Secret == before.Secret && after.Former != "" {
			after.FormerUntil = r.Now().Add(window)
		}
		record, result, err = r.readdress(ctx, before, after, c)
	}
	if err != nil {
		return v1.Result{}, Changed{}, err
	}
	return r.outcome(ctx, record, result), Changed{before, record}, nil
}

// readdress changes a server that may be another machine afterwards, once that is seen to be one that can be used.
func (r *Roster) readdress(
	ctx context.Context, before, after store.Server, c v1.Change,
) (record store.Server, result v1.Result, err error) {
	if _, err := r.Records.clash(ctx, after, before.ID); err != nil {
		return record, result, err
	}
	if result, err = r.Examiner.recognise(ctx, &after, c.Force); err != nil {
		return record, result, err
	}
	err = r.enter(ctx, after, c.Force, &result.Warning, func() error {
		record, err = r.Records.move(ctx, after, func(s *store.Server) error {
			if s.URL != before.URL || s.Secret != before.Secret {
				return v1.Conflict("server %s was changed meanwhile: look at it and try again", before.ID)
			}
			s.Checksum = after.Checksum
			if c.Secret != nil {
				s.Former, s.FormerUntil, s.Switched = after.Former, after.FormerUntil, after.Switched
			}
			return changing(c)(s)
		})
		return err
	})
	forgotten := !before.Admitted.IsZero() && record.Admitted.IsZero()
	if forgotten && record.State != store.Disabled && result.Warning == "" {
		result.Warning = "it was tested at another address: bbbpool server test " + record.ID + " tests it here"
	}
	return record, result, err
}

// Enable lets a server take meetings, once it is seen to be fit for that. Changed tells the state that it had.
func (r *Roster) Enable(ctx context.Context, id string, force bool) (v1.Result, Changed, error) {
	s, err := r.Records.Get(ctx, id)
	if err != nil {
		return v1.Result{}, Changed{}, err
	}
	var result v1.Result
	fit, tested := s, s.State != store.Enabled && !force
	if tested {
		if result, err = r.Examiner.fit(ctx, &fit); err != nil {
			return v1.Result{}, Changed{}, err
		}
	}
	record, err := r.Records.update(ctx, s.ID, func(now *store.Server) error {
		if tested {
			if now.URL != s.URL || now.Secret != s.Secret {
				return v1.Conflict("server %s has another address or secret by now: enable it again", s.ID)
			}
			now.Checksum, now.Admitted = fit.Checksum, fit.Admitted
		}
		now.State = store.Enabled
		return nil
	})
	if err != nil {
		return v1.Result{}, Changed{}, err
	}
	return r.outcome(ctx, record, result), Changed{s, record}, nil
}

// Cordon lets a server keep its meetings and take no new ones.
func (r *Roster) Cordon(ctx context.Context, id string) (v1.Result, Changed, error) {
	return r.setState(ctx, id, store.Cordoned)
}

// Disable takes a server out of use. Its meetings would be cut off from the pool, and people in copies may be left there
// without anybody's knowing: somebody has to insist on that.
func (r *Roster) Disable(ctx context.Context, id string, force bool) (v1.Result, Changed, error) {
	s, err := r.Status(id)
	if err != nil {
		return v1.Result{}, Changed{}, err
	}
	there := newLeftovers(s, nil) // recordings are delivered also by servers that are disabled
	if s.State != store.Disabled && !there.nobody() && !force {
		return v1.Result{}, Changed{}, v1.Conflict("server %s %s: bbbpool server drain --wait %s waits for their end; --force "+
			"disables it now, and %s", s.ID, there.has(), s.ID, there.follows())
	}
	return r.setState(ctx, s.ID, store.Disabled)
}

// setState changes the state of a server.
func (r *Roster) setState(ctx context.Context, id string, state store.ServerState) (v1.Result, Changed, error) {
	var before store.Server
	record, err := r.Records.update(ctx, id, func(s *store.Server) error {
		before, s.State = *s, state
		return nil
	})
	if err != nil {
		return v1.Result{}, Changed{}, err
	}
	return r.outcome(ctx, record, v1.Result{}), Changed{before, record}, nil
}

// loadAtOnce is how many meetings of a load test there are at once, unless somebody says.
const loadAtOnce = 5

// TrialOptions reads how thoroughly to test a server.
func TrialOptions(t v1.Trial) (o trial.Options, err error) {
	if t.Meetings < 0 || t.Meetings > trial.MaxMeetings {
		return o, v1.Invalid("meetings: want a number from 0, which is no load test, to %d", trial.MaxMeetings)
	}
	if t.Concurrency < 0 || t.Concurrency > trial.MaxConcurrency {
		return o, v1.Invalid("concurrency: want a number from 0, which is %d, to %d", loadAtOnce, trial.MaxConcurrency)
	}
	if t.Concurrency == 0 {
		t.Concurrency = loadAtOnce
	}
	if t.Meetings > 0 {
		o.Load = &trial.Load{Meetings: t.Meetings, Concurrency: min(t.Concurrency, t.Meetings)}
	}
	return o, nil
}

// Test tests a server. One that is disabled and passes its first test is let into the pool if admit asks for that; the state
// of one that is in use stays what it is, whatever the test finds.
func (r *Roster) Test(
	ctx context.Context, s store.Server, options trial.Options, admit bool, tell func(v1.Progress),
) (v1.Tried, error) {
	if _, busy := r.testing.LoadOrStore(s.ID, true); busy {
		return v1.Tried{}, v1.Conflict("server %s is being tested already: wait for the end of that", s.ID)
	}
	defer r.testing.Delete(s.ID)
	options.Pool, options.Callback = r.Examiner.latencies(s.ID), r.Examiner.callback()
	step := 0
	report := trial.Run(ctx, r.Examiner.target(s), options, func(text string) {
		step++
		tell(v1.Progress{Done: step, Current: text})
	})
	if ctx.Err() != nil {
		return v1.Tried{}, ctx.Err()
	}
	tried := newTried(report)
	if report.Passed {
		if err := r.passed(ctx, s, admit, &tried); err != nil {
			return v1.Tried{}, err
		}
	}
	return tried, nil
}

// passed notes that a server has passed its test. One that somebody has begun to use, or stopped using, during the test
// stays in the state that it has.
func (r *Roster) passed(ctx context.Context, tested store.Server, admit bool, tried *v1.Tried) error {
	_, err := r.Records.update(ctx, tested.ID, func(s *store.Server) error {
		tried.Admitted = false // this may run twice
		switch {
		case s.URL != tested.URL || s.Secret != tested.Secret:
			return v1.Conflict("server %s has another address or secret by now: test it again", s.ID)
		case !s.Admitted.IsZero(), admit && (s.State != store.Disabled || tested.State != store.Disabled):
			s.Admitted = r.Now()
		case admit:
			s.Admitted, s.State, s.Checksum = r.Now(), store.Enabled, tried.Algorithm
			tried.Admitted = true
		}
		return nil
	})
	return err
}

// newTried shows what a test has found.
func newTried(r trial.Report) v1.Tried {
	t := v1.Tried{
		Passed: r.Passed, URL: r.URL, Version: r.Version, Algorithm: string(r.Algorithm), Expires: r.Expires, SkewMS: r.Skew,
	}
	for _, c := range r.Checks {
		t.Checks = append(t.Checks, v1.TrialCheck{Name: c.Name, Level: string(c.Level), Detail: c.Detail, LatencyMS: c.Latency})
	}
	if r.Load == nil {
		return t
	}
	t.Load = &v1.LoadReport{
		Meetings: r.Load.Meetings, Concurrency: r.Load.Concurrency, Failed: r.Load.Failed, Error: r.Load.Error,
		Verdict: r.Load.Verdict,
	}
	for _, c := range r.Load.Calls {
		t.Load.Calls = append(t.Load.Calls, v1.CallLatency(c))
	}
	return t
}
