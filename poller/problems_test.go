package poller_test

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// happened returns how many events of a kind a server has had.
func (r *rig) happened(id, kind string) (n int) {
	for _, e := range r.Events(id) {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// last returns the text of the last event of a server.
func (r *rig) last(id string) string {
	list := r.Events(id)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1].Text
}

// A clock that is wrong by more than five seconds is a warning: once, however long it stays so, and until it is right.
// At the limit it is no news all day.
func TestRun_ClockSkew(t *testing.T) {
	tests := []struct {
		name      string
		skew      []time.Duration // one after another, each for some polls
		delay     time.Duration   // of answers
		want      time.Duration   // at the end
		warnings  int             // that were raised
		warning   string          // at the end
		unknown   bool
		backAgain int // warnings that were cleared
	}{
		{name: "right", skew: []time.Duration{0}},
		{name: "five seconds are none", skew: []time.Duration{5 * time.Second}, want: 5 * time.Second},
		{
			name: "ahead", skew: []time.Duration{8 * time.Second}, want: 8 * time.Second, warnings: 1,
			warning: "its clock is 8s ahead of ours",
		},
		{
			name: "behind", skew: []time.Duration{-time.Hour}, want: -time.Hour, warnings: 1,
			warning: "its clock is 1h0m0s behind ours",
		},
		{name: "put right", skew: []time.Duration{time.Hour, 0}, warnings: 1, backAgain: 1},
		{
			name: "at the limit", skew: []time.Duration{6 * time.Second, 5 * time.Second, 6 * time.Second, 5 * time.Second},
			want: 5 * time.Second, warnings: 1, warning: "its clock is 5s ahead of ours",
		},
		{
			name: "slow answers say nothing", skew: []time.Duration{time.Hour}, delay: 3 * time.Second, unknown: true,
			warnings: 1, warning: "it answers in 3 s", // which is another matter
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				r.pass(time.Duration(300+len(test.name)) * time.Millisecond) // no whole seconds
				r.net["a"].set(behaviour{delay: test.delay})
				for _, skew := range test.skew {
					r.net["a"].change(func(f *fake) { f.skew = &skew })
					r.pass(time.Minute)
				}
				s, _ := r.Server("a")
				if s.ClockSkew != test.want || s.ClockKnown == test.unknown {
					t.Errorf("skew %s, known: %v; want %s", s.ClockSkew, s.ClockKnown, test.want)
				}
				if got := strings.Join(s.Warnings, "\n"); !strings.HasPrefix(got, test.warning) || got != "" && test.warning == "" {
					t.Errorf("warnings %q, want %q", got, test.warning)
				}
				raised, cleared := r.happened("a", "warning"), r.happened("a", "cleared")
				if raised != test.warnings || cleared != test.backAgain {
					t.Errorf("%d warnings and %d all-clears, want %d and %d", raised, cleared, test.warnings, test.backAgain)
				}
				if n := r.logs.count(`"server warning"`); n != test.warnings {
					t.Errorf("logged %d times, want %d", n, test.warnings)
				}
				line := fmt.Sprintf("bbbpool_server_clock_skew_seconds{server=\"a\"} %g\n", test.want.Seconds())
				if got := strings.Contains(r.metrics(), line); got == test.unknown {
					t.Errorf("%q in the metrics: %v", line, got)
				}
			})
		})
	}
}

// One answer with an odd date, as a cache may give it, is no clock that is wrong.
func TestRun_ClockSkewOnce(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		for _, skew := range []time.Duration{0, 0, -time.Hour, 0, 0, 0} {
			r.net["a"].change(func(f *fake) { f.skew = &skew })
			r.pass(10 * time.Second)
			if s, _ := r.Server("a"); s.ClockSkew != 0 || s.Warnings != nil {
				t.Errorf("skew %s, warnings %q", s.ClockSkew, s.Warnings)
			}
		}
	})
}

