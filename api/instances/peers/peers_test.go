package peers_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/peers"
)

// kept keeps a key as the shared store does.
type kept struct {
	mu  sync.Mutex
	key []byte
}

func (k *kept) PeerKey(_ context.Context, fresh []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key == nil {
		k.key = fresh
	}
	return bytes.Clone(k.key), nil
}

func identity(t *testing.T, keys peers.Keys) *peers.Identity {
	t.Helper()
	i := &peers.Identity{Keys: keys}
	if err := i.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return i
}

// serve starts a listener that answers "hello".
func serve(t *testing.T, who *peers.Identity) string {
	t.Helper()
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	s, err := peers.Listen(t.Context(), "127.0.0.1:0", who, hello, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String()
}

// ask sends a request with a client configuration, and returns what was answered.
func ask(t *testing.T, addr string, transport http.RoundTripper) (string, error) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+addr, nil)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func transport(t *testing.T, who *peers.Identity) *http.Transport {
	tr := peers.Transport(who, nil)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// Instances with one key understand each other; those with another, without one, and plain HTTP get nowhere, whichever side
// they are on.
func TestServer(t *testing.T) {
	keys := &kept{}
	a, b, stranger := identity(t, keys), identity(t, keys), identity(t, &kept{})
	addr := serve(t, a)
	if said, err := ask(t, addr, transport(t, b)); err != nil || said != "hello" {
		t.Errorf("%q, %v", said, err)
	}
	if said, err := ask(t, addr, transport(t, stranger)); err == nil {
		t.Errorf("a stranger was told %q", said)
	}
	if said, err := ask(t, serve(t, stranger), transport(t, b)); err == nil {
		t.Errorf("a stranger has said %q", said)
	}
	bare := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // whom it talks to is not the question
	t.Cleanup(bare.CloseIdleConnections)
	if said, err := ask(t, addr, bare); err == nil {
		t.Errorf("somebody without a certificate was told %q", said)
	}
	old := b.Client()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if said, err := ask(t, addr, &http.Transport{TLSClientConfig: old}); err == nil {
		t.Errorf("TLS 1.2 was told %q", said)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if said, _ := io.ReadAll(conn); bytes.Contains(said, []byte("hello")) {
		t.Errorf("plain HTTP was told %q", said)
	}
}

// A key that the store has lost is put back by those that have it; one that was changed is taken over.
func TestIdentity_Refresh(t *testing.T) {
	keys := &kept{}
	a, b := identity(t, keys), identity(t, keys)
	first := keys.key
	keys.key = nil
	if err := a.Refresh(t.Context()); err != nil || !bytes.Equal(keys.key, first) {
		t.Errorf("the key was not put back: %v", err)
	}
	keys.key = bytes.Repeat([]byte("k"), 32)
	if err := a.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	addr := serve(t, a)
	if _, err := ask(t, addr, transport(t, b)); err == nil {
		t.Error("the former key still opens")
	}
	if err := b.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, addr, transport(t, b)); err != nil {
		t.Error(err)
	}
}

// A key that is empty or short verifies nobody.
func TestIdentity_Strange(t *testing.T) {
	for _, key := range [][]byte{{}, []byte("short"), bytes.Repeat([]byte("k"), 2000)} {
		i := &peers.Identity{Keys: &kept{key: key}}
		if i.Refresh(t.Context()) == nil {
			t.Errorf("a key of %d bytes was taken", len(key))
		}
	}
}
