package roster

import (
	"strings"
	"testing"
)

// Any host has a name that can be an ID.
func TestDeriveID(t *testing.T) {
	for host, want := range map[string]string{
		"BBB1.Example.ORG": "bbb1.example.org", "[::1]:8080": "1", "-_.": "server", "ümlaut.example": "mlaut.example",
		strings.Repeat("a", 100): strings.Repeat("a", 64), "taken": "taken-3",
		strings.Repeat("b", 64): strings.Repeat("b", 62) + "-2",
	} {
		taken := map[string]bool{"taken": true, "taken-2": true, strings.Repeat("b", 64): true}
		if got := deriveID("https://"+host+"/bigbluebutton/api", taken); got != want {
			t.Errorf("%s became %q, want %q", host, got, want)
		}
	}
}
