package instances_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// An instance that tells others an address which does not lead to it says so, and leaves the lead to one that they can reach.
func TestInstance_WrongAddress(t *testing.T) {
	t.Parallel()
	url := store.Secret(servers.Redis(t).URL())
	service := httptest.NewUnstartedServer(http.NotFoundHandler()) // somebody else's
	service.Config.ErrorLog = log.New(io.Discard, "", 0)
	service.StartTLS()
	defer service.Close()
	a := start(t, url)
	eventually(t, "it does not lead", a.Leading)
	wrong := startAt(t, url, service.Listener.Addr().String())
	eventually(t, "it does not say that its address is wrong", func() bool {
		list := wrong.Problems(t.Context())
		return len(list) > 0 && strings.Contains(list[0].String(), "--instance-address") && !list[0].Unready
	})
	b := start(t, url)
	b.all(t, "")
	if err := b.StepDown(t.Context(), a.ID()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another one leads", func() bool { return b.Leading() || wrong.Leading() })
	if wrong.Leading() {
		t.Error("one leads that nobody can reach")
	}
	if a.write(t, "1") != b.ID() {
		t.Error("it is decided by another one")
	}
}