// A certificate that expires within 14 days is a warning, in days and then in hours, until there is a new one.
func TestRun_Certificate(t *testing.T) {
	const day = 24 * time.Hour
	c := config()
	c.Interval = time.Hour // days pass
	bubble(t, c, []string{"a"}, func(t *testing.T, r *rig) {
		expires := time.Now().Add(14*day + 90*time.Minute)
		r.net["a"].change(func(f *fake) { f.expires = expires })
		r.refresh(time.Second)
		warnings := func() string {
			s, _ := r.Server("a")
			return strings.Join(s.Warnings, "\n")
		}
		if got := warnings(); got != "" {
			t.Errorf("14 days before: %q", got)
		}
		if got := r.metrics(); !strings.Contains(got, "bbbpool_server_certificate_expires_seconds{server=\"a\"} 1.215e+06\n") {
			t.Errorf("metrics:\n%s", got)
		}
		for _, step := range []struct {
			after time.Duration
			want  string
		}{
			{5 * time.Hour, "its certificate expires in 13 days, on 2000-01-15 01:30:01 UTC: renew it"},
			{11 * day, "its certificate expires in 2 days"},
			{2 * day, "its certificate expires in 20 hours"},
			{day, "its certificate expired on 2000-01-15: renew it"},
		} {
			r.pass(step.after)
			if got := warnings(); !strings.HasPrefix(got, step.want) {
				t.Errorf("%q, want %q", got, step.want)
			}
		}
		r.net["a"].change(func(f *fake) { f.expires = time.Now().Add(90 * day) })
		r.refresh(time.Second)
		if got := warnings(); got != "" {
			t.Errorf("with a new one: %q", got)
		}
		if raised, cleared := r.logs.count(`"server warning"`), r.logs.count(`"server warning cleared"`); raised != 1 || cleared != 1 {
			t.Errorf("raised %d times, cleared %d times", raised, cleared)
		}
		if got := r.last("a"); got != "its certificate is good for long again" {
			t.Errorf("last event %q", got)
		}
	})
}

// Another address may be another server's: what calls have shown of the former one is forgotten.
func TestRun_WarningsOfFormerAddress(t *testing.T) {
	bubble(t, config(), []string{"a", "new"}, func(t *testing.T, r *rig) {
		wrong := time.Hour
		r.net["a"].change(func(f *fake) { f.skew, f.expires = &wrong, time.Now().Add(time.Hour) })
		r.pass(time.Minute)
		if s, _ := r.Server("a"); len(s.Warnings) != 2 {
			t.Errorf("warnings %q, want two", s.Warnings)
		}
		moved := record("a")
		moved.URL = record("new").URL
		r.SetServer(moved)
		r.pass(time.Minute)
		if s, _ := r.Server("a"); s.Warnings != nil || s.ClockKnown || !s.CertificateExpires.IsZero() {
			t.Errorf("warnings %q, clock %s, certificate %s", s.Warnings, s.ClockSkew, s.CertificateExpires)
		}
	})
}

// What is wrong with a certificate is in the status by its name.
func TestRun_TLSErrorsAreNamed(t *testing.T) {
	for want, err := range map[string]error{
		"tls: the certificate is signed by an authority that is unknown here": x509.UnknownAuthorityError{},
		"tls: the certificate expired on 2000-01-01": x509.CertificateInvalidError{
			Cert: &x509.Certificate{NotAfter: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}, Reason: x509.Expired,
		},
		"tls: the certificate is for": x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"b"}}, Host: "a"},
	} {
		t.Run(want, func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				r.net["a"].set(behaviour{err: err})
				r.refresh(time.Second)
				if s, _ := r.Server("a"); s.Health != poller.Suspect || !strings.Contains(s.Reason, want) {
					t.Errorf("%s: %q, want %q", s.Health, s.Reason, want)
				}
			})
		})
	}
}

// A server that lists more meetings than are taken over is named, once, and so is that it no longer does.
func TestWarnings_TooManyMeetings(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		var many []bbb.Meeting
		for i := range 1_500 {
			many = append(many, room(fmt.Sprintf("m-%d", i), fmt.Sprintf("i-%d", i), 0))
		}
		r.net["a"].show(many...)
		r.pass(11 * time.Second)
		if w := s(r, "a").Warnings; len(w) != 1 || !strings.HasPrefix(w[0], "it lists 500 meetings that nobody has created") {
			t.Errorf("warnings: %q", w)
		}
		r.pass(11 * time.Second)
		if w := s(r, "a").Warnings; len(w) != 0 {
			t.Errorf("warnings when all are taken over: %q", w)
		}
		if raised, cleared := r.happened("a", "warning"), r.happened("a", "cleared"); raised != 1 || cleared != 1 {
			t.Errorf("raised %d times, cleared %d times", raised, cleared)
		}
	})
}

