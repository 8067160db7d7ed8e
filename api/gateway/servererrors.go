package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// serverErrors counts the calls that servers did not answer as they should. Counters of a [metrics.Set] would stay when
// a server leaves.
type serverErrors struct {
	mu     sync.Mutex
	counts map[serverError]uint64
}

// serverError is what such calls are counted by.
type serverError struct{ server, call, outcome string }

// failure says in a word what was wrong with an answer; "" is for nothing, or nothing of the server's.
func failure(err error) string {
	failed, ok := errors.AsType[*bbb.CallError](err)
	switch {
	case err == nil, errors.Is(err, errLeft), ok && failed.Reason == bbb.Cancel:
		return ""
	case ok:
		return string(failed.Reason)
	}
	if told, ok := errors.AsType[*bbb.Error](err); ok {
		return told.Key
	}
	return "other"
}

func (s *serverErrors) count(e serverError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[serverError]uint64{}
	}
	s.counts[e]++
}

// write writes the counters of the servers that are in the pool, in Prometheus' text form, and forgets the others.
func (s *serverErrors) write(w io.Writer, inPool func(server string) bool) {
	s.mu.Lock()
	maps.DeleteFunc(s.counts, func(e serverError, _ uint64) bool { return !inPool(e.server) })
	counts := maps.Clone(s.counts)
	s.mu.Unlock()
	order := func(a, b serverError) int {
		return cmp.Or(cmp.Compare(a.server, b.server), cmp.Compare(a.call, b.call), cmp.Compare(a.outcome, b.outcome))
	}
	for _, e := range slices.SortedFunc(maps.Keys(counts), order) {
		name := fmt.Sprintf("bbbpool_server_errors_total{server=%q,call=%q,outcome=%q}", e.server, e.call, e.outcome)
		metrics.WriteCounterUint64(w, name, counts[e])
	}
}
