package trial_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/api/trial"
)

// A server that is well passes each check, its probe meeting has all its marks, and none is left behind.
func TestRun(t *testing.T) {
	s := simulate(t, simulator.Config{Life: simulator.Settings{Linger: time.Hour}})
	var steps []string
	began := time.Now()
	got := trial.Run(t.Context(), target(t, s.URL(), s.Secret()), trial.Options{}, func(step string) {
		steps = append(steps, step)
	})
	if took := time.Since(began); took > 10*time.Second { // it is milliseconds
		t.Errorf("took %v", took)
	}
	want := map[string]trial.Level{
		"reach": trial.Pass, "tls": trial.Skipped, "version": trial.Pass, "checksum": trial.Pass, "clock": trial.Pass,
		"create": trial.Pass, "join": trial.Pass, "info": trial.Pass, "recording": trial.Pass, "list": trial.Pass,
		"end": trial.Pass, "speed": trial.Skipped, "load": trial.Skipped,
	}
	if diff := cmp.Diff(want, levels(got)); diff != "" || !got.Passed || got.Skew != 0 {
		t.Error(got.Words(), diff)
	}
	if got.Version != "3.0.37" || got.Algorithm != bbb.SHA256 || got.URL != s.URL() || got.Load != nil {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff("reach checksum sha256 checksum sha512 checksum sha384 checksum sha1 create join info list end",
		strings.Join(steps, " ")); diff != "" {
		t.Error(diff)
	}
	nothingLeft(t, s)
	list := s.Meetings()
	if len(list) != 1 || !strings.HasPrefix(list[0].MeetingID, bbb.ProbePrefix) || list[0].Params["record"] != "true" || !list[0].Ended ||
		list[0].Params["meta_"+bbb.ProbeMark] != "true" || bbb.CheckMeetingID(list[0].MeetingID) != nil {
		t.Errorf("%d meetings: %+v", len(list), list)
	}
}

// Should nobody end a probe meeting, it ends by itself after a minute, also where somebody has joined.
func TestRun_EndsByItself(t *testing.T) {
	var ahead atomic.Int64
	sim, err := simulator.New(simulator.Config{
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, Life: simulator.Settings{Linger: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	sim.Start()
	s := sim.Servers()[0]
	url := behind(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		end := strings.HasSuffix(r.URL.Path, "/end")
		if end {
			bbb.WriteXML(w, http.StatusOK, bbb.Success().Bytes())
		}
		return end
	}, nil)
	got := trial.Run(t.Context(), target(t, url, s.Secret()), trial.Options{}, nil)
	if end := check(t, got, "end"); end.Level != trial.Warning || !strings.Contains(end.Detail, bbb.ProbePrefix) || !got.Passed {
		t.Errorf("%+v", got)
	}
	if list := meetings(t, s); len(list) != 1 || list[0].Ended {
		t.Fatalf("%+v", list)
	}
	ahead.Store(int64(time.Minute))
	sim.Tick(t.Context())
	nothingLeft(t, s)
}

// A server takes an end at once, and shows the meeting for some seconds more: nothing is wrong with that.
func TestRun_EndsLate(t *testing.T) {
	t.Parallel()
	s := simulate(t, simulator.Config{})
	url := behind(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/end") {
			return false
		}
		id := r.URL.Query().Get("meetingID")
		time.AfterFunc(1500*time.Millisecond, func() {
			if err := s.End(id); err != nil {
				t.Error(err)
			}
		})
		_, _ = w.Write(bbb.Success().Message("sentEndMeetingRequest", "A request to end the meeting was sent.").Bytes())
		return true
	}, nil)
	got := trial.Run(t.Context(), target(t, url, s.Secret()), trial.Options{}, nil)
	if end := check(t, got, "end"); !got.Passed || end.Level != trial.Pass {
		t.Errorf("%+v", end)
	}
}

// Whatever is wrong with a server, the check that finds it says what and what to do, none that needs it is tried, and
// nothing is left behind.
func TestRun_Faults(t *testing.T) {
	long := strings.Repeat("x\x1b[31m\n", 1000)
	refuse := func(call, key, message string) func(*answered) {
		return func(a *answered) {
			if a.call == call {
				refusal := httptest.NewRecorder()
				bbb.WriteError(refusal, &bbb.Error{Key: key, Message: message})
				a.body = refusal.Body.Bytes()
			}
		}
	}
	for name, test := range map[string]struct {
		fault  simulator.Fault
		change func(*answered)
		secret bbb.Secret
		fails  string // the check
		has    string // in its detail
		passes []string
	}{
		"refused":         {fault: simulator.Fault{Kind: simulator.Refuse}, fails: "reach", has: "nothing listens"},
		"black hole":      {fault: simulator.Fault{Kind: simulator.BlackHole}, fails: "reach", has: "firewall"},
		"hangs":           {fault: simulator.Fault{Kind: simulator.Hang}, fails: "reach", has: "does not answer"},
		"5xx":             {fault: simulator.Fault{Kind: simulator.ServerError, Status: 502}, fails: "reach", has: "bbb-conf --status"},
		"garbage":         {fault: simulator.Fault{Kind: simulator.Garbage}, fails: "reach", has: "none of BigBlueButton's"},
		"truncated":       {fault: simulator.Fault{Kind: simulator.Truncated}, fails: "reach", has: "none of BigBlueButton's"},
		"wrong secret":    {secret: "other", fails: "checksum", has: "bbb-conf --secret", passes: []string{"reach", "clock"}},
		"API off":         {change: refuse("getMeetings", "apiNotEnabled", "The API is not enabled"), fails: "checksum", has: "apiNotEnabled"},
		"list is garbage": {fault: simulator.Fault{Kind: simulator.Garbage, Calls: []string{"getMeetings"}}, fails: "checksum", has: "none of"},
		"create hangs":    {fault: simulator.Fault{Kind: simulator.Hang, Calls: []string{"create"}}, fails: "create", has: "does not answer"},
		"create breaks":   {fault: simulator.Fault{Kind: simulator.ServerError, Calls: []string{"create"}}, fails: "create", has: "bbb-conf --status"},
		"create noise":    {fault: simulator.Fault{Kind: simulator.Garbage, Calls: []string{"create"}}, fails: "create", has: "none of"},
		"create refused":  {change: refuse("create", "full", long), fails: "create", has: "with full: x"},
		"no internal ID":  {change: replace("create", "internalMeetingID", "other"), fails: "create", has: "none of"},
		"join refused":    {change: refuse("join", "guestDeniedAccess", "no"), fails: "join", has: "guestDeniedAccess", passes: []string{"end"}},
		"join is HTML": {
			fault: simulator.Fault{Kind: simulator.ServerError, Calls: []string{"join"}}, fails: "join", has: "500", passes: []string{"end"},
		},
		"join errs": {
			change: func(a *answered) {
				if a.call == "join" {
					a.Code = http.StatusFound
					a.Header().Set("Location", "https://h/?errors=%5B%5D")
				}
			}, fails: "join", has: "sent away", passes: []string{"end"},
		},
		"forgets":       {change: refuse("getMeetingInfo", "notFound", "A meeting with that ID does not exist"), fails: "info", has: "notFound", passes: []string{"list", "end"}},
		"other meeting": {change: replace("getMeetingInfo", bbb.ProbePrefix, long), fails: "info", has: "another meeting", passes: []string{"list", "end"}},
		"ended":         {change: replace("getMeetingInfo", "Ended>false", "Ended>true"), fails: "info", has: "as ended", passes: []string{"end"}},
		"unlisted":      {change: replace("getMeetings", bbb.ProbePrefix, "other-"), fails: "list", has: "missing", passes: []string{"info", "end"}},
		"never ends":    {change: refuse("end", "notFound", "no"), fails: "end", has: "notFound", passes: []string{"list"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, simulator.Config{})
			url, secret := s.URL(), s.Secret()
			if test.change != nil {
				url = behind(t, s, nil, test.change)
			}
			if test.secret != "" {
				secret = test.secret
			}
			if test.fault.Kind != "" {
				if err := s.Fault(test.fault); err != nil {
					t.Fatal(err)
				}
			}
			got := trial.Run(t.Context(), target(t, url, secret), trial.Options{Call: time.Second, Load: &trial.Load{}}, nil)
			failed := check(t, got, test.fails)
			if got.Passed || failed.Level != trial.Fail || !strings.Contains(failed.Detail, test.has) {
				t.Errorf("%+v", failed)
			}
			for _, name := range test.passes {
				if c := check(t, got, name); c.Level != trial.Pass {
					t.Errorf("%+v", c)
				}
			}
			if c := check(t, got, "load"); c.Level != trial.Skipped || got.Load != nil {
				t.Errorf("%+v", c)
			}
			bounded(t, got)
			nothingLeft(t, s)
		})
	}
}

