package gateway_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// What alerts look at is there before its first event, which would be seen as none otherwise.
func TestMetrics_StartAtZero(t *testing.T) {
	p := start(t, settings{servers: 1})
	for _, series := range []string{
		`bbbpool_requests_total{call="create",outcome="SUCCESS"}`,
		`bbbpool_requests_total{call="create",outcome="serverUnavailable"}`,
		`bbbpool_requests_total{call="create",outcome="serverCapacityReached"}`,
		`bbbpool_requests_total{call="create",outcome="serverTagUnavailable"}`,
		`bbbpool_requests_total{call="join",outcome="redirect"}`,
		`bbbpool_requests_total{call="join",outcome="serverUnavailable"}`,
		`bbbpool_requests_total{call="join",outcome="invalidMeetingIdentifier"}`,
		`bbbpool_requests_total{call="end",outcome="serverUnavailable"}`,
		`bbbpool_requests_total{call="insertDocument",outcome="serverUnavailable"}`,
		`bbbpool_requests_total{call="getMeetings",outcome="internalError"}`,
		`bbbpool_requests_total{call="getRecordings",outcome="SUCCESS"}`,
		`bbbpool_requests_total{call="other",outcome="checksumError"}`,
		`bbbpool_requests_total{call="other",outcome="serverBusy"}`,
		`bbbpool_request_duration_seconds_count{call="create"}`,
		"bbbpool_meetings_placed_total",
		"bbbpool_creates_failed_over_total",
		`bbbpool_join_failures_total{cause="unknown"}`,
		`bbbpool_join_failures_total{cause="offline"}`,
		`bbbpool_join_failures_total{cause="slowCreate"}`,
		`bbbpool_join_failures_total{cause="refused"}`,
		`bbbpool_placement_refusals_total{cause="full"}`,
		`bbbpool_placement_refusals_total{cause="tag"}`,
		`bbbpool_placement_refusals_total{cause="none"}`,
	} {
		if got := p.metric(series); got != "0" {
			t.Errorf("%s is %q, want 0", series, got)
		}
	}
}

// In a total outage every create that fails is counted as refused, whether servers were tried before or not, and so is
// what the servers did not answer. A server's counters leave with it.
func TestMetrics_TotalOutage(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, poll: time.Hour, change: func(c *poller.Config, _ *gatewayConfig) {
		c.Response = time.Second
	}})
	p.create("room")
	home := p.server("room")
	for _, s := range p.sims {
		if err := s.Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"a1", "a2", "a3"} {
		if a := p.call("create", createQuery(id)); a.Key != "serverUnavailable" {
			t.Fatalf("create: %s", a.body)
		}
	}
	p.insert("room")
	p.insert("room")
	for series, want := range map[string]string{
		`bbbpool_placement_refusals_total{cause="failed"}`:                                          "3",
		`bbbpool_requests_total{call="create",outcome="serverUnavailable"}`:                         "3",
		`bbbpool_requests_total{call="insertDocument",outcome="serverUnavailable"}`:                 "2",
		`bbbpool_server_errors_total{server="` + home + `",call="insertDocument",outcome="status"}`: "2",
		`bbbpool_server_errors_total{server="sim1",call="create",outcome="status"}`:                 "3",
		`bbbpool_server_errors_total{server="sim2",call="create",outcome="status"}`:                 "3",
	} {
		if got := p.metric(series); got != want {
			t.Errorf("%s is %q, want %s", series, got, want)
		}
	}
	if err := p.poller.RemoveServer(t.Context(), "sim2"); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	p.gateway.Metrics.Set.WritePrometheus(&page)
	if strings.Contains(page.String(), `server="sim2"`) || !strings.Contains(page.String(), `server="sim1"`) {
		t.Error("the counters of a server that has left stay, or those of another went")
	}
}

// Every series of the gateway belongs to a family that is declared, with its type and its help, and each family has some.
func TestMetrics_FamiliesAreDeclared(t *testing.T) {
	own := metrics.NewSet()
	gateway.Describe(own)
	var page strings.Builder
	own.WritePrometheus(&page)
	for l := range strings.Lines(page.String()) {
		if !slices.ContainsFunc(counts.Families, func(f exposition.Family) bool { return strings.HasPrefix(l, f.Name) }) {
			t.Errorf("no family has %s", l)
		}
	}
	for _, f := range counts.Families {
		suffix := map[exposition.Type]string{exposition.Histogram: "_count"}[f.Type]
		if !strings.Contains(page.String(), f.Name+suffix+"{") && !strings.Contains(page.String(), f.Name+suffix+" ") {
			t.Errorf("%s has no series of type %s", f.Name, f.Type)
		}
		if !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: help is no sentence: %q", f.Name, f.Help)
		}
	}
}

// However many message keys servers make up, there is a bound to the series; what cannot stand in a label is another.
func TestMetrics_KeysOfServers(t *testing.T) {
	var f front
	p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
	p.create("room")
	say := func(key string) {
		f.set(func(call string) (string, bool) {
			return "<response><returncode>FAILED</returncode><messageKey>" + key + "</messageKey></response>", call == "/sendChatMessage"
		})
		if a := p.call("sendChatMessage", "meetingID=room&message=hi"); a.Key != key {
			t.Fatalf("chat: %s", a.body)
		}
	}
	const odd = `bbbpool_requests_total{call="sendChatMessage",outcome="other"}`
	say(`a"b`)
	say(strings.Repeat("x", 61))
	if got := p.metric(odd); got != "2" {
		t.Errorf("%s is %q, want 2", odd, got)
	}
	for i := range 320 {
		say(fmt.Sprint("key", i))
	}
	var page strings.Builder
	p.gateway.Metrics.Set.WritePrometheus(&page)
	if n := strings.Count(page.String(), "bbbpool_requests_total{"); n > 301 {
		t.Errorf("%d series", n)
	}
	const beyond = `bbbpool_requests_total{call="other",outcome="other"}`
	if got, err := strconv.Atoi(p.metric(beyond)); err != nil || got < 20 {
		t.Errorf("%s is %d, want what had no room: %v", beyond, got, err)
	}
}
