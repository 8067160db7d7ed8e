package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// revealingBBB answers like a server of a release.
func revealingBBB(t *testing.T, version string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<response><returncode>SUCCESS</returncode><bbbVersion>"+version+"</bbbVersion><meetings/></response>")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// What a check notes of several servers it says once, and of whom; it fails for none of it.
func TestCheckCmd_Notes(t *testing.T) {
	p := newPool(t)
	for id, version := range map[string]string{"a": "3.0.20", "b": "3.0.20", "c": "", "d": "3.0.37"} {
		if o := p.run(t, "", "server", "add", revealingBBB(t, version), "--secret", "s", "--id", id, "--force"); o.failed != nil {
			t.Fatalf("%+v", o)
		}
	}
	p.serve(t)
	o := p.run(t, "", "check")
	if o.failed != nil || strings.Count(o.out, "note ") != 2 || strings.Count(o.out, "ok ") != 4 {
		t.Errorf("%+v", o)
	}
	for _, said := range []string{
		"note  2 servers  BigBlueButton 3.0.20 lets anybody", "upgrade it to 3.0.37 or later (a, b)\n", "note  c          its version is unknown",
		"ok    d          disabled, ",
	} {
		if !strings.Contains(o.out, said) {
			t.Errorf("%q is not in\n%s", said, o.out)
		}
	}
	if o := p.run(t, "", "check", "--json"); o.failed != nil || strings.Count(o.out, `"notes"`) != 3 {
		t.Errorf("%+v", o)
	}
}