// problem returns the problem of that name with a subject, which there is one of.
func (r *rig) problem(subject problems.Subject, name string) problems.Problem {
	r.t.Helper()
	var found []problems.Problem
	for _, p := range r.Problems(r.t.Context()) {
		if p.Subject == subject && p.Name == name {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		r.t.Errorf("%d problems %q of %v, want 1: %v", len(found), name, subject, r.Problems(r.t.Context()))
		return problems.Problem{}
	}
	return found[0]
}

// expectProblem checks everything about a problem but what it is about. The text is the whole one, with the remedy.
func (r *rig) expectProblem(got problems.Problem, want problems.Severity, since time.Time, meetings, people int, text string) {
	r.t.Helper()
	if got.Severity != want || !got.Since.Equal(since) || got.Meetings != meetings || got.People != people || got.Unready {
		r.t.Errorf("%s: %s since %s, %d meetings, %d people; want %s since %s, %d, %d", got.Name, got.Severity, got.Since,
			got.Meetings, got.People, want, since, meetings, people)
	}
	if got.Logged == (got.Name == "over-capacity") {
		r.t.Errorf("%s: logged is %v", got.Name, got.Logged)
	}
	if got.String() != text {
		r.t.Errorf("%s: %q\nwant %q", got.Name, got, text)
	}
}

func on(server string) problems.Subject { return problems.Subject{Kind: problems.Server, ID: server} }

// A server that fails is a problem at once, and a worse one when it goes offline: whoever is on it is cut off.
func TestProblems_Offline(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		if list := r.Problems(t.Context()); list != nil {
			t.Errorf("all is well, and there are %v", list)
		}
		for i, id := range []string{"small", "large", "empty", "more"} {
			r.place(id, "a", "i-"+id)
			r.net["a"].change(func(f *fake) { f.meetings = append(f.meetings, room(id, "i-"+id, []int{2, 5, 0, 1}[i])) })
		}
		r.pass(11 * time.Second)
		r.net["a"].set(down)
		r.Report("a", r.Client("a"), errDown)
		r.pass(2 * time.Second)
		st := s(r, "a")
		r.expectProblem(r.problem(on("a"), "suspect"), problems.Doubtful, st.Failing, 4, 8,
			"server a is suspect, failing for 2s: "+st.Reason)
		r.pass(time.Minute)
		st = s(r, "a")
		failing := time.Since(st.Failing).Truncate(time.Second)
		where := fmt.Sprintf("server a is offline, since %s UTC (%s): %s", st.Failing.UTC().Format(time.DateTime), failing, st.Reason)
		r.expectProblem(r.problem(on("a"), "offline"), problems.CutOff, st.Failing, 4, 8, where+"; nobody can join its "+
			"4 meetings with 8 people until it is back, or the next create makes them anew elsewhere: large, small, more and 1 more; "+
			"bbbpool meeting list --server a lists them")
		for _, id := range []string{"b", "c"} {
			for _, p := range r.Problems(t.Context()) {
				if p.Subject.ID == id {
					t.Errorf("%s has the problem %v", id, p)
				}
			}
		}
		off := record("a")
		off.State = store.Disabled
		r.SetServer(off)
		if list := r.Problems(t.Context()); list != nil {
			t.Errorf("nobody uses it, and there are %v", list)
		}
	})
}

// A server that is offline without meetings is away, and nobody misses it. On its way back it is suspect.
func TestProblems_Away(t *testing.T) {
	c := config()
	c.Healthy = 3
	bubble(t, c, []string{"a", "b", "c"}, func(_ *testing.T, r *rig) {
		r.net["a"].set(down)
		r.pass(time.Minute)
		st := s(r, "a")
		r.expectProblem(r.problem(on("a"), "offline"), problems.Away, st.Failing, 0, 0, fmt.Sprintf(
			"server a is offline, since %s UTC (%s): %s", st.Failing.UTC().Format(time.DateTime),
			time.Since(st.Failing).Truncate(time.Second), st.Reason))
		r.net["a"].set(behaviour{})
		r.pass(11 * time.Second)
		r.expectProblem(r.problem(on("a"), "suspect"), problems.Doubtful, time.Time{}, 0, 0,
			"server a is suspect: "+s(r, "a").Reason)
	})
}

