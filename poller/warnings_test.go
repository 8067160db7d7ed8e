package poller_test

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
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
