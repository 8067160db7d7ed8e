package poller_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

const secret = "sesame"

var (
	errDown = errors.New("connection refused")
	// hung is a server that takes connections and never answers.
	hung = behaviour{delay: 1000 * time.Hour}
	down = behaviour{err: errDown}
)

// behaviour is how a server answers. The zero value is at once and rightly.
type behaviour struct {
	delay time.Duration
	err   error
	body  string // instead of the right answer
}

// call is one that a server has seen.
type call struct {
	name string
	at   time.Time
}

// fake is a server in memory.
type fake struct {
	mu       sync.Mutex
	is       map[string]behaviour // by call; "" is all others
	meetings []bbb.Meeting
	skew     *time.Duration // of its clock, where it says what time it is
	expires  time.Time      // its certificate
	flap     int            // every so many polls one fails
	flapped  int            // polls so far, since flap was set
	secret   bbb.Secret     // "" is the one that all have
	calls    []call
	polls    int // in flight
	most     int // polls that were in flight at once
}

// pass lets time pass. Without any it makes no timer: the race detector does not survive one in a bubble that is due at once
// (SIGSEGV in the runtime of Go 1.26).
func pass(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// network is the way to all servers, by host. It opens no sockets, so that time in a bubble can pass.
type network map[string]*fake

func (n network) RoundTrip(req *http.Request) (*http.Response, error) {
	f := n[req.URL.Host]
	if f == nil {
		return nil, fmt.Errorf("no such host as %s", req.URL.Host)
	}
	name := req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]
	defer f.enter(name)()
	is := f.behaviour(name)
	if err := pass(req.Context(), is.delay); err != nil {
		return nil, err
	}
	if is.err != nil {
		return nil, is.err
	}
	body := is.body
	if body == "" {
		body = f.answer(name, req.URL)
	}
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.skew != nil {
		resp.Header.Set("Date", time.Now().Add(*f.skew).UTC().Format(http.TimeFormat))
	}
	if !f.expires.IsZero() {
		resp.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotAfter: f.expires}}}
	}
	return resp, nil
}

func (f *fake) enter(name string) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call{name, time.Now()})
	if name != "getMeetings" {
		return func() {}
	}
	f.polls++
	f.most = max(f.most, f.polls)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.polls--
	}
}

func (f *fake) behaviour(name string) behaviour {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.flap > 0 && name == "getMeetings" {
		if f.flapped++; f.flapped%f.flap == 0 {
			return down
		}
	}
	if is, ok := f.is[name]; ok {
		return is
	}
	return f.is[""]
}

// set makes the server behave in a way for the calls named, or for all that are not.
func (f *fake) set(is behaviour, names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(names) == 0 {
		f.is = map[string]behaviour{"": is}
	}
	for _, name := range names {
		f.is[name] = is
	}
}

// show sets the meetings of the server.
func (f *fake) show(meetings ...bbb.Meeting) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.meetings = meetings
}

func (f *fake) answer(name string, u *url.URL) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case name == "api":
		return "<response><returncode>SUCCESS</returncode><version>2.0</version></response>"
	case name == "end":
		id := u.Query().Get("meetingID")
		f.meetings = slices.DeleteFunc(slices.Clone(f.meetings), func(m bbb.Meeting) bool { return m.OnServer() == id })
		return "<response><returncode>SUCCESS</returncode></response>"
	case name == "getMeetingInfo":
		return info(f.meetings, u.Query().Get("meetingID"))
	case !f.signed(name, u.RawQuery):
		return "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey>" +
			"<message>Checksums do not match</message></response>"
	}
	if name == "isMeetingRunning" {
		return "<response><returncode>SUCCESS</returncode><running>false</running></response>"
	}
	return list(f.meetings...)
}

// signed tells whether a call was signed with the secret of the server.
func (f *fake) signed(call, query string) bool {
	query, checksum := bbb.SplitChecksum(query)
	return bbb.Verify(call, query, checksum, []bbb.Secret{cmp.Or(f.secret, secret)}) == 0
}

// info is an answer to getMeetingInfo, as far as anybody reads it.
func info(meetings []bbb.Meeting, id string) string {
	i := slices.IndexFunc(meetings, func(m bbb.Meeting) bool { return m.OnServer() == id })
	if i < 0 {
		return "<response><returncode>FAILED</returncode><messageKey>notFound</messageKey>" +
			"<message>A meeting with that ID does not exist</message></response>"
	}
	return string(bbb.Success().Text("meetingID", id).Text("internalMeetingID", meetings[i].InternalID).
		Int("participantCount", int64(meetings[i].Participants)).Bytes())
}

// list is an answer to getMeetings.
func list(meetings ...bbb.Meeting) string {
	x := bbb.Success().Open("meetings")
	for _, m := range meetings {
		x.Open("meeting").Text("meetingName", m.Name).Text("meetingID", m.OnServer()).
			Text("internalMeetingID", m.InternalID).Int("createTime", m.CreateTime).
			Bool("hasBeenForciblyEnded", m.Ended).Int("participantCount", int64(m.Participants)).
			Int("videoCount", int64(m.Videos)).Bool("isBreakout", m.Breakout).Text("parentMeetingID", m.ParentID).
			Open("metadata")
		if m.Tenant != "" {
			x.Text(bbb.TenantKey, m.Tenant)
		}
		if m.Alias != "" {
			x.Text(bbb.IDKey, m.MeetingID)
		}
		x.Close("metadata").Close("meeting")
	}
	return string(x.Close("meetings").Bytes())
}

