package peers_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/peers"
)

// What is under way when an instance ends is answered, and not given up: an answer that says nothing would be taken for one.
func TestServer_Drains(t *testing.T) {
	who := identity(t, &kept{})
	got, release := make(chan bool), make(chan bool)
	s, err := peers.Listen(t.Context(), "127.0.0.1:0", who, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- true
		select {
		case <-r.Context().Done():
		case <-release:
			_, _ = io.WriteString(w, "whole")
		}
	}), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	answer := make(chan string)
	tr := transport(t, who)
	go func() {
		said, err := ask(t, s.Addr().String(), tr)
		if err != nil {
			said = err.Error()
		}
		answer <- said
	}()
	<-got
	stop()
	for closed := false; !closed; { // it ends
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr().String())
		if closed = err != nil; !closed {
			_ = conn.Close()
		}
	}
	close(release)
	if said := <-answer; said != "whole" {
		t.Errorf("it says %q", said)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
