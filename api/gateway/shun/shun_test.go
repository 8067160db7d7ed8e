package shun_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/gateway/shun"
)

// A server that failed at what another one has made is shunned for a while, for longer each time, and not any more once it has made
// something itself.
func TestServers(t *testing.T) {
	var s shun.Servers
	check := func(after time.Duration, want ...string) {
		t.Helper()
		got := s.List(time.Now().Add(after))
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("after %s %q are shunned, want %q", after, got, want)
		}
	}
	check(0)
	s.Succeeded("a", []string{"b", "a"})
	check(time.Second, "b")
	check(6 * time.Second)
	s.Succeeded("a", []string{"b"})
	check(8*time.Second, "b")
	s.Long("c")
	check(time.Minute, "c")
	check(3 * time.Minute)
	for range 10 {
		s.Long("c")
	}
	check(4*time.Minute, "c")
	check(6 * time.Minute)
	s.Succeeded("c", nil)
	check(time.Second, "b")
}