// times returns when calls were seen, as time since the first instant of the test.
func (f *fake) times(start time.Time, name string) (at []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.name == name {
			at = append(at, c.at.Sub(start))
		}
	}
	return at
}

// asked is how often the server was called.
func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// change changes something about the server.
func (f *fake) change(to func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to(f)
}

// forget drops what was called so far.
func (f *fake) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
}

// rig is a poller over servers in memory.
type rig struct {
	*poller.Poller
	t      testing.TB
	net    network
	ledger *placement.Ledger
	store  *memory
	logs   *logs
	config poller.Config
	start  time.Time
	lost   atomic.Pointer[[]string] // names that do not resolve
}

// transport is the way to the servers of a rig.
type transport struct {
	network
	*rig
}

func (t transport) Unresolved() []string {
	if lost := t.lost.Load(); lost != nil {
		return slices.Clone(*lost)
	}
	return nil
}

func config() poller.Config {
	return poller.Config{
		Interval: 10 * time.Second, Connect: 2 * time.Second, Response: 10 * time.Second, Unhealthy: 3, Healthy: 1,
		Failover: 3 * time.Second,
	}
}

// newRig makes a poller that does not run yet. The servers are called as their hosts.
func newRig(t testing.TB, c poller.Config, now func() time.Time, ids ...string) *rig {
	r := &rig{
		t: t, net: network{}, store: &memory{claims: map[store.MeetingKey]store.Claim{}}, logs: &logs{},
		config: c, start: now(),
	}
	if c.Transport == nil {
		c.Transport = transport{r.net, r}
	}
	r.ledger = openLedger(t, r.store, now)
	r.Poller = poller.New(c, r.ledger, zerolog.New(r.logs), now)
	for _, id := range ids {
		r.net[id] = &fake{is: map[string]behaviour{}}
		r.SetServer(record(id))
	}
	return r
}

// network says in words what is wrong on our own side of the servers.
func (r *rig) network() []string { return networkProblems(r.Poller) }

func networkProblems(p *poller.Poller) (list []string) {
	for _, one := range p.Problems(context.Background()) {
		if one.Subject.Kind == problems.Network {
			list = append(list, one.String())
		}
	}
	return list
}

// words are the texts of warnings.
func words(list []poller.Warning) (texts []string) {
	for _, w := range list {
		texts = append(texts, w.Text)
	}
	return texts
}

// ready tells why the pool cannot take new meetings, "" where it can.
func (r *rig) ready() string {
	var list []string
	for _, p := range r.Readiness().Problems(context.Background()) {
		list = append(list, p.String())
	}
	return strings.Join(list, "; ")
}

// openLedger opens a ledger over a store that is empty.
func openLedger(t testing.TB, m *memory, now func() time.Time) *placement.Ledger {
	t.Helper()
	l, err := placement.OpenLedger(context.Background(), placement.Parts{State: m, Remember: m.Remember, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func record(id string) store.Server {
	return store.Server{
		ID: id, URL: "http://" + id + "/bigbluebutton/api", Secret: secret, State: store.Enabled, Weight: 1,
	}
}

// bubble runs a test with a running poller, in time of its own.
func bubble(t *testing.T, c poller.Config, ids []string, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, c, time.Now, ids...)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- r.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-over; err != nil {
				t.Errorf("run: %v", err)
			}
		}()
		r.pass(time.Second)
		test(t, r)
	})
}

// pass lets time pass, and everything happen that follows from it.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) health(id string) poller.Health {
	s, _ := r.Server(id)
	return s.Health
}

// expect checks the health of a server.
func (r *rig) expect(id string, want poller.Health) {
	r.t.Helper()
	if got := r.health(id); got != want {
		r.t.Errorf("after %s: %s is %s, want %s", time.Since(r.start), id, got, want)
	}
}

// place claims a meeting on a server, as a create that succeeded does.
func (r *rig) place(id, server, internal string) {
	r.t.Helper()
	ctx := context.Background()
	creation, err := r.ledger.Begin(ctx, key(id))
	if err != nil {
		r.t.Fatal(err)
	}
	defer creation.End()
	var avoid []string
	for other := range r.net {
		if other != server {
			avoid = append(avoid, other)
		}
	}
	if _, err := creation.Place(ctx, placement.Wish{}, avoid); err != nil {
		r.t.Fatal(err)
	}
	if err := creation.Confirm(ctx, placement.Made{InternalID: internal, CreateTime: 1}); err != nil {
		r.t.Fatal(err)
	}
}

// claimed returns the server that a meeting is claimed on.
func (r *rig) claimed(id string) string {
	found, err := r.ledger.Peek(key(id))
	if err != nil {
		return ""
	}
	return found.Claim.Server
}

func key(id string) store.MeetingKey {
	return store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id}
}

func room(id, internal string, people int) bbb.Meeting {
	return bbb.Meeting{MeetingID: id, InternalID: internal, Name: "Room " + id, CreateTime: 1, Participants: people}
}

// internals returns the internal IDs of the meetings that the default tenant sees.
func (r *rig) internals() []string {
	list := []string{}
	for _, m := range r.Meetings(store.DefaultTenant) {
		list = append(list, m.InternalID)
	}
	return list
}

// logs keeps log lines.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// count returns how many lines contain a text.
func (l *logs) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
