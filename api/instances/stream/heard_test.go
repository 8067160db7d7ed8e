package stream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/instances/stream"
)

// The leader waits until its followers have heard what was told, and no longer than it must; for one that does not say so it waits
// until nobody goes by the news of before.
func TestHub_Heard(t *testing.T) {
	told := newPart("a")
	l, client := lead(t, 7, map[string]stream.News{"claims": told})
	l.hub.Heard(t.Context()) // nobody follows
	want, heard := []string{"a"}, []*part{newPart(), newPart()}
	for _, one := range heard {
		e := newEpochs()
		f := follow(t, e, client, map[string]stream.News{"claims": one})
		e.set(l.lease)
		eventually(t, f.Fresh)
	}
	for early := 0; early < 3; { // as long as the machine takes to be quick enough
		line := fmt.Sprint(len(want))
		want = append(want, line)
		told.add(line)
		begun := time.Now()
		l.hub.Heard(t.Context())
		if time.Since(begun) >= stream.FreshFor {
			continue
		}
		early++
		for _, one := range heard {
			one.mu.Lock()
			if last := one.lines[len(one.lines)-1]; last != line {
				t.Errorf("the last that it has heard is %s, want %s", last, line)
			}
			one.mu.Unlock()
		}
	}

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.lease.Address+stream.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.RoundTrip(r) // one of before, that answers nothing
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, resp.Body)
		close(read)
	}()
	for _, what := range []string{"is silent", "has gone"} {
		eventually(t, func() bool { return (what == "is silent") == (l.hub.Followers() == 3) })
		begun := time.Now()
		l.hub.Heard(t.Context())
		if took := time.Since(begun); took < stream.FreshFor {
			t.Errorf("of one that %s nobody knows what it goes by, and it was waited for %s", what, took)
		}
		if what == "is silent" {
			_ = resp.Body.Close()
			<-read
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	l.hub.Heard(ended)
	for _, body := range []string{"", "{", `{"stream":"x","number":1}`, strings.Repeat("x", 10<<10)} {
		if err := post(t, client, l.lease.Address, body); err != nil {
			t.Error(err)
		}
	}
}

// post sends an answer that nobody has asked for.
func post(t *testing.T, client http.RoundTripper, addr, body string) error {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+addr+stream.HeardPath, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.RoundTrip(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