// What is not as it should be, and keeps nobody from holding a meeting, is a warning.
func TestRun_Warnings(t *testing.T) {
	for name, test := range map[string]struct {
		config  simulator.Config
		change  func(*answered)
		instead func(http.ResponseWriter, *http.Request) bool
		delay   time.Duration
		pool    []time.Duration
		warns   string
		has     string
	}{
		"sha1 alone": {instead: func(w http.ResponseWriter, r *http.Request) bool {
			_, checksum := bbb.SplitChecksum(r.URL.RawQuery)
			refused := checksum != "" && len(checksum) != 40
			if refused {
				bbb.WriteError(w, bbb.ErrChecksum)
			}
			return refused
		}, warns: "checksum", has: "supportedChecksumAlgorithms"},
		"recording off": {
			change: replace("getMeetingInfo", "<recording>true", "<recording>false"), warns: "recording", has: "disableRecordingDefault",
		},
		"fast clock": {
			config: simulator.Config{Now: func() time.Time { return time.Now().Add(time.Minute) }}, warns: "clock", has: "ahead of ours",
		},
		"slow clock": {
			config: simulator.Config{Now: func() time.Time { return time.Now().Add(-time.Minute) }}, warns: "clock", has: "behind ours",
		},
		"old":         {change: replace("api", "3.0.37", "2.3.11"), warns: "version", has: "upgrade"},
		"odd version": {change: replace("api", "3.0.37", "\x1b[31m"+strings.Repeat("x", 5000)), warns: "version", has: "no version that we know"},
		"no metadata": {change: replace("getMeetings", "<"+bbb.ProbeMark+">true</"+bbb.ProbeMark+">", ""), warns: "list", has: "tenants"},
		"broken list": {change: replace("getMeetings", "<meetings>", "<meetings><meeting></meeting>"), warns: "list", has: "cannot be read"},
		"slow":        {delay: 100 * time.Millisecond, pool: []time.Duration{time.Hour, time.Millisecond, 2 * time.Millisecond}, warns: "speed", has: "2.0 ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, test.config)
			if test.delay > 0 {
				if err := s.Fault(simulator.Fault{Kind: simulator.Slow, Delay: test.delay}); err != nil {
					t.Fatal(err)
				}
			}
			got := trial.Run(t.Context(), target(t, behind(t, s, test.instead, test.change), s.Secret()), trial.Options{Pool: test.pool}, nil)
			c := check(t, got, test.warns)
			if !got.Passed || c.Level != trial.Warning || !strings.Contains(c.Detail, test.has) {
				t.Errorf("%+v %v", c, got.Words())
			}
			for name, level := range levels(got) {
				if name != test.warns && level != trial.Pass && level != trial.Skipped {
					t.Errorf("%s: %s", name, level)
				}
			}
			bounded(t, got)
			nothingLeft(t, s)
		})
	}
}

