package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// unled is several instances of which none leads.
type unled struct{}

func (unled) Leading() bool { return false }

func (unled) HandOn(http.ResponseWriter, *http.Request, []byte) bool { return false }

// While no instance decides, commands that look show what the one that is asked last heard, and say so beside it; nothing is changed.
func TestCommands_Heard(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	p.api.Token = "t0ken"
	p.api.Elsewhere = &frame.Elsewhere{Leader: unled{}, ID: "here", Why: func() string { return "Redis is away" }}
	mux := http.NewServeMux()
	p.api.Mount(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	t.Setenv("BBBPOOL_ADMIN_TOKEN", "t0ken")
	for args, want := range map[string]string{"status": "1.2.3", "server list": "a.example", "meeting list": "algebra"} {
		o := p.run(t, "", append(strings.Fields(args), "--admin", server.URL)...)
		if o.failed != nil || !strings.Contains(o.out, want) || strings.Count(o.err, "no leader") != 1 || !strings.Contains(o.err, "Redis is away") {
			t.Errorf("%s: %+v", args, o)
		}
	}
	if o := p.run(t, "", "server", "cordon", "a", "--admin", server.URL); o.failed == nil || !strings.Contains(o.failed.Error(), "Redis is away") {
		t.Errorf("a change: %+v", o)
	}
}

// A list of instances of which none leads says so, and where the reason is.
func TestInstanceList_Unled(t *testing.T) {
	p := newPool(t)
	led := []v1.Instance{{ID: "a", State: v1.Leading}, {ID: "b", State: v1.Following}}
	for hint, list := range map[string][]v1.Instance{"": led, "none of them leads": led[1:]} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(list)
		}))
		defer server.Close()
		t.Setenv("BBBPOOL_ADMIN_TOKEN", "t0ken")
		o := p.run(t, "", "instance", "list", "--admin", server.URL)
		if o.failed != nil || strings.Contains(o.out, "none of them leads") != (hint != "") {
			t.Errorf("%v: %+v", list, o)
		}
	}
}
