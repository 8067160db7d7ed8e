package peers_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/bbbpool/bbbpool/api/instances/peers"
)

// Whoever opens connections and says nothing, from wherever the address can be reached, keeps no instance from another.
func TestServer_Strangers(t *testing.T) {
	keys := &kept{}
	addr := serve(t, identity(t, keys))
	for range 600 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	client := peers.Transport(identity(t, keys), nil)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hello" {
		t.Errorf("%q, %v", body, err)
	}
}