// What a server may well do is no fault: to send people on to its client, to keep its version to itself, to know no time.
func TestRun_Allowed(t *testing.T) {
	s := simulate(t, simulator.Config{})
	url := behind(t, s, nil, func(a *answered) {
		switch a.call {
		case "join":
			a.Code = http.StatusFound
			a.Header().Set("Location", "https://h/html5client?sessionToken=x")
		case "api":
			a.body = bytes.ReplaceAll(a.body, []byte("3.0.37"), nil)
		case "create":
			a.body = bytes.ReplaceAll(a.body, []byte("createTime"), []byte("other"))
		}
		a.Header()["Date"] = nil
	})
	got := trial.Run(t.Context(), target(t, url, s.Secret()), trial.Options{Pool: []time.Duration{time.Second}}, nil)
	found := levels(got)
	if !got.Passed || found["join"] != trial.Pass || found["version"] != trial.Skipped || found["clock"] != trial.Skipped ||
		found["speed"] != trial.Pass {
		t.Error(got.Words())
	}
	nothingLeft(t, s)
}

// A trial that is cut off, wherever, ends its meeting and has not passed.
func TestRun_Cancelled(t *testing.T) {
	for _, at := range []string{"reach", "checksum sha512", "create", "join", "info", "list", "load 3/20"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, simulator.Config{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			options := trial.Options{Load: &trial.Load{Meetings: 20, Concurrency: 4}}
			got := trial.Run(ctx, target(t, s.URL(), s.Secret()), options, func(step string) {
				if step == at {
					cancel()
				}
			})
			if got.Passed || !strings.Contains(strings.Join(got.Words(), "\n"), "cut off") {
				t.Error(got.Words())
			}
			bounded(t, got)
			nothingLeft(t, s)
		})
	}
}

