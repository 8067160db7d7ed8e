package demo_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/api/cli/demo"
)

// An address on all interfaces is no address to call.
func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"[::]:80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "127.0.0.2:80": "127.0.0.2:80", "[::1]:80": "[::1]:80",
	} {
		if got := demo.Reachable(listen); got != want {
			t.Errorf("%s became %s, want %s", listen, got, want)
		}
	}
}
