package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A command that waits for a lease says so, and one that does not says nothing.
func TestPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		shared := true
		e := &Env{Err: &said, Elsewhere: func() bool { return shared }}
		end := e.patiently()
		end()
		shared = false
		end = e.patiently()
		synctest.Wait()
		end()
		if said.Len() > 0 {
			t.Errorf("said %q", said.String())
		}
		shared = true
		end = e.patiently()
		time.Sleep(patience + 1) // of the bubble's clock
		synctest.Wait()
		end()
		if !strings.Contains(said.String(), "waiting until it is certain") {
			t.Errorf("said %q", said.String())
		}
	})
}
