package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/bbb/releases"
)

// checks are the names of all checks, in the order of the report.
var checks = []string{
	"reach", "tls", "version", "checksum", "clock", "create", "join", "info", "recording", "list", "end", "callbacks", "speed",
	"load",
}

// What is a warning, beside what bbb tells people of every server.
const (
	slower     = 3                      // times the pool, and
	noticeable = 50 * time.Millisecond  // by so much, so that two fast servers are not told apart
	maxVersion = 40                     // bytes of what it says of its version
	dayTime    = "2006-01-02 15:04 MST" // how dates are printed
)

// reach asks for the version, and looks at the certificate that comes with the answer.
func (t *trial) reach(ctx context.Context) bool {
	t.steps.begin("reach")
	ctx, cancel := context.WithTimeout(ctx, t.options.Call)
	defer cancel()
	began := t.now()
	reply, err := t.target.NewClient(t.target.Endpoint).ProbeReply(ctx)
	took := t.now().Sub(began)
	if failed, ok := errors.AsType[*bbb.CallError](err); ok && failed.Reason == bbb.TLS {
		t.add("reach", Pass, "something listens there", 0)
		return t.add("tls", Fail, t.explain(err), took)
	}
	if t.addError("reach", err, took) {
		return false
	}
	t.setSkew(reply, began, took)
	t.certificate(reply.Expires)
	root, err := reply.Answer("")
	if t.addError("reach", err, took) {
		return false
	}
	t.version(root.Get("bbbVersion"))
	return t.add("reach", Pass, "BigBlueButton answers", took)
}

func (t *trial) certificate(expires time.Time) {
	t.report.Expires = expires
	left := expires.Sub(t.now())
	day := expires.UTC().Format(dayTime)
	switch {
	case expires.IsZero() && !strings.HasPrefix(t.report.URL, "https:"):
		t.add("tls", Skipped, "http: no certificate to look at, and browsers give no microphone to a client over http", 0)
	case expires.IsZero():
		t.add("tls", Skipped, "the certificate was not seen", 0)
	case left < bbb.RenewCertificate:
		t.add("tls", Warning, fmt.Sprintf("the certificate expires in %s, on %s: renew it there (certbot renew) and reload nginx",
			counted(max(int(left.Hours()/24), 0), "day", "days"), day), 0)
	default:
		t.add("tls", Pass, "the certificate is valid until "+day, 0)
	}
}

// version says what is to be thought of the release that the server says it is. That anybody could create meetings there
// keeps it from none of ours, so it is no more than a warning.
func (t *trial) version(text string) {
	text = clean(text, maxVersion)
	t.report.Version = text
	switch judged := releases.Judge(text); judged.Standing {
	case releases.Sound:
		t.add("version", Pass, judged.Text, 0)
	case releases.Hidden:
		t.add("version", Skipped, judged.Text, 0)
	case releases.Strange, releases.Candidate, releases.Untested, releases.Open, releases.Dated:
		t.add("version", Warning, judged.Text, 0)
	}
}

// checksum finds the algorithms that the server accepts with our secret. It asks for its meetings, which also shows
// whether it can list them, and how fast.
func (t *trial) checksum(ctx context.Context) bool {
	var accepted []string
	for _, alg := range bbb.Algorithms {
		t.steps.begin("checksum " + string(alg))
		endpoint := t.target.Endpoint
		endpoint.Algorithm = alg
		client := t.target.NewClient(endpoint)
		_, took, err := (caller{client, t.timeout, t.now}).getMeetings(ctx)
		if refused, ok := errors.AsType[*bbb.Error](err); ok && refused.Key == bbb.ErrChecksum.Key {
			continue
		}
		if t.addError("checksum", err, took) {
			return false
		}
		if accepted = append(accepted, string(alg)); t.client == nil {
			t.client, t.report.Algorithm = client, alg
		}
		t.polls = append(t.polls, took)
	}
	switch {
	case len(accepted) > 0 && t.client.OnFormer():
		return t.add("checksum", Pass, "the server accepts its former secret, and not the new one yet: "+
			"run bbb-conf --setsecret there", 0)
	case len(accepted) == 0:
		return t.add("checksum", Fail, "the server does not accept the secret, with any algorithm: "+
			"run bbb-conf --secret there and copy it once more", 0)
	case t.report.Algorithm == bbb.SHA1:
		return t.add("checksum", Warning, "the server accepts sha1 alone: "+
			"add sha256 to supportedChecksumAlgorithms in its bbb-web.properties", 0)
	}
	return t.add("checksum", Pass, "the server accepts the secret, with "+strings.Join(accepted, ", "), 0)
}

// setSkew takes the difference between the clocks from a reply. Later ones are more exact: they come over a connection
// that is open already.
func (t *trial) setSkew(reply *bbb.Reply, began time.Time, took time.Duration) {
	if !reply.Date.IsZero() {
		t.timed, t.skew = true, reply.Skew(began, began.Add(took))
	}
}

// clock compares the clocks. What the pool shows of meetings and recordings carries the server's time.
func (t *trial) clock() {
	t.report.Skew = milliseconds(t.skew)
	way := "ahead of"
	if t.skew < 0 {
		way = "behind"
	}
	switch {
	case !t.timed:
		t.add("clock", Skipped, "the server does not tell its time", 0)
	case t.skew.Abs() <= bbb.MaxClockSkew:
		t.add("clock", Pass, "the clocks agree", 0)
	default:
		t.add("clock", Warning, fmt.Sprintf(
			"the server's clock is %s %s ours: let the network set both (chrony or systemd-timesyncd)",
			round(t.skew.Abs()), way), 0)
	}
}

// speed compares how fast the server lists its meetings, as it will have to at every poll, with the pool.
func (t *trial) speed() {
	if len(t.polls) == 0 {
		return
	}
	own := percentile(t.polls, 50)
	if len(t.options.Pool) == 0 {
		t.add("speed", Skipped, "no other server is online to compare with; this one lists its meetings in "+round(own), 0)
		return
	}
	pool := percentile(t.options.Pool, 50)
	if own > slower*pool && own-pool > noticeable {
		t.add("speed", Warning, fmt.Sprintf("the server lists its meetings in %s, the pool in %s: look at its load, "+
			"and at the network between", round(own), round(pool)), 0)
		return
	}
	t.add("speed", Pass, fmt.Sprintf("the server lists its meetings in %s, the pool in %s", round(own), round(pool)), 0)
}

// percentile is the smallest value that so many in a hundred do not exceed; 0 of none.
func percentile(times []time.Duration, p int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max((len(sorted)*p+99)/100-1, 0)]
}
