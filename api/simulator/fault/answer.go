package fault

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Answerer answers a request for a call as a fault would have it. A request that is never answered blocks, and then panics
// with [http.ErrAbortHandler], which cuts the connection.
type Answerer func(call string, answer http.HandlerFunc, w http.ResponseWriter, r *http.Request)

// Arrived returns what answers a request that has come in now. The fault is the one of this moment: who counts the request
// afterwards, and sees the count, knows that it has met the fault.
func (p *Port) Arrived() Answerer {
	f := p.fault.Load()
	return func(call string, answer http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
		p.answer(f, call, answer, w, r)
	}
}

func (p *Port) answer(f *atWork, call string, answer http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	if !f.concerns(call) {
		answer(w, r)
		return
	}
	switch f.Kind {
	case Refuse, Hang:
		p.wait(r.Context(), f.healed, 0)
		panic(http.ErrAbortHandler)
	case BlackHole:
		p.wait(r.Context(), f.healed, 0)
		answer(w, r)
	case Slow:
		p.slowly(f, answer, w, r)
	case ServerError:
		WritePage(w, f.Status)
	case Garbage, Truncated, Malformed:
		spoilt := &recorder{header: w.Header()}
		answer(spoilt, r)
		spoilt.send(w, f.Kind)
	}
}

// concerns tells whether the fault, if there is one, concerns a call.
func (f *atWork) concerns(call string) bool {
	return f != nil && (len(f.Calls) == 0 || slices.Contains(f.Calls, call))
}

// wait returns when c is closed or the time is up, and does not return at all where there is nobody left to answer.
func (p *Port) wait(ctx context.Context, c <-chan struct{}, d time.Duration) {
	var up <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		up = timer.C
	}
	select {
	case <-c:
	case <-up:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	case <-p.ended:
		panic(http.ErrAbortHandler)
	}
}

// slowly answers late. The work is done even if the caller has hung up by then, so the body is read first.
func (p *Port) slowly(f *atWork, answer http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, p.maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if f.Delay > 0 {
		p.wait(context.WithoutCancel(r.Context()), nil, f.Delay)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer(w, r)
}

// WritePage writes what BigBlueButton shows when something went wrong that it did not expect.
func WritePage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>"+http.StatusText(status)+"</title></head><body><h1>"+
		http.StatusText(status)+"</h1></body></html>\n")
}

// recorder keeps an answer, to be spoilt.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// send sends what is left of the answer.
func (r *recorder) send(w http.ResponseWriter, kind Kind) {
	body := r.body.Bytes()
	switch kind {
	case Garbage:
		body = []byte("\x00\x9f\x92\x96 <<< this is not the answer that you are looking for")
	case Truncated:
		body = body[:len(body)/2]
	case Malformed:
		body = malform(body)
	case Refuse, BlackHole, Hang, Slow, ServerError:
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	_, _ = w.Write(body) // the caller hung up: nobody is left to tell
}

// malform puts text that XML forbids behind the first name of a meeting, or where there is none behind the return
// code.
func malform(body []byte) []byte {
	const bad = " \x01\xff & <b"
	for _, tag := range []string{"</meetingName>", "</returncode>"} {
		if i := bytes.Index(body, []byte(tag)); i >= 0 {
			if tag == "</returncode>" {
				i += len(tag)
			}
			return slices.Concat(body[:i], []byte(bad), body[i:])
		}
	}
	return append([]byte(bad), body...)
}
