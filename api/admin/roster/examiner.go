package roster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/reach"
	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// AddDeadline is how long a server may take to be recognised when it is added, changed or checked.
	AddDeadline = 10 * time.Second
	// enableDeadline is how long one may take that was recognised before.
	enableDeadline = 5 * time.Second
	// admitDeadline is how long the test may take that lets a server into the pool.
	admitDeadline = 10 * time.Second
)

// Examiner asks servers who they are, and whether they are fit for meetings, and waits for their answers as long as the
// deadlines above say. It changes nothing but the records that it is handed: what it has found out is stored by whoever asked,
// who looks first whether the server is still the one that was asked.
type Examiner struct {
	Store store.Servers
	// Secrets returns those of the pool's own front ends, which no server has.
	Secrets func(ctx context.Context) ([]store.Secret, error)
	Pool    Pollable
	Now     func() time.Time
	// Callbacks is where servers are told to call; nil where they are told of nothing.
	Callbacks *reach.Site
}

// Pollable is what the examiner needs of the poller.
type Pollable interface {
	// Servers returns the status of every server, by ID.
	Servers() []poller.Status
	// NewClient returns a client for a server that need not be in the pool.
	NewClient(e bbb.Endpoint) *bbb.Client
}

// unsound refuses a server for what its diagnosis has found.
func unsound(err error) *v1.Error {
	return &v1.Error{Status: http.StatusUnprocessableEntity, Code: "diagnosis", Message: err.Error()}
}

// endpoint is where a server is called.
func endpoint(s store.Server) bbb.Endpoint {
	return bbb.Endpoint{
		URL: s.URL, Secret: bbb.Secret(s.Secret), Former: bbb.Secret(s.Former), OnFormer: s.Awaited(),
		Algorithm: bbb.Algorithm(s.Checksum),
	}
}

// anew is where a server is called of which the algorithm that it accepts is to be found out, and which of two secrets.
func anew(s store.Server) bbb.Endpoint {
	return bbb.Endpoint{URL: s.URL, Secret: bbb.Secret(s.Secret), Former: bbb.Secret(s.Former)}
}

// target is what a trial tries: which algorithm the server accepts is found out anew.
func (e *Examiner) target(s store.Server) trial.Target {
	return trial.Target{Endpoint: anew(s), NewClient: e.Pool.NewClient}
}

// callback is how a trial looks at the addresses that servers are told to call; nil where there are none.
func (e *Examiner) callback() func(context.Context) reach.Outcome {
	if !e.Callbacks.Told() {
		return nil
	}
	return func(ctx context.Context) reach.Outcome { return reach.Merge(e.Callbacks.Look(ctx)) }
}

// Diagnose asks a server who it is. A [*v1.Error] is a refusal that nobody overrides.
func (e *Examiner) Diagnose(ctx context.Context, s store.Server, limit time.Duration) (bbb.Diagnosis, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := e.notPool(ctx, s); err != nil {
		return bbb.Diagnosis{}, err
	}
	return bbb.Diagnose(ctx, anew(s), e.Pool.NewClient)
}

// notPool refuses what is no server but a pool: this one whatever somebody insists on, for a meeting would be placed on
// itself, and another one unless somebody does.
func (e *Examiner) notPool(ctx context.Context, s store.Server) error {
	answer, err := e.Pool.NewClient(endpoint(s)).Probe(ctx)
	if err != nil {
		return bbb.Explain(s.URL, err) // as the diagnosis would, after another wait
	}
	if answer.Get(bbb.PoolMark) == "" {
		return nil
	}
	ours, err := e.Secrets(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(ours, s.Secret) {
		return v1.Conflict("%s is this pool, by its secret: a pool is no server of its own; add the BigBlueButton servers themselves",
			s.URL)
	}
	return fmt.Errorf("pool: a bbbpool answers at %s, and not BigBlueButton: add the servers that are behind it", s.URL)
}

// recognise diagnoses a server, and notes the algorithm that it accepts. With force it may be whatever it is.
func (e *Examiner) recognise(ctx context.Context, record *store.Server, force bool) (v1.Result, error) {
	d, err := e.Diagnose(ctx, *record, AddDeadline)
	if err == nil {
		record.Checksum = string(d.Algorithm)
		e.noteSecret(record, d)
		return v1.Result{Diagnosis: Diagnosis(d)}, nil
	}
	if refused, ok := errors.AsType[*v1.Error](err); ok {
		return v1.Result{}, refused
	}
	if !force || ctx.Err() != nil {
		return v1.Result{}, unsound(err)
	}
	return v1.Result{Warning: err.Error()}, nil
}

// examine tests a server without load, as it must pass to take meetings, and notes in its record what was found. The
// warning is what wants looking at although it passed.
func (e *Examiner) examine(ctx context.Context, s *store.Server) (warning string, err error) {
	ctx, cancel := context.WithTimeout(ctx, admitDeadline)
	defer cancel()
	report := trial.Run(ctx, e.target(*s), trial.Options{Pool: e.latencies(s.ID), Call: enableDeadline}, nil)
	if !report.Passed {
		return "", unsound(errors.New(findings(report, trial.Fail)))
	}
	s.Checksum, s.Admitted = string(report.Algorithm), e.Now()
	return findings(report, trial.Warning), nil
}

// fit diagnoses a server and tests it, as it must be to take meetings, and notes that in its record.
func (e *Examiner) fit(ctx context.Context, s *store.Server) (result v1.Result, err error) {
	d, err := e.Diagnose(ctx, *s, enableDeadline)
	if err != nil {
		return result, unsound(fmt.Errorf("server %s stays %s: %w", s.ID, s.State, err))
	}
	s.Checksum = string(d.Algorithm)
	if result.Warning, err = e.examine(ctx, s); err != nil {
		return result, unsound(fmt.Errorf("server %s stays %s: %w", s.ID, s.State, err))
	}
	result.Diagnosis = Diagnosis(d)
	return result, nil
}

// inspect tests a server as it must be to take meetings, if it is to take any, and notes in its record what was found. It
// returns what speaks against it: a list has the last word all the same, but for what nobody overrides.
func (e *Examiner) inspect(ctx context.Context, s *store.Server) (warning string, refused error) {
	d, err := e.Diagnose(ctx, *s, AddDeadline)
	if refused, ok := errors.AsType[*v1.Error](err); ok {
		return "", refused
	}
	if err == nil {
		e.noteSecret(s, d)
		if s.Checksum = string(d.Algorithm); s.State == store.Enabled {
			warning, err = e.examine(ctx, s)
		}
	}
	if err != nil {
		warning = err.Error()
	}
	return warning, nil
}

// latencies are how fast the other servers answer.
func (e *Examiner) latencies(self string) (list []time.Duration) {
	for _, s := range e.Pool.Servers() {
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
