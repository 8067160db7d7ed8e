package gateway_test

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/gateway/learning"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

const secret = "front-end-secret"

// TestMain lets more tests run at once than there are processors: those that are parallel wait more than they work, for
// servers to fail and for others to notice.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // the flag exists
	os.Exit(m.Run())
}

// pool is a whole bbbpool over simulated servers: real HTTP on both sides, a real store.
type pool struct {
	tb      testing.TB
	sims    []*simulator.Server
	stores  *driver.Stores
	ledger  *placement.Ledger
	poller  *poller.Poller
	gateway *gateway.Gateway
	seal    *address.Sealer
	http    *httptest.Server
	client  *http.Client
}

// settings are what tests change.
type settings struct {
	servers int
	weights []float64 // of the first servers; 1 for the others
	poll    time.Duration
	change  func(*poller.Config, *gateway.Config)
	server  func(*store.Server) // changes the records of the servers
	rule    placement.Config    // that of the flags' defaults where it is zero
	now     func() time.Time    // of ledger, poller and servers; time.Now where it is nil
	log     io.Writer
	data    string
	called  string // where servers call the pool back; nowhere where it is ""
	lrs     learning.Payloads
}

// start runs a pool until the test ends.
func start(tb testing.TB, set settings) *pool {
	tb.Helper()
	p := &pool{tb: tb, sims: simulators(tb, simulator.Config{Servers: set.servers, Now: set.now}), client: browser()}
	p.boot(set)
	p.waitFor("every server to be online", func() bool {
		for _, s := range p.poller.Servers() {
			if s.Health != poller.Online {
				return false
			}
		}
		return true
	})
	return p
}

// browser is a client that does not follow redirects and keeps enough connections.
func browser() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 512},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func simulators(tb testing.TB, config simulator.Config) []*simulator.Server {
	tb.Helper()
	if config.Now != nil { // then hours pass in seconds, and no meeting may be over for that
		config.Life = simulator.Settings{NeverJoined: 24 * time.Hour, Deserted: 24 * time.Hour, Linger: time.Minute}
	}
	sim, err := simulator.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	runUntilCleanup(tb, sim.Run)
	return sim.Servers()
}

// runUntilCleanup runs a component and waits for its end when the test is over.
func runUntilCleanup(tb testing.TB, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("run: %v", err)
		}
	})
}

// boot runs a pool as it is put together for everybody, over the simulated servers and an index without a library.
func (p *pool) boot(set settings) {
	tb := p.tb
	tb.Helper()
	if set.data == "" {
		set.data = tb.TempDir()
	}
	log := zerolog.Nop()
	if set.log != nil {
		log = zerolog.New(set.log).With().Timestamp().Logger()
	}
	p.enlist(set)
	whole, err := assembly.Open(context.Background(), assembly.Options{
		Settings: set.all(tb), Data: set.data, Log: log, Now: set.now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	p.stores, p.ledger, p.poller, p.gateway = whole.Stores, whole.Ledger, whole.Poller, whole.Gateway
	p.seal = whole.Callbacks.Seal
	if set.lrs != nil {
		p.gateway.LRS = set.lrs
		if err := p.gateway.Open(context.Background(), p.stores.State, time.Now()); err != nil {
			tb.Fatal(err)
		}
	}
	calls := &p.gateway.RecordingCalls
	calls.Recordings, calls.Tracks = index{p.stores.Index}, &tracks{}
	calls.Link = func(_ store.Recording, f store.Format) string { return f.Path }
	calls.FileLink = func(r store.Recording, format, name string) string {
		return "/" + format + "/" + r.RecordID + "/" + name
	}
	mux := http.NewServeMux()
	p.gateway.Mount(mux)
	runUntilCleanup(tb, func(ctx context.Context) error { return whole.Run(ctx) })
	p.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if scheme := r.Header.Get("X-Test-Scheme"); scheme != "" { // the server in front makes this out
			r.URL.Scheme, r.URL.Host = scheme, r.Host
		}
		mux.ServeHTTP(w, r)
	}))
	tb.Cleanup(p.http.Close)
}

