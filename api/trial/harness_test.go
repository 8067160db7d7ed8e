package trial_test

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/bbb/releases"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/api/trial"
)

// simulate runs one simulated server.
func simulate(t *testing.T, config simulator.Config) *simulator.Server {
	t.Helper()
	sim, err := simulator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	sim.Start()
	return sim.Servers()[0]
}

// target is the way to a server.
func target(t *testing.T, url string, secret bbb.Secret) trial.Target {
	t.Helper()
	transport := bbb.NewTransport(bbb.Timeouts{Connect: time.Second})
	t.Cleanup(transport.CloseIdleConnections)
	return trial.Target{
		Endpoint:  bbb.Endpoint{URL: url, Secret: secret},
		NewClient: func(e bbb.Endpoint) *bbb.Client { return bbb.NewClient(e, transport, time.Second) },
	}
}

// answered is an answer that a test may change before it is sent.
type answered struct {
	call string
	*httptest.ResponseRecorder
	body []byte
}

// revealed is the version in an answer.
var revealed = regexp.MustCompile("<bbbVersion>[^<]*</bbbVersion>")

// behind is a server of the release that is safe, whichever is simulated, of which something else answers, or changes the answers.
func behind(t *testing.T, s *simulator.Server, instead func(http.ResponseWriter, *http.Request) bool, change func(*answered)) string {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instead != nil && instead(w, r) {
			return
		}
		a := &answered{call: filepath.Base(r.URL.Path), ResponseRecorder: httptest.NewRecorder()}
		s.ServeHTTP(a, r)
		a.body = revealed.ReplaceAll(a.Body.Bytes(), []byte("<bbbVersion>"+releases.Safe+"</bbbVersion>"))
		if change != nil {
			change(a)
		}
		maps.Copy(w.Header(), a.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(a.Code)
		_, _ = w.Write(a.body)
	}))
	t.Cleanup(front.Close)
	return front.URL + "/bigbluebutton/api"
}

func replace(call, old, with string) func(*answered) {
	return func(a *answered) {
		if a.call == call {
			a.body = bytes.ReplaceAll(a.body, []byte(old), []byte(with))
		}
	}
}

// levels are how the checks went, by name.
func levels(r trial.Report) map[string]trial.Level {
	found := map[string]trial.Level{}
	for _, c := range r.Checks {
		found[c.Name] = c.Level
	}
	return found
}

func check(t *testing.T, r trial.Report, name string) trial.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s in %+v", name, r)
	return trial.Check{}
}

// nothingLeft checks that no probe meeting lives on.
func nothingLeft(t *testing.T, s *simulator.Server) {
	t.Helper()
	for _, m := range meetings(t, s) {
		if strings.HasPrefix(m.MeetingID, bbb.ProbePrefix) && !m.Ended {
			t.Errorf("%s was left behind", m.MeetingID)
		}
	}
}

func meetings(t *testing.T, s *simulator.Server) []bbb.Meeting {
	t.Helper()
	if err := s.Heal(); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	query := "?" + bbb.SHA256.Sign("getMeetings", "", s.Secret())
	s.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/bigbluebutton/api/getMeetings"+query, nil))
	list, _, err := bbb.ParseMeetings(answer.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// bounded checks that a report is whole, and holds no more of what a server says than fits.
func bounded(t *testing.T, r trial.Report) {
	t.Helper()
	if len(r.Checks) != 14 {
		t.Errorf("%d checks", len(r.Checks))
	}
	for _, c := range r.Checks {
		if c.Detail == "" || len(c.Detail) > 700 || strings.ContainsAny(c.Detail, "\x1b\n\r\x00") || strings.Count(c.Detail, "x") > 210 {
			t.Errorf("%s: %q", c.Name, c.Detail)
		}
	}
	for _, line := range r.Words() {
		if strings.ContainsAny(line, "\x1b\n\r\x00") || strings.Contains(line, "checksum=") {
			t.Errorf("%q", line)
		}
	}
}

// transport answers over another one, as if at another time, or with another certificate.
type transport struct {
	http.RoundTripper
	change func(*http.Response)
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		t.change(resp)
	}
	return resp, err
}
