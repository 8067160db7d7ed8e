// Package exposition says which metrics there are, and writes them as Prometheus reads them.
//
// Each package that measures something declares its families once, in one block: a constant with the name, and a table
// with type and help. The package never measures anything itself, but for what Go and the system say of the process, which
// is nobody else's.
package exposition

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metrics"
)

// Type is the type of a metric, as Prometheus knows it.
type Type string

// The types of metrics.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
	Summary   Type = "summary"
)

// Family is a metric with all its labels.
type Family struct {
	Name string
	Type Type
	Help string // one sentence
}

// ours begins the names of everything that bbbpool measures itself.
const ours = "bbbpool_"

// Writer writes pages of metrics. It knows which families there are, and keeps nothing between two pages.
//
// The library that measures writes samples alone, each set in an order of its own. Prometheus wants the samples of a family
// together, after its help and its type; and help and type are what a dashboard's author has to go by. To have the library
// write them would need one call for each sample at the place where it is measured, far from the others of its family.
type Writer struct {
	families map[string]Family
}

// New returns a writer of these families, and of those that Go and the process have.
func New(tables ...[]Family) *Writer {
	w := &Writer{families: map[string]Family{}}
	for _, family := range slices.Concat(append(tables, own)...) {
		w.families[family.Name] = family
	}
	return w
}

// Write writes a page of samples, and behind it what Go and the system say of the process. A family of ours that nobody has
// declared is shown without help, so that it is not missed while somebody forgets it; one of Go or of the process is not
// shown.
func (w *Writer) Write(to io.Writer, page []byte) error {
	whole := bytes.NewBuffer(slices.Clip(page))
	metrics.WriteProcessMetrics(whole)
	metrics.WriteFDMetrics(whole)
	var out bytes.Buffer
	for _, s := range w.sort(whole.Bytes()) {
		if s.family.Help != "" {
			out.WriteString("# HELP " + s.family.Name + " " + s.family.Help + "\n")
			out.WriteString("# TYPE " + s.family.Name + " " + string(s.family.Type) + "\n")
		}
		out.Write(s.lines)
	}
	_, err := to.Write(out.Bytes())
	return err
}

// samples are the lines of one family.
type samples struct {
	family Family
	lines  []byte
}

// sort puts the lines of a family together, in the order in which the families come.
func (w *Writer) sort(page []byte) (order []*samples) {
	byName := map[string]*samples{}
	for line := range bytes.Lines(page) {
		family := w.familyOf(string(line))
		if family.Help == "" && !strings.HasPrefix(family.Name, ours) {
			continue
		}
		s := byName[family.Name]
		if s == nil {
			s = &samples{family: family}
			order, byName[family.Name] = append(order, s), s
		}
		s.lines = append(s.lines, line...)
	}
	return order
}

// familyOf is the family that a line belongs to: those of a histogram and of a summary are named after it, and more.
func (w *Writer) familyOf(line string) Family {
	name := line[:max(0, strings.IndexAny(line, "{ "))]
	if family, known := w.families[name]; known {
		return family
	}
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, part); ok {
			if family := w.families[base]; family.Type == Histogram || family.Type == Summary {
				return family
			}
		}
	}
	return Family{Name: name}
}
