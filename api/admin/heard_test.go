package admin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// cutOff is an instance that neither decides nor reaches one that does.
type cutOff struct{}

func (cutOff) Leading() bool                                          { return false }
func (cutOff) HandOn(http.ResponseWriter, *http.Request, []byte) bool { return false }

// The header that says that an answer is what an instance has last heard is described in all answers that may have it, and in no
// others.
func TestOpenAPI_Heard(t *testing.T) {
	p := newTestPool(t)
	_, body := p.request(t, "GET", "/openapi.json", "")
	var d struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Headers map[string]any `json:"headers"`
			} `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal(err)
	}
	p.api.Elsewhere = &frame.Elsewhere{Leader: cutOff{}, ID: "here", Why: func() string { return "nobody leads" }}
	handler := p.api.Handler()
	braces := regexp.MustCompile(`\{[^}]*\}`)
	var described, sent []string
	for path, methods := range d.Paths {
		for method, operation := range methods {
			for status, response := range operation.Responses {
				if response.Headers[v1.HeardHeader] != nil {
					described = append(described, method+" "+path+" "+status)
				}
			}
			if path == "/events" || method != "get" {
				continue
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, v1.Prefix+braces.ReplaceAllString(path, "x"), nil)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Header().Get(v1.HeardHeader) == "nobody leads" {
				sent = append(sent, method+" "+path+" 200", method+" "+path+" default")
			}
		}
	}
	slices.Sort(described)
	slices.Sort(sent)
	if diff := cmp.Diff(sent, described); diff != "" || len(sent) == 0 {
		t.Errorf("%s (-sent +described):\n%s", v1.HeardHeader, diff)
	}
}
