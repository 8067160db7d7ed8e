package relay_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/instances/relay"
)

// A leader that keeps the lease and that nothing is heard of, as where the network swallows what is sent to it, is not waited for;
// one that is heard is, however long a request takes.
func TestHandOn_Silent(t *testing.T) {
	b := start(t, "b", nil)
	b.Wait = 50 * time.Millisecond
	silent, got := dying(t)
	lead(silent.lease, silent, b)
	long := time.Now().Add(-time.Hour)
	b.Heard = func() time.Time { return long }
	if w, ok := b.handOn(t, "GET", "/bigbluebutton/api/create", ""); ok || w.Body.Len() > 0 || len(got) != 1 {
		t.Errorf("%v %q, sent %d times", ok, w.Body, len(got))
	}
	slow := start(t, "c", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(4 * b.Wait) // as a server of BigBlueButton may
		_, _ = io.WriteString(w, "done")
	})
	lead(slow.lease, slow, b)
	b.Heard = time.Now
	if w, ok := b.handOn(t, "GET", "/bigbluebutton/api/create", ""); !ok || w.Body.String() != "done" {
		t.Errorf("%v %q", ok, w.Body)
	}
}

// The answer to a HEAD has a length and no body.
func TestHandOn_Head(t *testing.T) {
	a := start(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusTeapot)
	})
	b := start(t, "b", nil)
	lead(a.lease, a, b)
	w, ok := b.handOn(t, "HEAD", "/bigbluebutton/api/getMeetingInfo", "")
	if !ok || w.Code != http.StatusTeapot || w.Header().Get("Content-Length") != "100" {
		t.Errorf("%v %d %v", ok, w.Code, w.Header())
	}
}

// One that has come to lead, and ceases to in the middle of a call that it has waited with, has the next leader asked: what it would
// say to another instance is for no front end.
func TestHandOn_OwnCeasedToLead(t *testing.T) {
	c := start(t, "c", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "second "+r.Header.Get("Bbbpool-Again"))
	})
	var b *instance
	b = start(t, "b", func(w http.ResponseWriter, _ *http.Request) {
		lead(c.lease, b, c)
		w.Header().Set("Bbbpool-Message-Key", "poolUnavailable")
		w.Header().Set("Content-Length", "6")
		w.WriteHeader(relay.NotLeader)
		_, _ = io.WriteString(w, "FAILED")
	})
	lead(b.lease, b)
	w, ok := b.handOn(t, "GET", "/bigbluebutton/api/create", "")
	if !ok || w.Code != http.StatusOK || w.Body.String() != "second " || w.Header().Get("Bbbpool-Message-Key") != "" {
		t.Errorf("%v %d %q %v", ok, w.Code, w.Body, w.Header())
	}
}

// What a front end may send can be handed on, however large that is set to be.
func TestHandOn_Large(t *testing.T) {
	var got int64
	b := start(t, "b", func(_ http.ResponseWriter, r *http.Request) { got = r.ContentLength })
	lead(b.lease, b)
	large := string(make([]byte, 64<<20+1))
	if _, ok := b.handOn(t, "POST", "/bigbluebutton/api/create", large); ok {
		t.Error("it is handed on, and larger than anything that a front end may send")
	}
	b.MaxBody = 65 << 20
	if _, ok := b.handOn(t, "POST", "/bigbluebutton/api/create", large); !ok || got != int64(len(large)) {
		t.Errorf("%v, %d bytes", ok, got)
	}
}

// An instance that was stopped has heard nothing for long, and finds what has come meanwhile a moment later.
func TestHandOn_Stopped(t *testing.T) {
	b := start(t, "b", nil)
	b.Wait = 200 * time.Millisecond
	var asked atomic.Int32
	b.Heard = func() time.Time {
		if asked.Add(1) <= 2 { // at the beginning, and right after it was stopped
			return time.Now().Add(-time.Hour)
		}
		return time.Now()
	}
	slow := start(t, "c", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * b.Wait) // as a server of BigBlueButton may
		_, _ = io.WriteString(w, "done")
	})
	lead(slow.lease, slow, b)
	if w, ok := b.handOn(t, "GET", "/bigbluebutton/api/create", ""); !ok || w.Body.String() != "done" {
		t.Errorf("%v %q", ok, w.Body)
	}
}