// all are the settings of every part: those of the flags' defaults where a test does not want others.
func (set settings) all(tb testing.TB) (all assembly.Settings) {
	tb.Helper()
	if err := cli.Defaults(&all); err != nil {
		tb.Fatal(err)
	}
	all.HTTP.Listen = "127.0.0.1:0"
	all.Callbacks.URL = set.called
	all.Poller = poller.Config{
		Interval: cmp.Or(set.poll, time.Second), Connect: 2 * time.Second, Response: 10 * time.Second, Unhealthy: 3,
		Healthy: 1, Failover: 3 * time.Second,
	}
	all.Gateway = gateway.Config{Secret: secret, MaxBody: 1 << 20}
	if set.change != nil {
		set.change(&all.Poller, &all.Gateway)
	}
	all.Recordings.KeepDeleted = math.MaxInt64 // or what a test has put there as deleted goes when the pool first tidies up
	all.HTTP.MaxRequests = cmp.Or(all.Gateway.MaxRequests, all.HTTP.MaxRequests)
	if all.Placement = set.rule; reflect.ValueOf(set.rule).IsZero() {
		all.Placement = placement.Config{Sessions: 3, SeatMin: 50, SeatLead: 20 * time.Minute, SeatGrace: 10 * time.Minute}
	}
	return all
}

// enlist stores the simulated servers as those of the pool, and no others.
func (p *pool) enlist(set settings) {
	tb, ctx := p.tb, context.Background()
	tb.Helper()
	stores, err := driver.Open(driver.Config{Data: set.data})
	if err != nil {
		tb.Fatal(err)
	}
	before, err := stores.State.Servers(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range before {
		if err := stores.State.DeleteServer(ctx, s.ID); err != nil {
			tb.Fatal(err)
		}
	}
	var adding errgroup.Group // writes that come together are one to the disk
	for i, s := range p.sims {
		record := store.Server{
			ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1,
		}
		if i < len(set.weights) {
			record.Weight = set.weights[i]
		}
		if set.server != nil {
			set.server(&record)
		}
		adding.Go(func() error { return stores.State.CreateServer(ctx, record) })
	}
	if err := errors.Join(adding.Wait(), stores.Close()); err != nil {
		tb.Fatal(err)
	}
}

// sim returns the simulated server with that ID.
func (p *pool) sim(id string) *simulator.Server {
	for _, s := range p.sims {
		if s.ID() == id {
			return s
		}
	}
	p.tb.Fatalf("no server %q", id)
	return nil
}

// waitFor waits until something becomes true in another goroutine.
func (p *pool) waitFor(what string, ok func() bool) {
	p.tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond) // real servers on real sockets: there is no clock to move
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			p.tb.Fatalf("still waiting for %s", what)
		}
	}
}

// url signs a call for the pool.
func (p *pool) url(call, query string) string {
	return p.http.URL + "/bigbluebutton/api/" + call + "?" + bbb.SHA256.Sign(call, query, secret)
}

// answer is what a front end reads of an answer.
type answer struct {
	Returncode string    `xml:"returncode"`
	Key        string    `xml:"messageKey"`
	Message    string    `xml:"message"`
	MeetingID  string    `xml:"meetingID"`
	InternalID string    `xml:"internalMeetingID"`
	CreateTime int64     `xml:"createTime"`
	Running    bool      `xml:"running"`
	People     int       `xml:"participantCount"`
	Meetings   []meeting `xml:"meetings>meeting"`
	body       string
}

type meeting struct {
	MeetingID  string `xml:"meetingID"`
	InternalID string `xml:"internalMeetingID"`
	Name       string `xml:"meetingName"`
	People     int    `xml:"participantCount"`
}

// call makes a call as a front end does, and reads the answer as strictly.
func (p *pool) call(call, query string) answer {
	p.tb.Helper()
	a, err := p.try(call, query)
	if err != nil {
		p.tb.Fatalf("%s: %v", call, err)
	}
	return a
}

