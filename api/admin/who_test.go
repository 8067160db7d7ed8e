package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Each change says in the log who has made it: a user of this machine on the socket, the holder of a token elsewhere.
func TestAPI_Log_Who(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	p.api.Token = "t0ken"
	dir := t.TempDir()
	socket, err := frame.Listen(dir, p.api.Handler())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- socket.Run(ctx) }()
	local, err := v1.NewSocketClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := local.Servers.Cordon(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	mux := http.NewServeMux()
	p.api.Mount(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	far := v1.NewClient(http.DefaultTransport, server.URL, "t0ken")
	if _, err := far.Servers.Disable(t.Context(), "a", false); err != nil {
		t.Error(err)
	}
	by := fmt.Sprintf(`"uid":%d,`, os.Getuid())
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
		by += fmt.Sprintf(`"user":%q,`, u.Username)
	}
	for who, what := range map[string]string{by: `"state":"cordoned","was":"enabled"`, `"token":"admin",`: `"state":"disabled","was":"cordoned"`} {
		found := false
		for line := range strings.Lines(p.log.String()) {
			found = found || strings.Contains(line, who) && strings.Contains(line, what)
		}
		if !found {
			t.Errorf("no line has %s and %s:\n%s", who, what, p.log)
		}
	}
	if strings.Contains(p.log.String(), "t0ken") {
		t.Errorf("the token is in the log:\n%s", p.log)
	}
}
