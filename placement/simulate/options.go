package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options is what to replay, on what, as flags.
type Options struct {
	Trace    string    `arg:"" optional:"" placeholder:"TRACE" help:"Trace to replay, one meeting a line; - reads the standard input."`
	Generate []string  `placeholder:"KIND" help:"Generate days instead: uni, k12, office, exam."`
	Seed     int64     `default:"1" help:"Where chance begins: the same seed gives the same figures."`
	Seeds    int       `default:"1" help:"Number of seeds to replay, from --seed on; more than one give intervals."`
	Servers  int       `default:"20" help:"Number of servers."`
	Weights  []float64 `placeholder:"W" help:"Weights of the servers, from the first on and again from the start; 1 where none is given."`
	Capacity int       `default:"200" help:"People that a server of weight 1 should carry at most."`
	Fail     []string  `placeholder:"SERVER@TIME" help:"Server that dies, as 3@10:20, or fullest@10:20; it is back, empty, after 25 minutes."`
	From     string    `placeholder:"TIME" help:"What began before is history, as 07:00 or 2026-05-19T07:00:00+02:00; midnight of the last day with people in meetings if not given."`
	Zone     string    `placeholder:"ZONE" help:"Time zone of the day, as Europe/Berlin; that of the trace's last meeting if not given."`
	Rules    []string  `placeholder:"RULE" help:"Rules to compare: c1, c2, c3, scalelite, bbblb, bbblb-intended, b3lb, b3lb-sledunois, pilos, round-robin, clairvoyant; all if not given."`
}

// Limits of the options.
const (
	maxSeeds    = 10_000
	maxServers  = 1000
	maxCapacity = 1_000_000
	maxWeight   = 1000
	maxFailures = 100
)

// Validate tells all that cannot work.
func (o Options) Validate() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	want(o.Trace == "" || len(o.Generate) == 0, "give either a trace or --generate, not both")
	want(o.Trace != "" || len(o.Generate) > 0, "nothing to replay: give a trace, or --generate %s", strings.Join(Kinds(), ","))
	for i, k := range o.Generate {
		want(kinds()[k] != nil, "--generate %s: no such kind; want %s", k, strings.Join(Kinds(), ", "))
		want(!slices.Contains(o.Generate[:i], k), "--generate %s: given twice", k)
	}
	for i, r := range o.Rules {
		want(slices.Contains(Rules(), r), "--rules %s: no such rule; want %s", r, strings.Join(Rules(), ", "))
		want(!slices.Contains(o.Rules[:i], r), "--rules %s: given twice", r)
	}
	want(o.Seeds >= 1 && o.Seeds <= maxSeeds, "--seeds %d: want 1 to %d", o.Seeds, maxSeeds)
	want(o.Servers >= 1 && o.Servers <= maxServers, "--servers %d: want 1 to %d", o.Servers, maxServers)
	want(o.Capacity >= 1 && o.Capacity <= maxCapacity, "--capacity %d: want 1 to %d", o.Capacity, maxCapacity)
	want(len(o.Weights) <= o.Servers, "--weights has %d, for %d servers", len(o.Weights), o.Servers)
	for _, w := range o.Weights {
		want(w >= 1.0/maxWeight && w <= maxWeight, "--weights %g: want %g to %d", w, 1.0/maxWeight, maxWeight)
	}
	want(len(o.Fail) <= maxFailures, "--fail is given %d times, more than %d", len(o.Fail), maxFailures)
	_, err := o.from(time.Unix(0, 0))
	_, failErr := o.failures(time.Unix(0, 0), time.Unix(0, 0))
	return errors.Join(append(errs, err, failErr)...)
}

// from is where the replay begins, for a trace whose last meeting was created at a time.
func (o Options) from(last time.Time) (time.Time, error) {
	zone, err := o.location()
	if err != nil {
		return time.Time{}, err
	}
	last = local(last, zone)
	if o.From == "" {
		return clockOn(last, 0), nil
	}
	t, err := moment(o.From, last)
	if err != nil {
		return time.Time{}, fmt.Errorf("--from %s: %w", o.From, err)
	}
	return t.In(last.Location()), nil
}

// location is the zone that was asked for, nil if none was.
func (o Options) location() (*time.Location, error) {
	if o.Zone == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		return nil, fmt.Errorf("--zone %s: %w", o.Zone, err)
	}
	return zone, nil
}

// local is a time in a zone, or in its own where there is none.
func local(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		_, offset := t.Zone()
		zone = time.FixedZone("", offset) // the same on all machines
	}
	return t.In(zone)
}

// last is when the last meeting was created of those that are measured. What comes later must not decide which day is
// replayed: a trace that is written in the morning ends with a night, in which there may be meetings but hardly people.
func (o Options) last(trace []Meeting) (time.Time, error) {
	zone, err := o.location()
	if err != nil {
		return time.Time{}, err
	}
	var last, unmeasured time.Time
	for i := range trace {
		m := &trace[i]
		switch {
		case m.Create.Before(last):
		case !m.Breakout && measured(m, local(m.Create, zone)):
			last = m.Create
		case m.Create.After(unmeasured):
			unmeasured = m.Create
		}
	}
	if last.IsZero() {
		return unmeasured, nil
	}
	return last, nil
}

// failures are the servers that die. Those given by the clock do so on the day that the replay begins.
func (o Options) failures(day, from time.Time) ([]failure, error) {
	var list []failure
	for _, s := range o.Fail {
		f, err := o.failure(s, day, from)
		if err != nil {
			return nil, fmt.Errorf("--fail %s: %w", s, err)
		}
		list = append(list, f)
	}
	return list, nil
}

func (o Options) failure(s string, day, from time.Time) (failure, error) {
	server, at, found := strings.Cut(s, "@")
	if !found {
		return failure{}, errors.New("want SERVER@TIME, as 3@10:20")
	}
	f := failure{server: fullest}
	if server != "fullest" {
		n, err := strconv.Atoi(server)
		if err != nil || n < 1 || n > o.Servers {
			return failure{}, fmt.Errorf("no server %q; want 1 to %d, or fullest", server, o.Servers)
		}
		f.server = n - 1
	}
	t, err := moment(at, day)
	f.at = t.Sub(from)
	return f, err
}

// moment reads a time, or one of the clock on a day.
func moment(s string, day time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		if !plausible(t) {
			return t, errors.New("not in this age")
		}
		return t, nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return clockOn(day, t.Sub(t.Truncate(24*time.Hour))), nil
		}
	}
	return time.Time{}, errors.New("want a time as 10:20 or 2026-05-19T10:20:00+02:00")
}

// clockOn is when a clock shows so much since midnight, on a day.
func clockOn(day time.Time, since time.Duration) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, 0, 0, int(since/time.Second), 0, day.Location())
}

// weights are those of all servers.
func (o Options) weights() []float64 {
	w := slices.Repeat([]float64{1}, o.Servers)
	if len(o.Weights) > 0 {
		for s := range w {
			w[s] = o.Weights[s%len(o.Weights)]
		}
	}
	return w
}

// rules are those to compare.
func (o Options) rules() []string {
	if len(o.Rules) == 0 {
		return Rules()
	}
	return o.Rules
}