// What works still has problems of its own, each with its name, since when it is so, and with whom it concerns.
func TestProblems_Impending(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		small := record("a")
		small.Capacity = 3
		r.SetServer(small)
		r.divided(0, 5)
		r.place("big", "a", "i-big")
		r.net["a"].show(room("class", "i-a", 5), room("big", "i-big", 4))
		skew := 8 * time.Second
		r.net["a"].change(func(f *fake) { f.skew, f.expires = &skew, time.Now().Add(48*time.Hour) })
		r.net["a"].set(behaviour{delay: 3 * time.Second / 2})
		r.pass(time.Minute)
		began := time.Now()
		r.net["a"].set(behaviour{delay: 3 * time.Second})
		r.pass(time.Minute)
		var names []string
		for _, p := range r.Problems(t.Context()) {
			if p.Subject != on("a") {
				t.Errorf("%v has the problem %v", p.Subject, p)
			}
			names = append(names, p.Name)
		}
		if diff := cmp.Diff([]string{"split", "clock", "certificate", "slow", "over-capacity"}, names); diff != "" {
			t.Error(diff)
		}
		st := s(r, "a")
		split := r.problem(on("a"), "split")
		r.expectProblem(split, problems.Divided, split.Since, 1, 5,
			"server a has people in 1 copy of meetings that run on another server: bbbpool server show a")
		if split.Since.Before(r.start) || !split.Since.Before(began.Add(-time.Minute)) {
			t.Errorf("it is split since %s", split.Since)
		}
		r.expectProblem(r.problem(on("a"), "over-capacity"), problems.Impending, time.Time{}, 1, 9,
			"server a has 9 people, its capacity is 3")
		for i, name := range []string{"clock", "certificate", "slow"} {
			p := r.problem(on("a"), name)
			r.expectProblem(p, problems.Impending, p.Since, 0, 0, "server a: "+st.Warnings[i])
			if p.Since.IsZero() || (name == "slow") != p.Since.After(began) {
				t.Errorf("%s since %s", name, p.Since)
			}
		}
	})
}

// Our own side is a subject of its own.
func TestProblems_Network(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(_ *testing.T, r *rig) {
		subject := problems.Subject{Kind: problems.Network}
		r.lost.Store(&[]string{"a", "b"})
		r.pass(10 * time.Second)
		dns := r.problem(subject, "dns")
		r.expectProblem(dns, problems.Blind, dns.Since, 0, 0, "local DNS fails: the names of 2 servers do not resolve (a, b), "+
			"their last good addresses are used: check /etc/resolv.conf and the resolver that it names")
		r.pass(time.Minute)
		if since := r.problem(subject, "dns").Since; dns.Since.IsZero() || since != dns.Since {
			r.t.Errorf("since %s, then %s", dns.Since, since)
		}
		r.lost.Store(nil)
		r.net["a"].set(down)
		r.net["b"].set(down)
		r.pass(20 * time.Second)
		own := r.problem(subject, "servers")
		r.expectProblem(own, problems.Blind, own.Since, 0, 0, "2 of 3 servers fail at once, so no server goes offline: check our "+
			"own network and DNS. From this machine, does the name of a server resolve, and does it answer (curl -I)? Did a "+
			"firewall, a route or a proxy change?")
		r.pass(time.Minute)
		if since := r.problem(subject, "servers").Since; own.Since.IsZero() || since != own.Since {
			r.t.Errorf("since %s, then %s", own.Since, since)
		}
		r.net["a"].set(behaviour{})
		r.pass(time.Minute)
		for _, p := range r.Problems(r.t.Context()) {
			if p.Subject == subject {
				r.t.Errorf("it is over, and there is %v", p)
			}
		}
	})
}
