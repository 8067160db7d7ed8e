package bbb_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// simulated answers as a server does that knows a secret and some algorithms.
func simulated(t *testing.T, list string, secret bbb.Secret, algorithms ...bbb.Algorithm) string {
	t.Helper()
	body, root := sample(t, list), sample(t, "root-3.0")
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		query, checksum := bbb.SplitChecksum(r.URL.RawQuery)
		switch {
		case r.URL.Path == "/bigbluebutton/api":
			_, _ = w.Write(root)
		case bbb.Verify("getMeetings", query, checksum, []bbb.Secret{secret}, algorithms...) < 0:
			bbb.WriteError(w, bbb.ErrChecksum)
		default:
			_, _ = w.Write(body)
		}
	}).URL + "/bigbluebutton/api"
}

func diagnose(t *testing.T, address string, deadline time.Duration) (bbb.Diagnosis, error) {
	t.Helper()
	transport := newTransport(t)
	return bbb.Diagnose(t.Context(), bbb.Endpoint{URL: address, Secret: secret}, func(e bbb.Endpoint) *bbb.Client {
		return bbb.NewClient(e, transport, deadline)
	})
}

// A sound server shows its version, its load, and the best algorithm that it takes.
func TestDiagnose(t *testing.T) {
	for alg, allowed := range map[bbb.Algorithm][]bbb.Algorithm{
		bbb.SHA256: bbb.Algorithms, bbb.SHA1: {bbb.SHA1}, bbb.SHA512: {bbb.SHA1, bbb.SHA384, bbb.SHA512},
	} {
		got, err := diagnose(t, simulated(t, "getmeetings-3.0", secret, allowed...), time.Minute)
		want := bbb.Diagnosis{Algorithm: alg, Version: "3.0.19", Meetings: 2, People: 2}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(err, diff)
		}
	}
}

// A server's clock and its certificate show in the diagnosis.
func TestDiagnose_Clock(t *testing.T) {
	const fast = time.Hour
	root, list := sample(t, "root-3.0"), sample(t, "getmeetings-3.0")
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().UTC().Add(fast).Format(http.TimeFormat))
		if strings.HasSuffix(r.URL.Path, "getMeetings") {
			root = list
		}
		_, _ = w.Write(root)
	}))
	defer s.Close()
	transport := newTransport(t)
	transport.TLS.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	got, err := bbb.Diagnose(t.Context(), bbb.Endpoint{URL: s.URL}, func(e bbb.Endpoint) *bbb.Client {
		return bbb.NewClient(e, transport, time.Minute)
	})
	if err != nil || !got.Expires.Equal(s.Certificate().NotAfter) {
		t.Errorf("%+v %v", got, err)
	}
	if off := (got.Skew - fast).Abs(); off > time.Minute || got.Skew%time.Second != 0 {
		t.Errorf("skew %v", got.Skew)
	}
}

// A clock that is out of all bounds is a year off, in what an operator reads as well.
func TestDiagnose_AbsurdClock(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for date, want := range map[string]time.Duration{
		"Tue, 02 Jan 0001 00:00:00 GMT": -year, "Thu, 01 Jan 1970 00:00:00 GMT": -year, "Fri, 31 Dec 9999 23:59:59 GMT": year,
	} {
		root, list := sample(t, "root-3.0"), sample(t, "getmeetings-3.0")
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", date)
			if strings.HasSuffix(r.URL.Path, "getMeetings") {
				root = list
			}
			_, _ = w.Write(root)
		})
		got, err := bbb.Diagnose(t.Context(), bbb.Endpoint{URL: s.URL}, func(e bbb.Endpoint) *bbb.Client {
			return bbb.NewClient(e, newTransport(t), time.Minute)
		})
		if err != nil || got.Skew != want {
			t.Errorf("%s: got %v, %v, want %v", date, got.Skew, err, want)
		}
	}
}

