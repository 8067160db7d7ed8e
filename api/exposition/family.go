// Package exposition says which metrics there are, and writes them as Prometheus reads them.
//
// Each package that measures something declares its families once, in one block: a constant with the name, and a table
// with type and help. The package never measures anything itself.
package exposition

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
