package playback

import (
	"fmt"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The names of the metrics.
const (
	requestsTotal = "bbbpool_playback_requests_total"
	bytesTotal    = "bbbpool_playback_bytes_total"
)

// Families are the metrics of playback.
var Families = []exposition.Family{
	{Name: requestsTotal, Type: exposition.Counter, Help: "Requests of viewers, by format and outcome."},
	{Name: bytesTotal, Type: exposition.Counter, Help: "Bytes that viewers got."},
}

// counted are the requests that were answered. Their labels are few: formats that BigBlueButton has, and our own outcomes.
type counted struct {
	set    *metrics.Set
	mu     sync.Mutex
	series map[[2]string]*metrics.Counter
}

// open makes the usual series at 0, so that the first request of a kind is seen as an increase.
func (c *counted) open(set *metrics.Set) {
	c.set = set
	c.set.GetOrCreateCounter(bytesTotal)
	for _, format := range []string{presentation, "video"} {
		for _, outcome := range []string{outcomeServed, outcomeDenied, outcomeHung, outcomeBusy, outcomeFailed} {
			c.of([2]string{format, outcome})
		}
	}
}

// add counts a request.
func (c *counted) add(at place, w *flow) {
	c.set.GetOrCreateCounter(bytesTotal).AddInt64(w.bytes)
	c.of([2]string{label(at), w.outcome}).Inc()
}

func (c *counted) of(labels [2]string) *metrics.Counter {
	c.mu.Lock()
	defer c.mu.Unlock()
	counter := c.series[labels]
	if counter == nil {
		counter = c.set.GetOrCreateCounter(fmt.Sprintf("%s{format=%q,outcome=%q}", requestsTotal, labels[0], labels[1]))
		if c.series == nil {
			c.series = map[[2]string]*metrics.Counter{}
		}
		c.series[labels] = counter
	}
	return counter
}

// label is the format, as far as it is one that is generally known.
func label(at place) string {
	switch at.kind {
	case nowhere:
		return "none"
	case player:
		return "player"
	default:
	}
	switch at.format {
	case presentation, "video", "screenshare", "podcast", "notes", "statistics", "capture":
		return at.format
	}
	return "other"
}
