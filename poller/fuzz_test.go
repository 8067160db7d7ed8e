package poller_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Whatever another instance says, we go on: what is known of servers can be asked for, and is told again.
func FuzzHear(f *testing.F) {
	known, err := os.ReadFile("observed/testdata/frames.golden")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(known)) {
		f.Add([]byte(line), []byte(line))
	}
	f.Fuzz(func(t *testing.T, one, other []byte) {
		r := newRig(t, config(), time.Now, "bbb1")
		for i, frame := range [][]byte{one, other, one} {
			_ = r.Take(frame) // an error says that nothing was taken
			_ = r.Hear(frame, i == 0)
		}
		r.Servers()
		r.Problems(t.Context())
		r.Meetings(store.DefaultTenant)
		for range r.Copies(key("r1")) {
		}
		r.Tell(func(frame []byte) {
			if err := r.Hear(frame, false); err != nil {
				t.Errorf("what was heard cannot be told: %s: %v", frame, err)
			}
		})()
	})
}
