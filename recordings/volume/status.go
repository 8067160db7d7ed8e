package volume

import (
	"fmt"
	"io"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Status is how a directory is.
type Status struct {
	Name    string
	Path    string
	Problem string        // for people; "" if it can be used
	Free    int64         // bytes that we may write; 0 where it was never seen, like the next two
	Total   int64         // bytes
	Inodes  uint64        // that are free; 0 also where the file system does not count them
	Latency time.Duration // that the last probe took, or takes up to now
	At      time.Time     // when that began; zero before the first
	Hung    bool          // it does not answer
}

// Status returns how every directory is, as far as is known. It asks no disk.
func (g *Guard) Status() []Status {
	list := make([]Status, 0, len(g.watches))
	for _, w := range g.watches {
		list = append(list, g.status(w))
	}
	return list
}

func (g *Guard) status(w *watch) Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Status{
		Name: w.Name, Path: w.Path, Free: w.last.free, Total: w.last.total, Inodes: w.last.inodes, Latency: w.took, At: w.at,
		Hung: g.hung(w),
	}
	what := fmt.Sprintf("%s (%s)", w.Name, w.Path)
	switch {
	case s.Hung:
		s.Latency, s.At = g.now().Sub(w.began), w.began
		s.Problem = fmt.Sprintf("%s is hung: no answer since %s; see whether its server and the network to it are up",
			what, w.began.UTC().Format(time.DateTime+" MST"))
	case w.at.IsZero():
		s.Problem = what + " has not been looked at yet"
	case w.last.problem != "":
		s.Problem = what + " " + w.last.problem
	case w.took >= g.config.Timeout:
		s.Problem = fmt.Sprintf("%s is slow: it took %s to write a small file, more than %s (--volume-timeout)",
			what, w.took.Round(time.Millisecond), g.config.Timeout)
	}
	return s
}

// gauges are the numbers that every directory has, and when they are known: nothing seen is not 0.
var gauges = []struct {
	name  string
	known func(s Status) bool
	value func(s Status) float64
}{
	{"up", always, func(s Status) float64 { return is(s.Problem == "") }},
	{"free_bytes", measured, func(s Status) float64 { return float64(s.Free) }},
	{"total_bytes", measured, func(s Status) float64 { return float64(s.Total) }},
	{"free_inodes", measured, func(s Status) float64 { return float64(s.Inodes) }},
	{"latency_seconds", probed, func(s Status) float64 { return s.Latency.Seconds() }},
}

func always(Status) bool     { return true }
func probed(s Status) bool   { return !s.At.IsZero() }
func measured(s Status) bool { return s.Total > 0 }

func is(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

// WriteMetrics writes the metrics of every directory, in Prometheus' text form, the lines of one metric together. It
// asks no disk.
func (g *Guard) WriteMetrics(w io.Writer) {
	list := g.Status()
	for _, gauge := range gauges {
		for _, s := range list {
			if gauge.known(s) {
				name := fmt.Sprintf("bbbpool_volume_%s{volume=%q}", gauge.name, s.Name)
				metrics.WriteGaugeFloat64(w, name, gauge.value(s))
			}
		}
	}
}
