package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// Run replays what the options ask for. A trace comes from in where the options say "-", else from the file. It tells
// progress, unless that is nil, how many replays are done, of how many; calls come one at a time.
func Run(ctx context.Context, o Options, in io.Reader, progress func(done, total int)) (Report, error) {
	if err := o.Validate(); err != nil {
		return Report{}, err
	}
	var trace []Meeting
	if o.Trace != "" {
		var err error
		if trace, err = o.read(in); err != nil {
			return Report{}, err
		}
	}
	jobs := o.jobs(trace)
	if err := work(ctx, jobs, progress); err != nil {
		return Report{}, err
	}
	return newReport(o, jobs), nil
}

// Generate writes the trace of the one kind of day that the options ask for.
func Generate(o Options, w io.Writer) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if len(o.Generate) != 1 || o.Seeds != 1 {
		return errors.New("write a trace: want one kind of day, and one seed")
	}
	out := NewWriter(w)
	for _, m := range generated(o.Generate[0], o.Servers, o.Seed) {
		if err := out.Write(m); err != nil {
			return err
		}
	}
	return nil
}

// read reads the trace.
func (o Options) read(in io.Reader) ([]Meeting, error) {
	if o.Trace == "-" {
		return Read(in)
	}
	f, err := os.Open(o.Trace)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return Read(f)
}

// job is one trace, one seed and all rules.
type job struct {
	options Options
	trace   []Meeting // nil where it is generated
	kind    string    // of the generated day
	seed    int64
	done    func() // called after each rule

	measures []Measures // by rule
	bound    float64
	meetings int
}

// jobs lists the work: by kind, then by seed.
func (o Options) jobs(trace []Meeting) []*job {
	kinds := o.Generate
	if trace != nil {
		kinds = []string{""}
	}
	var jobs []*job
	for _, kind := range kinds {
		for i := range o.Seeds {
			jobs = append(jobs, &job{options: o, trace: trace, kind: kind, seed: o.Seed + int64(i)})
		}
	}
	return jobs
}

// work does the jobs, as many at a time as there are processors.
func work(ctx context.Context, jobs []*job, progress func(done, total int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu   sync.Mutex
		done int
		wait sync.WaitGroup
	)
	total := len(jobs) * len(jobs[0].options.rules())
	tell := func() {
		mu.Lock()
		defer mu.Unlock()
		if done++; progress != nil {
			progress(done, total)
		}
	}
	next := make(chan *job)
	for range min(runtime.GOMAXPROCS(0), len(jobs)) {
		wait.Go(func() {
			for j := range next {
				j.done = tell
				if err := j.run(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, j := range jobs {
		select {
		case next <- j:
		case <-ctx.Done():
		}
	}
	close(next)
	wait.Wait()
	return context.Cause(ctx)
}

// run replays the trace under each rule.
func (j *job) run(ctx context.Context) error {
	d, failures, err := j.day()
	if err != nil {
		return err
	}
	j.meetings = len(d.meetings)
	for _, name := range j.options.rules() {
		r := &replay{
			pool: newPool(d, j.options.weights(), j.options.Capacity, uint64(j.seed)), rule: newRule(name),
			failures: failures, measure: &measure{},
		}
		if err := r.run(ctx); err != nil {
			return fmt.Errorf("replay by %s: %w", name, err)
		}
		if r.measure.busy == 0 {
			return fmt.Errorf("nobody is in a meeting between %d:00 and %d:00, which is what is measured", firstSample, lastSample)
		}
		j.measures = append(j.measures, r.measure.result())
		j.bound = max(j.bound, r.measure.bound)
		j.done()
	}
	return nil
}

// day makes the trace ready.
func (j *job) day() (*day, []failure, error) {
	trace := j.trace
	if trace == nil {
		trace = generated(j.kind, j.options.Servers, j.seed)
	}
	last, err := j.options.last(trace)
	if err != nil {
		return nil, nil, err
	}
	from, err := j.options.from(last)
	if err != nil {
		return nil, nil, err
	}
	failures, err := j.options.failures(from, from)
	if err != nil {
		return nil, nil, err
	}
	d, err := newDay(trace, from, uint64(j.seed))
	return d, failures, err
}
