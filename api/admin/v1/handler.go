package v1

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// HandlerTransport calls a handler in this process. With it a [Client] works on a data directory that no running
// program serves.
func HandlerTransport(h http.Handler) http.RoundTripper { return handlerTransport{h} }

type handlerTransport struct{ handler http.Handler }

// RoundTrip has the handler answer a request, and returns as soon as the answer begins.
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	r = r.Clone(ctx)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	reader, writer := io.Pipe()
	answer := &answer{header: http.Header{}, begun: make(chan struct{}), body: writer}
	ended, trailer := make(chan struct{}), http.Header{}
	go func() {
		defer close(ended)
		t.handler.ServeHTTP(answer, r)
		answer.WriteHeader(http.StatusOK)
		for _, name := range answer.sent.Values("Trailer") {
			trailer.Set(name, answer.header.Get(name)) // to be read after the end of the body
		}
		_ = r.Body.Close()
		_ = writer.Close() // never fails
	}()
	<-answer.begun
	return &http.Response{
		StatusCode: answer.status, Status: http.StatusText(answer.status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.sent, Trailer: trailer, Body: &answerBody{reader, cancel, ended}, ContentLength: -1, Request: r,
	}, nil
}

// answerBody is read while the handler writes.
type answerBody struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  chan struct{}
}

// Close ends the handler, and returns when it is done: nothing is used any more then that it has used.
func (b *answerBody) Close() error {
	b.cancel()
	err := b.PipeReader.Close()
	<-b.ended
	return err
}

// answer is what a handler writes to.
type answer struct {
	header http.Header
	once   sync.Once
	begun  chan struct{} // closed when status and sent are there
	status int
	sent   http.Header
	body   *io.PipeWriter
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.begun)
	})
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// Flush has nothing to do: what is written is read at once.
func (a *answer) Flush() {}
