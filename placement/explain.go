package placement

import (
	"fmt"

	"github.com/bbbpool/bbbpool/store"
)

// Explain says in one line why a meeting is on a server.
func Explain(server string, d store.Decision) string {
	if d == (store.Decision{}) {
		return fmt.Sprintf("%s: it was found there, nobody chose", server)
	}
	if d.Basis == string(Pinned) {
		return fmt.Sprintf("%s: its parent is there", server)
	}
	s := fmt.Sprintf("%s: %d here + %.1f expected + %.0f kept + %.1f own (%s), /%g", server, d.Here, d.Expected, d.Kept,
		d.Own, d.Basis, d.Weight)
	if d.Next != "" {
		s += fmt.Sprintf("; next %s at %.1f", d.Next, d.NextAt)
	}
	return s
}