// try is call for goroutines, which must not end the test.
func (p *pool) try(call, query string) (answer, error) {
	resp, err := p.client.Get(p.url(call, query))
	if err != nil {
		return answer{}, err
	}
	return read(resp)
}

func read(resp *http.Response) (a answer, err error) {
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	if err := xml.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("status %d, %q: %w", resp.StatusCode, body, err)
	}
	a.body = string(body)
	return a, nil
}

// create creates a meeting that must succeed.
func (p *pool) create(id string) answer {
	p.tb.Helper()
	a := p.call("create", createQuery(id))
	if a.Returncode != "SUCCESS" {
		p.tb.Fatalf("create %s: %s", id, a.body)
	}
	return a
}

func createQuery(id string) string {
	return "name=" + url.QueryEscape("Room "+id) + "&meetingID=" + url.QueryEscape(id) + "&attendeePW=ap&moderatorPW=mp"
}

// server returns where a meeting is claimed.
func (p *pool) server(id string) string {
	found, err := p.ledger.Peek(key(id))
	if err != nil {
		return ""
	}
	return found.Claim.Server
}

func key(id string) store.MeetingKey {
	return store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id}
}

// on returns the servers that list a live meeting.
func (p *pool) on(id string) (servers []string) {
	for _, s := range p.sims {
		if m, ok := s.Meeting(id); ok && !m.Ended {
			servers = append(servers, s.ID())
		}
	}
	return servers
}

// join joins a meeting, and returns where that redirects to.
func (p *pool) join(id, query string) *url.URL {
	p.tb.Helper()
	q := "meetingID=" + url.QueryEscape(id) + "&fullName=Ada&role=MODERATOR" + query
	resp, err := p.client.Get(p.url("join", q))
	if err != nil {
		p.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusFound {
		p.tb.Fatalf("join: status %d", resp.StatusCode)
	}
	u, err := resp.Location()
	if err != nil {
		p.tb.Fatal(err)
	}
	return u
}

// hostOf returns the host and port of a simulated server.
func hostOf(tb testing.TB, s *simulator.Server) string {
	tb.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		tb.Fatal(err)
	}
	return u.Host
}

type gatewayConfig = gateway.Config

// line is one line of the log.
type line struct {
	Level, Message                                     string
	Tenant, MeetingID, Server, From, Claimed           string
	Basis, Why, Was, Health, Reason, InternalMeetingID string
	Expected                                           float64
	Hint, Meetings                                     int
}

// lines returns the lines of a log that say so.
func lines(tb testing.TB, log *syncBuffer, message string) (list []line) {
	tb.Helper()
	for text := range strings.Lines(log.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			tb.Fatalf("log: %v in %s", err, text)
		}
		if l.Message == message {
			list = append(list, l)
		}
	}
	return list
}

// ends is how often servers were asked to end a meeting.
func (p *pool) ends() (n int) {
	for _, s := range p.sims {
		n += s.Calls("end")
	}
	return n
}

// health returns what a server is.
func (p *pool) health(id string) poller.Health {
	status, _ := p.poller.Server(id)
	return status.Health
}

// waitHealth waits until a server is that.
func (p *pool) waitHealth(id string, want poller.Health) {
	p.tb.Helper()
	p.waitFor(id+" to be "+string(want), func() bool { return p.health(id) == want })
}

// metric returns the value of a series.
func (p *pool) metric(series string) (value string) {
	var page strings.Builder
	p.gateway.Metrics.Set.WritePrometheus(&page)
	for l := range strings.Lines(page.String()) {
		if rest, ok := strings.CutPrefix(l, series+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// polled waits until a server was polled so many times more.
func (p *pool) polled(s *simulator.Server, polls int) {
	p.tb.Helper()
	n := s.Calls("getMeetings") + polls
	p.waitFor("polls", func() bool { return s.Calls("getMeetings") >= n })
}

// as returns the record of a server in another state.
func (p *pool) as(id string, state store.ServerState) store.Server {
	p.tb.Helper()
	status, ok := p.poller.Server(id)
	if !ok {
		p.tb.Fatalf("no server %q in the pool", id)
	}
	status.State = state
	return status.Server
}
