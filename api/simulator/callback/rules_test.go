package callback_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/callback"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// names are the addresses of hosts, as the server resolves them.
var names = map[string][]string{
	"public.example": {"93.184.216.34", "2606:2800:220:1::1"}, "split.example": {"93.184.216.34", "10.0.0.7"},
	"ula.example": {"93.184.216.34", "fd00::1"}, "carrier.example": {"100.64.1.1"}, "nat64.example": {"64:ff9b::5db8:d822"},
	"sixtofour.example": {"2002:a00:1::1"}, "mapped.example": {"::ffff:127.0.0.1"}, "zero.example": {"0.0.0.0"},
}

func resolve(_ context.Context, _, host string) (list []netip.Addr, err error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	for _, text := range names[host] {
		list = append(list, netip.MustParseAddr(text))
	}
	if list == nil {
		return nil, errors.New("no such host")
	}
	return list, nil
}

// What the rules refuse is never called, not even later, and shows in the trace alone. Old releases know no rules.
func TestRules(t *testing.T) {
	for link, c := range map[string]struct {
		rules callback.Rules
		says  string // of the refusal; "": none
	}{
		"https://public.example/":                  {callback.Rules{}, ""},
		"HTTPS://public.example:444/":              {callback.Rules{}, ""},
		"https://93.184.216.34/":                   {callback.Rules{}, ""},
		"https://carrier.example/":                 {callback.Rules{}, ""},
		"http://public.example/":                   {callback.Rules{}, "fetchUrlSupportedProtocols"},
		"http://public.example/?any":               {callback.Rules{Protocols: []string{"all"}}, ""},
		"http://public.example/?both":              {callback.Rules{Protocols: []string{"https", "http"}}, ""},
		"https://public.example/?http":             {callback.Rules{Protocols: []string{"http"}}, "fetchUrlSupportedProtocols"},
		"https://public.example/?blocked":          {callback.Rules{Blocked: []string{"Public.Example"}}, "fetchUrlBlockedExternalHosts"},
		"https://split.example/":                   {callback.Rules{}, "10.0.0.7 is a local address"},
		"https://split.example:8443/?allowed":      {callback.Rules{Allowed: []string{"SPLIT.example"}}, ""},
		"https://split.example/?other":             {callback.Rules{Allowed: []string{"example", "*.example", "10.0.0.0/8"}}, "local address"},
		"https://ula.example/":                     {callback.Rules{}, "local address"},
		"https://nat64.example/":                   {callback.Rules{}, "local address"},
		"https://sixtofour.example/":               {callback.Rules{}, "local address"},
		"https://mapped.example/":                  {callback.Rules{}, "127.0.0.1 is a local address"},
		"https://zero.example/":                    {callback.Rules{}, "local address"},
		"https://127.0.0.1/":                       {callback.Rules{}, "local address"},
		"https://127.0.0.1/?allowed":               {callback.Rules{Allowed: []string{"127.0.0.1"}}, ""},
		"https://[::1]/":                           {callback.Rules{}, "local address"},
		"https://169.254.169.254/latest/meta-data": {callback.Rules{}, "local address"},
		"https://unknown.example/":                 {callback.Rules{}, "its host does not resolve"},
		"https://unknown.example/?allowed":         {callback.Rules{Allowed: []string{"unknown.example"}}, ""},
	} {
		c.rules.Strict = true
		for _, way := range []callback.Way{callback.Single, callback.Double} {
			outcome, reason := tryRules(t, way, c.rules, link)
			refused := way == callback.Single && c.says != ""
			if (outcome == callback.Refused) != refused || refused && !strings.Contains(reason, c.says) {
				t.Errorf("%s, way %d: %s, %q", link, way, outcome, reason)
			}
		}
	}
}

// tryRules tells of an end where nobody is, and returns what became of that.
func tryRules(t *testing.T, way callback.Way, rules callback.Rules, link string) (callback.Outcome, string) {
	t.Helper()
	var traces callback.Traces
	now := start
	out := callback.New(callback.Options{
		Client: nowhere(), Now: func() time.Time { return now }, Report: func(error) {}, Resolve: resolve,
		Faults: &callback.Faults{}, Traces: &traces,
	})
	out.SetWay(way)
	if err := out.SetRules(rules); err != nil {
		t.Fatal(err)
	}
	out.Add(callback.Ended(over(t, rooms.Wanted{ID: "room", EndedURL: link}), now)...)
	out.Deliver(t.Context())
	list := traces.All()
	if len(list) != 1 || list[0].URL != link || list[0].Attempt != 1 || (out.Waiting() == 0) != (list[0].Outcome == callback.Refused) {
		t.Fatalf("%s: %+v, %d wait", link, list, out.Waiting())
	}
	return list[0].Outcome, list[0].Reason
}

