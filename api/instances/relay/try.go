package relay

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// keyHeader is how the gateway of an instance says what was wrong with a call.
const keyHeader = "Bbbpool-Message-Key"

// passing are the answers of a leader that has ceased to lead in the middle of a call, or is about to, for it does not reach the
// shared store any more: the next one may do better.
var passing = map[string]bool{"poolUnavailable": true, "databaseUnavailable": true}

// maxHeld is how large an answer may be that is held until it is whole, so that one which breaks off can be asked for again.
const maxHeld = 1 << 20

// try sends the request to a leader. It tells whether it was answered, or else whether the leader may have got it whole.
func (e *errand) try(w http.ResponseWriter, l store.Lease) (done, sent bool) {
	ctx, cancel := context.WithCancel(e.req.Context())
	defer cancel()
	var wrote atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }}
	out, err := e.outgoing(httptrace.WithClientTrace(ctx, trace), l.Address)
	if err != nil {
		return false, false
	}
	answered := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		e.watch(l, answered, cancel)
	}()
	resp, err := e.relay.Client.RoundTrip(out)
	var head []byte
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		head, err = hold(resp)
	}
	close(answered)
	<-watched
	if err == nil {
		err = ctx.Err() // what was answered then is what became of a call that we have broken off
	}
	if err != nil {
		e.relay.Log.Debug().Err(err).Str("leader", l.Holder).Msg("a request could not be handed on")
		return false, wrote.Load() && !e.deaf.Load()
	}
	e.perhaps = e.perhaps || resp.Header.Get(againHeader) != ""
	if resp.StatusCode == NotLeader {
		return false, false
	}
	if passing[resp.Header.Get(keyHeader)] && e.repeatable && len(head) > 0 {
		e.last, e.lastBody = resp, head
		return false, false
	}
	pass(w, resp, head)
	return true, true
}

// watch gives up on a leader when there is another: one that hangs never says that it will not answer. And it gives up on one
// that is not heard any more.
func (e *errand) watch(l store.Lease, answered <-chan struct{}, cancel context.CancelFunc) {
	silent := time.NewTimer(e.patience())
	defer silent.Stop()
	for doubt := false; ; {
		now, changed := e.relay.Leaders.Leader()
		if now.Holder != "" && (now.Holder != l.Holder || now.Epoch != l.Epoch) {
			cancel()
			return
		}
		select {
		case <-answered:
			return
		case <-changed:
		case <-silent.C:
			more := e.patience()
			switch {
			case more > 0:
				doubt = false
			case doubt:
				e.deaf.Store(true)
				cancel()
				return
			default: // this instance may have been stopped, and what has come meanwhile is about to be read
				doubt, more = true, e.moment()
			}
			silent.Reset(more)
		}
	}
}

// moment is how long it is waited once more, at the end of the time that there is.
func (e *errand) moment() time.Duration { return e.relay.Wait / 20 }

// patience is for how much longer, but for the last moment, a leader is waited for that has a request, if nothing is heard of it.
func (e *errand) patience() time.Duration {
	if e.relay.Heard == nil {
		return time.Hour
	}
	until := e.relay.Heard().Add(e.relay.Wait)
	if until.Before(e.until) {
		until = e.until
	}
	return time.Until(until) - e.moment()
}

// hold reads an answer that says that it is small. One to a HEAD says how long another one would be.
func hold(resp *http.Response) ([]byte, error) {
	if resp.ContentLength <= 0 || resp.ContentLength > maxHeld || resp.Body == http.NoBody {
		return nil, nil
	}
	var held bytes.Buffer
	_, err := io.CopyN(&held, resp.Body, resp.ContentLength)
	return held.Bytes(), err
}

// pass gives an answer to whoever has asked, piece by piece as it comes. One that breaks off in the middle ends the connection,
// so that nobody takes it for whole.
func pass(w http.ResponseWriter, resp *http.Response, head []byte) {
	length := resp.Header.Get("Content-Length")
	strip(resp.Header)
	resp.Header.Del(againHeader)
	maps.Copy(w.Header(), resp.Header)
	if length != "" {
		w.Header().Set("Content-Length", length)
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := w.Write(head); err != nil {
		return
	}
	if len(head) > 0 {
		return
	}
	control := http.NewResponseController(w)
	piece := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(piece)
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil {
				return
			}
			_ = control.Flush() // where it cannot, the whole goes out at the end
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}