// What the length of the call and the missing fractions of a second may explain is no difference between clocks.
func TestReply_Skew(t *testing.T) {
	const year = 365 * 24 * time.Hour
	began := time.Unix(1_760_000_000, 300_000_000)
	at := func(d time.Duration) time.Time { return began.Add(d).Truncate(time.Second) } // as a server prints it
	for name, test := range map[string]struct {
		date time.Time
		took time.Duration
		want time.Duration
	}{
		"none":          {time.Time{}, time.Second, 0},
		"equal":         {at(0), 0, 0},
		"same second":   {at(500 * time.Millisecond), time.Millisecond, 0},
		"slow call":     {at(9 * time.Second), 10 * time.Second, 0},
		"ahead":         {at(time.Minute), 20 * time.Millisecond, time.Minute},
		"behind":        {at(-time.Minute), 20 * time.Millisecond, -time.Minute},
		"a bit":         {at(3 * time.Second), 20 * time.Millisecond, 3 * time.Second},
		"ahead, slowly": {at(time.Minute), 4 * time.Second, 58 * time.Second},
		"a year":        {at(year), 0, year},
		"a year behind": {at(-year), 0, -year},
		"more":          {at(year + time.Minute), 0, year},
		"more behind":   {at(-year - time.Minute), 0, -year},
		"the end":       {time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), 0, year},
		"the beginning": {time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), 0, -year},
		"before it":     {time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), 0, -year},
	} {
		reply := &bbb.Reply{Date: test.date}
		if got := reply.Skew(began, began.Add(test.took)); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// A Date that nobody understands is none.
func TestReply_Date(t *testing.T) {
	for in, want := range map[string]time.Time{
		"": {}, "now": {}, "Thu, 99 Oct 2025 08:53:20 GMT": {}, strings.Repeat("9", 10_000): {},
		"Thu, 09 Oct 2025 08:53:20 GMT":    time.Unix(1_760_000_000, 0),
		"Thursday, 09-Oct-25 08:53:20 UTC": time.Unix(1_760_000_000, 0),
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = []string{in} })
		reply, err := newClient(t, s.URL).ProbeReply(t.Context())
		if err != nil || !reply.Date.Equal(want) || !reply.Expires.IsZero() {
			t.Errorf("%.40q: %+v %v", in, reply, err)
		}
	}
}

// Whatever is wrong with a server, the error begins with what and ends with what to do.
func TestDiagnose_Errors(t *testing.T) {
	status := func(status int, body string) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}).URL
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	closed := serve(t, nil)
	closed.Close()
	release := make(chan struct{})
	defer close(release)
	list := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			_, _ = w.Write(sample(t, "root-3.0"))
			return
		}
		http.NotFound(w, r)
	})
	for _, test := range []struct{ name, address, starts, has string }{
		{"wrong secret", simulated(t, "getmeetings-3.0", "other"), "checksum: ", "bbb-conf --secret"},
		{"API switched off", simulated(t, "failed", secret), "checksum: ", "bbb-conf --secret"},
		{"404", status(404, "<html>"), "404: ", "bbb-conf --secret"},
		{"404 of a call", list.URL, "404: ", "check the path"},
		{"redirect", status(301, ""), "redirect: ", "https://"},
		{"not BBB", status(200, "<html>welcome</html>"), "not BigBlueButton: ", "status 200"},
		{"502", status(502, ""), "status 502: ", "bbb-conf --status"},
		{"refused", closed.URL, "refused: ", "check the port"},
		{"TLS", secure.URL, "tls: ", "add that authority"},
		{"no TLS", strings.Replace(closedTLS(t), "http://", "https://", 1), "tls: ", "http://"},
		{"hangs up", raw(t, func(net.Conn) {}), "broken: ", "check the port"},
		{"silent", serve(t, func(http.ResponseWriter, *http.Request) { <-release }).URL, "timeout: ", "firewall"},
	} {
		t.Run(test.name, func(t *testing.T) {
			deadline := time.Minute
			if test.name == "silent" {
				deadline = 50 * time.Millisecond
			}
			_, err := diagnose(t, test.address, deadline)
			if err == nil || !strings.HasPrefix(err.Error(), test.starts) || !strings.Contains(err.Error(), test.has) {
				t.Errorf("got %v, want %q and %q", err, test.starts, test.has)
			}
			if strings.Contains(err.Error(), "checksum=") {
				t.Errorf("it shows a checksum: %v", err)
			}
		})
	}
	_, err := bbb.Diagnose(t.Context(), bbb.Endpoint{URL: "https://nohost/api"}, func(e bbb.Endpoint) *bbb.Client {
		return bbb.NewClient(e, roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "nohost"}
		}), time.Minute)
	})
	if err == nil || !strings.HasPrefix(err.Error(), "dns: nohost cannot be resolved") {
		t.Errorf("dns: got %v", err)
	}
}

// closedTLS is the address of a server without TLS.
func closedTLS(t *testing.T) string {
	t.Helper()
	return serve(t, http.NotFound).URL
}

// A server whose list of meetings is none of BigBlueButton's is told apart from one that does not take our secret.
func TestDiagnose_ListIsNone(t *testing.T) {
	root := sample(t, "root-3.0")
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/getMeetings") {
			_, _ = io.WriteString(w, "<html>Welcome to nginx</html>")
			return
		}
		_, _ = w.Write(root)
	}).URL + "/bigbluebutton/api"
	_, err := diagnose(t, address, time.Minute)
	want := "not BigBlueButton: what answers at " + address + " (status 200) is something else"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