// A receiver that hangs holds up what its server tells others of ends, and nothing that scripts tell.
func TestOutbox_OneQueue(t *testing.T) {
	f := newFront(t)
	now := start
	asked, answer := make(chan struct{}), make(chan struct{})
	f.hold = func(path string) {
		if path == "/slow" {
			close(asked)
			<-answer
		}
	}
	out := outbox(f, func() time.Time { return now }, func(error) {})
	out.Add(callback.Ended(over(t, rooms.Wanted{ID: "a", EndedURL: f.URL + "/slow"}), now)...)
	out.Add(callback.Ended(over(t, rooms.Wanted{ID: "b", EndedURL: f.URL + "/end"}), now)...)
	out.Add(callback.Analytics(over(t, rooms.Wanted{
		ID: "c", KeepEvents: true, Metadata: rooms.Pairs{{Name: "analytics-callback-url", Value: f.URL + "/who"}},
	}), secret, now)...)
	done := make(chan struct{})
	f.came = make(chan string, 3)
	go func() { defer close(done); out.Deliver(t.Context()) }()
	<-asked
	if got := <-f.came; got != "POST /who" {
		t.Errorf("told %s while a receiver hangs", got)
	}
	if n := out.Waiting(); n != 1 {
		t.Errorf("%d wait", n)
	}
	close(answer)
	<-done
	if got := []string{<-f.came, <-f.came}; !slices.Equal(got, []string{"GET /slow", "GET /end"}) {
		t.Errorf("told %v", got)
	}
}

// Callbacks go wrong on demand, by kind; what cannot be wrong is refused.
func TestFaults(t *testing.T) {
	f := newFront(t)
	faults := &callback.Faults{}
	now := start
	out := callback.New(callback.Options{
		Client: f.Client(), Now: func() time.Time { return now }, Report: func(error) {}, Faults: faults, Traces: &callback.Traces{},
	})
	m := over(t, rooms.Wanted{ID: "room", EndedURL: f.URL + "/end", Metadata: rooms.Pairs{{Name: "endcallbackurl", Value: f.URL + "/marks"}}})
	end, marks := "GET /end", "GET /marks?recordingmarks=false&meetingID=room"
	for _, c := range []struct {
		fault      callback.Fault
		now, later []string
	}{
		{callback.Fault{Kind: callback.Twice, Callbacks: []callback.Kind{callback.KindEnd}}, []string{marks, end, end}, nil},
		{callback.Fault{Kind: callback.Never, Callbacks: []callback.Kind{callback.KindMarks}}, []string{end}, nil},
		{callback.Fault{Kind: callback.Never}, nil, nil},
		{callback.Fault{Kind: callback.Late, Delay: time.Hour, Callbacks: []callback.Kind{callback.KindEnd}}, []string{marks}, []string{end}},
	} {
		faults.Heal()
		if err := faults.Set(c.fault); err != nil {
			t.Fatal(err)
		}
		out.Add(callback.Ended(m, now)...)
		out.Deliver(t.Context())
		got := f.lines()
		now = now.Add(time.Hour)
		out.Deliver(t.Context())
		if later := f.lines(); !slices.Equal(got, c.now) || !slices.Equal(later, c.later) {
			t.Errorf("%v: told %v and later %v", c.fault, got, later)
		}
	}
	if err := faults.Set(callback.Fault{Kind: callback.Missigned}); err != nil || faults.Key(callback.KindReady, secret) == secret {
		t.Errorf("signed with the secret: %v", err)
	}
	if faults.Heal(callback.KindReady); faults.Key(callback.KindReady, secret) != secret || faults.Key(callback.KindAnalytics, secret) == secret {
		t.Error("healed is another kind")
	}
	for _, bad := range []callback.Fault{
		{Kind: "fire"},
		{Kind: callback.Late},
		{Kind: callback.Never, Delay: time.Second},
		{Kind: callback.Late, Delay: 25 * time.Hour},
		{Kind: callback.Twice, Callbacks: []callback.Kind{"x"}},
		{Kind: callback.Missigned, Callbacks: []callback.Kind{callback.KindEnd}},
	} {
		if err := faults.Set(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
