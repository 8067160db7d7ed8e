package simulate

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// Report is how the rules did.
type Report struct {
	// Rules are the figures by rule, for one trace or one kind of day; means where there were several seeds.
	Rules map[string]Row `json:"rules,omitempty"`
	// Traces are the figures by kind of day and number of servers, as "uni-20", where there were several kinds or seeds.
	Traces map[string]Trace `json:"traces,omitempty"`

	seeds int
	rules []string // in the order of the table
	order []string // of the traces, likewise
	all   map[string]Trace
}

// Trace is how the rules did on one trace, or on a kind of day.
type Trace struct {
	// LowerBound is a load, in people per weight, that some server has at some time whatever the rule.
	LowerBound float64        `json:"lower_bound"`
	Meetings   float64        `json:"meetings"` // that were placed
	Rules      map[string]Row `json:"rules"`
}

// Row is the figures of one rule: the means over the seeds, with their 95 % intervals where there were several.
type Row struct {
	Measures
	*Intervals
}

// Intervals are half the widths of 95 % intervals of means.
type Intervals struct {
	MaxLB           float64 `json:"max_lb_ci"`
	PeakImbalance   float64 `json:"peak_imbalance_ci"`
	OverMinutes     float64 `json:"over_minutes_ci"`
	AvoidableExcess float64 `json:"avoidable_excess_ci"`
	PeakMax         float64 `json:"peak_max_ci"`
}

// newReport sums up jobs, which are in the order of kinds and seeds.
func newReport(o Options, jobs []*job) Report {
	r := Report{seeds: o.Seeds, rules: o.rules(), all: map[string]Trace{}}
	for ; len(jobs) > 0; jobs = jobs[o.Seeds:] {
		name := "trace"
		if kind := jobs[0].kind; kind != "" {
			name = fmt.Sprintf("%s-%d", kind, o.Servers)
		}
		r.order = append(r.order, name)
		r.all[name] = newTrace(r.rules, jobs[:o.Seeds])
	}
	if len(r.order) == 1 {
		r.Rules = r.all[r.order[0]].Rules
	}
	if len(r.order) > 1 || o.Seeds > 1 {
		r.Traces = r.all
	}
	return r
}

func newTrace(rules []string, jobs []*job) Trace {
	t := Trace{Rules: map[string]Row{}}
	for _, j := range jobs {
		t.LowerBound += j.bound / float64(len(jobs))
		t.Meetings += float64(j.meetings) / float64(len(jobs))
	}
	for i, rule := range rules {
		samples := make([]Measures, 0, len(jobs))
		for _, j := range jobs {
			samples = append(samples, j.measures[i])
		}
		t.Rules[rule] = newRow(samples)
	}
	return t
}

func newRow(samples []Measures) Row {
	var m Measures
	var i Intervals
	m.MaxLB, i.MaxLB = mean(samples, func(m Measures) float64 { return m.MaxLB })
	m.PeakImbalance, i.PeakImbalance = mean(samples, func(m Measures) float64 { return m.PeakImbalance })
	m.OverMinutes, i.OverMinutes = mean(samples, func(m Measures) float64 { return m.OverMinutes })
	m.AvoidableExcess, i.AvoidableExcess = mean(samples, func(m Measures) float64 { return m.AvoidableExcess })
	m.PeakMax, i.PeakMax = mean(samples, func(m Measures) float64 { return m.PeakMax })
	if len(samples) == 1 {
		return Row{Measures: m}
	}
	return Row{m, &i}
}

// mean returns the mean, and half the width of its 95 % interval.
func mean(samples []Measures, of func(Measures) float64) (mean, interval float64) {
	n := float64(len(samples))
	for _, s := range samples {
		mean += of(s) / n
	}
	if n < 2 {
		return mean, 0
	}
	squares := 0.0
	for _, s := range samples {
		squares += (of(s) - mean) * (of(s) - mean)
	}
	return mean, student(len(samples)-1) * math.Sqrt(squares/(n-1)/n)
}

// student is the 97.5 % quantile of Student's t distribution, by its expansion around the normal quantile (Abramowitz
// and Stegun 26.7.5), exact to 0.01 from 4 degrees of freedom on; below, from the table.
func student(degrees int) float64 {
	if table := []float64{12.706, 4.303, 3.182}; degrees <= len(table) {
		return table[degrees-1]
	}
	const x = 1.959964
	n := float64(degrees)
	return x + (x*x*x+x)/(4*n) + (5*math.Pow(x, 5)+16*x*x*x+3*x)/(96*n*n) +
		(3*math.Pow(x, 7)+19*math.Pow(x, 5)+17*x*x*x-15*x)/(384*n*n*n)
}

// Table writes the report as text, a line for each rule.
func (r Report) Table(w io.Writer) error {
	var b bytes.Buffer
	for i, name := range r.order {
		if i > 0 {
			b.WriteByte('\n')
		}
		r.table(&b, name)
	}
	_, err := b.WriteTo(w)
	return err
}

// table adds one trace.
func (r Report) table(b *bytes.Buffer, name string) {
	t := r.all[name]
	fmt.Fprintf(b, "%s: %.0f meetings, fullest server at least %.0f", name, t.Meetings, t.LowerBound)
	if r.seeds > 1 {
		fmt.Fprintf(b, ", %d seeds, means ± 95 %%", r.seeds)
	}
	b.WriteByte('\n')
	out := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) { _, _ = out.Write([]byte(strings.Join(cells, "\t") + "\t\n")) }
	line("rule", "max/best", "peak max/mean", "server-min over", "avoidable excess", "fullest")
	for _, rule := range r.rules {
		m, i := t.Rules[rule].Measures, t.Rules[rule].Intervals
		if i == nil {
			i = &Intervals{}
		}
		line(rule, r.cell(2, m.MaxLB, i.MaxLB), r.cell(2, m.PeakImbalance, i.PeakImbalance),
			r.cell(0, m.OverMinutes, i.OverMinutes), r.cell(0, m.AvoidableExcess, i.AvoidableExcess),
			r.cell(0, m.PeakMax, i.PeakMax))
	}
	_ = out.Flush() // a buffer takes all
}

// cell is a figure with so many digits after the point.
func (r Report) cell(digits int, mean, interval float64) string {
	if r.seeds == 1 {
		return fmt.Sprintf("%.*f", digits, mean)
	}
	return fmt.Sprintf("%.*f±%.*f", digits, mean, digits, interval)
}
