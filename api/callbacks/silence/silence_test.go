package silence_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/silence"
	"github.com/bbbpool/bbbpool/api/problems"
)

// counting are counters of a pool whose servers are told an address.
func counting(address string) *silence.Counters {
	start := time.Unix(1_760_000_000, 0)
	return &silence.Counters{Address: func() string { return address }, Now: func() time.Time { return start }}
}

func ends(c *silence.Counters, server string, n int) {
	for range n {
		c.EndSeen(server)
	}
}

// A server none of whose meetings called while polls saw several ends is told of, with what is to be set there.
func TestCounters_Silent(t *testing.T) {
	c := counting("https://pool.example")
	ends(c, "bbb2", silence.Enough)
	ends(c, "bbb1", silence.Enough+2)
	ends(c, "few", silence.Enough-1)
	ends(c, "calls", silence.Enough)
	c.Called("calls")
	c.Called("fine")
	got := c.Problems(t.Context())
	if len(got) != 2 || got[0].Subject != (problems.Subject{Kind: problems.Server, ID: "bbb1"}) || got[1].Subject.ID != "bbb2" {
		t.Fatalf("%+v", got)
	}
	for _, text := range []string{"none of its meetings", "7 ends", "fetchUrlAllowedLocalHosts=pool.example", "bbbpool server test bbb1"} {
		if !strings.Contains(got[0].String(), text) {
			t.Errorf("%q is not in: %s", text, got[0])
		}
	}
	if got[0].Name != "silent" || got[0].Severity == problems.Advised || !got[0].Since.Equal(time.Unix(1_760_000_000, 0)) || got[0].Unready {
		t.Errorf("%+v", got[0])
	}
}

// A call ends it. A server that stops calling, as after an update, is told of like one that never did.
func TestCounters_AnyMore(t *testing.T) {
	c := counting("http://pool.example")
	ends(c, "bbb1", silence.Enough)
	if len(c.Problems(t.Context())) != 1 {
		t.Fatal("nothing is said")
	}
	c.Called("bbb1")
	ends(c, "bbb1", silence.Enough-1)
	if got := c.Problems(t.Context()); got != nil {
		t.Errorf("%+v", got)
	}
	c.EndSeen("bbb1")
	got := c.Problems(t.Context())
	if len(got) != 1 || !strings.Contains(got[0].String(), "any more") ||
		!strings.Contains(got[0].String(), "fetchUrlSupportedProtocols=https,http") {
		t.Errorf("%+v", got)
	}
}

// Where servers are told no address, none is missed.
func TestCounters_NoAddress(t *testing.T) {
	c := counting("")
	ends(c, "bbb1", 100)
	if got := c.Problems(t.Context()); got != nil {
		t.Errorf("%+v", got)
	}
	var zero silence.Counters
	ends(&zero, "bbb1", 100)
	if got := zero.Problems(t.Context()); got != nil {
		t.Errorf("%+v", got)
	}
}

// A server that leaves takes its counts along: another one by its name begins anew.
func TestCounters_Left(t *testing.T) {
	c := counting("https://pool.example")
	here := true
	c.InPool = func(string) bool { return here }
	ends(c, "bbb1", silence.Enough)
	here = false
	if got := c.Problems(t.Context()); got != nil {
		t.Errorf("%+v", got)
	}
	here = true
	ends(c, "bbb1", 1)
	if got := c.Problems(t.Context()); got != nil {
		t.Errorf("%+v", got)
	}
}

// However many servers somebody names, the counts are bounded, and may be asked for by several at once.
func TestCounters_Bounded(t *testing.T) {
	c := counting("https://pool.example")
	var all sync.WaitGroup
	for part := range 4 {
		all.Go(func() {
			for i := range 3000 {
				ends(c, strconv.Itoa(part*3000+i), silence.Enough)
			}
			c.Called(strconv.Itoa(part))
			_ = c.Problems(t.Context())
		})
	}
	all.Wait()
	if got := len(c.Problems(t.Context())); got < 9000 || got > 10_000 {
		t.Errorf("%d are counted", got)
	}
}