// A create that is slow is ended as well: it may have come into being after we gave up.
func TestRun_SlowCreate(t *testing.T) {
	s := simulate(t, simulator.Config{})
	ended := make(chan string, 1)
	url := behind(t, s, func(_ http.ResponseWriter, r *http.Request) bool {
		switch filepath.Base(r.URL.Path) {
		case "create":
			<-r.Context().Done()
		case "end":
			ended <- r.URL.Query().Get("meetingID")
		}
		return false
	}, nil)
	got := trial.Run(t.Context(), target(t, url, s.Secret()), trial.Options{Call: 100 * time.Millisecond}, nil)
	if got.Passed || check(t, got, "create").Level != trial.Fail || !strings.HasPrefix(<-ended, bbb.ProbePrefix) {
		t.Error(got.Words())
	}
}

// A certificate is looked at: one that is in order, one that expires soon, and one that nobody here knows.
func TestRun_TLS(t *testing.T) {
	s := simulate(t, simulator.Config{})
	front := httptest.NewUnstartedServer(s)
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	defer front.Close()
	transport := bbb.NewTransport(bbb.Timeouts{Connect: time.Second})
	defer transport.CloseIdleConnections()
	to := trial.Target{
		Endpoint:  bbb.Endpoint{URL: front.URL + "/bigbluebutton/api", Secret: s.Secret()},
		NewClient: func(e bbb.Endpoint) *bbb.Client { return bbb.NewClient(e, transport, time.Second) },
	}
	got := trial.Run(t.Context(), to, trial.Options{}, nil)
	if c := check(t, got, "tls"); got.Passed || c.Level != trial.Fail || !strings.Contains(c.Detail, "unknown here") {
		t.Errorf("%+v", c)
	}
	if levels(got)["reach"] != trial.Pass || levels(got)["create"] != trial.Skipped {
		t.Error(got.Words())
	}
	transport.TLS.RootCAs = front.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	got = trial.Run(t.Context(), to, trial.Options{}, nil)
	if c := check(t, got, "tls"); !got.Passed || c.Level != trial.Pass || !got.Expires.Equal(front.Certificate().NotAfter) {
		t.Errorf("%+v", c)
	}
	nothingLeft(t, s)
}

// A certificate that expires soon, or a clock that is off by nothing but the Date of the replies, is a warning.
func TestRun_Expiry(t *testing.T) {
	s := simulate(t, simulator.Config{})
	url := behind(t, s, nil, replace("create", "createTime", "other"))
	plain := bbb.NewTransport(bbb.Timeouts{Connect: time.Second})
	defer plain.CloseIdleConnections()
	for left, want := range map[time.Duration]struct {
		level trial.Level
		has   string
	}{
		15 * 24 * time.Hour:         {trial.Pass, "valid until"},
		13*24*time.Hour + time.Hour: {trial.Warning, "in 13 days"},
		30 * time.Hour:              {trial.Warning, "in 1 day,"},
		time.Hour:                   {trial.Warning, "in 0 days"},
		-time.Hour:                  {trial.Warning, "in 0 days"}, // as ours may be the clock that is off
		100 * 365 * 24 * time.Hour:  {trial.Pass, "valid until"},
	} {
		end := time.Now().Add(left)
		to := trial.Target{Endpoint: bbb.Endpoint{URL: url, Secret: s.Secret()}, NewClient: func(e bbb.Endpoint) *bbb.Client {
			return bbb.NewClient(e, transport{plain, func(resp *http.Response) {
				resp.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotAfter: end}}}
				resp.Header.Set("Date", end.UTC().Format(http.TimeFormat))
			}}, time.Second)
		}}
		got := trial.Run(t.Context(), to, trial.Options{}, nil)
		if c := check(t, got, "tls"); c.Level != want.level || !strings.Contains(c.Detail, want.has) || !got.Expires.Equal(end) {
			t.Errorf("%v: %+v", left, c)
		}
		if c := check(t, got, "clock"); c.Level != trial.Warning || (left > 0) != strings.Contains(c.Detail, "ahead") || !got.Passed {
			t.Errorf("%v: %+v", left, c)
		}
	}
}

// What a trial takes for now can be another time than the machine's.
func TestRun_Now(t *testing.T) {
	s := simulate(t, simulator.Config{})
	now := func() time.Time { return time.Now().Add(-time.Hour) }
	got := trial.Run(t.Context(), target(t, s.URL(), s.Secret()), trial.Options{Now: now}, nil)
	c := check(t, got, "clock")
	if c.Level != trial.Warning || !strings.Contains(c.Detail, "the server's clock is 1h0m0s ahead of ours") || !got.Passed {
		t.Errorf("%+v", c)
	}
}
