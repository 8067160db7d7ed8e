package assembly_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// fronts are the front ends of two tenants, which note what they are told: "tenant what with".
type fronts struct {
	t       *testing.T
	server  *httptest.Server
	secrets map[string]string // by tenant: what its create was signed with
	down    atomic.Bool       // for recordings

	mu   sync.Mutex
	said []string
}

func newFronts(t *testing.T) *fronts {
	f := &fronts{t: t, secrets: map[string]string{"a": "secret a-2", "b": "secret b-1"}}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

// ServeHTTP is what a pool calls.
func (f *fronts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	tenant, what := parts[0], parts[1]
	body, _ := io.ReadAll(r.Body)
	line := tenant + " " + what
	switch what {
	case "end", "ended":
		line += " " + r.URL.RawQuery
	case "ready":
		if f.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		form, _ := url.ParseQuery(string(body))
		line += " " + f.open(tenant, form.Get("signed_parameters"), "meeting_id", sha256.New)
	case "analytics":
		f.open(tenant, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "exp", sha512.New)
		var told struct {
			ID   string `json:"meeting_id"`
			Data struct {
				Metadata map[string]string
			}
		}
		if err := json.Unmarshal(body, &told); err != nil {
			f.t.Error(err)
		}
		line += " " + told.ID + " " + strings.TrimPrefix(told.Data.Metadata["analytics_callback_url"], f.server.URL)
		if strings.Contains(string(body), "/callbacks/") {
			f.t.Errorf("an address of ours goes out: %s", body)
		}
	}
	f.mu.Lock()
	f.said = append(f.said, line)
	f.mu.Unlock()
}

// open verifies a token with the secret of a tenant's create, by one algorithm alone, and returns one of its claims.
func (f *fronts) open(tenant, token, claim string, by func() hash.Hash) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		f.t.Errorf("token %q", token)
		return ""
	}
	mac := hmac.New(by, []byte(f.secrets[tenant]))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
		f.t.Errorf("what %s gets is not signed with the secret of its create", tenant)
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		f.t.Error(err)
	}
	return fmt.Sprint(claims[claim])
}

// heard waits until the front ends were told of so many things that begin so, and returns those, sorted.
func (f *fronts) heard(n int, beginning string) (list []string) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		f.mu.Lock()
		list = slices.DeleteFunc(slices.Clone(f.said), func(line string) bool { return !strings.Contains(line, " "+beginning+" ") })
		f.mu.Unlock()
		if len(list) >= n || time.Now().After(deadline) {
			slices.Sort(list)
			return list
		}
	}
}

// What a front end asks to be told it is told, once, of its own meetings alone, signed with the secret of its create; whatever is
// down meanwhile, and although nobody polls: the end at once, who did what, and the recording once it can be found here.
func TestPool_CallsBack(t *testing.T) {
	t.Parallel()
	f := newFronts(t)
	o := options(t)
	o.Settings.HTTP.Listen = free(t)
	o.Settings.Callbacks.URL = "http://" + o.Settings.HTTP.Listen
	o.Settings.Outbox.Allow, o.Settings.Outbox.First = []string{"127.0.0.1"}, 20*time.Millisecond
	// However slow the machine is: what was refused is tried again soon, and no end goes without its marks.
	o.Settings.Outbox.Most, o.Settings.Callbacks.MarksWait = 200*time.Millisecond, time.Minute
	o.Settings.Poller.Interval = time.Hour
	o.Settings.Recordings.Rest = 20 * time.Millisecond
	sim, err := simulator.New(simulator.Config{
		Servers: 1, SpoolDir: filepath.Join(o.Data, "recordings", "spool"),
		Life: simulator.Settings{Linger: 20 * time.Millisecond, Step: 10 * time.Millisecond}, Report: func(err error) { t.Log(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Log(err)
		}
	})
	enlist(t, o.Data, sim.Servers(), []*neighbour{{id: "a", secret: "secret a-1"}, {id: "b", secret: "secret b-1"}})
	p := open(t, o)
	if _, err := p.Stores.State.UpdateTenant(t.Context(), "a", func(a *store.Tenant) error {
		a.Secrets = append(a.Secrets, store.TenantSecret{Name: "second", Secret: "secret a-2"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := run(t, p)
	ready(t, p)
	f.down.Store(true)
	for _, tenant := range []string{"a", "b"} {
		f.meet(p, tenant)
	}
	if got, want := f.heard(2, "ended"), []string{"a ended x=a", "b ended x=b"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for deadline := time.Now().Add(30 * time.Second); p.Ledger.Count() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d meetings stand", p.Ledger.Count())
		}
	}
	if got, want := f.heard(2, "end"), []string{
		"a end x=a&recordingmarks=true&meetingID=room", "b end x=b&recordingmarks=true&meetingID=room",
	}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got, want := f.heard(2, "analytics"), []string{"a analytics room /a/analytics", "b analytics room /b/analytics"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	f.waitForRecordings(p)
	if err := stop(); err != nil {
		t.Error(err)
	}
	f.down.Store(false)
	p = open(t, o)
	run(t, p)
	if got, want := f.heard(2, "ready"), []string{"a ready room", "b ready room"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.said) != 8 {
		t.Errorf("told %q", f.said)
	}
}

// call makes a call as a tenant's front end does.
func (f *fronts) call(p *assembly.Pool, tenant, name string, query url.Values) string {
	f.t.Helper()
	_, body := get(f.t, p.Addr(), "/t/"+tenant+"/bigbluebutton/api/"+name+"?"+
		bbb.SHA256.Sign(name, query.Encode(), bbb.Secret(f.secrets[tenant])))
	return body
}

// meet has a tenant hold a meeting that is recorded.
func (f *fronts) meet(p *assembly.Pool, tenant string) {
	f.t.Helper()
	at := func(what string) string { return f.server.URL + "/" + tenant + "/" + what }
	create := url.Values{
		"meetingID": {"room"}, "name": {"Room"}, "moderatorPW": {"mp"}, "record": {"true"}, "autoStartRecording": {"true"},
		"meetingEndedURL": {at("ended?x=" + tenant)}, "meta_endCallbackUrl": {at("end?x=" + tenant)},
		"meta_bbb-recording-ready-url": {at("ready")}, "meta_analytics-callback-url": {at("analytics")},
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		body := f.call(p, tenant, "create", create)
		if strings.Contains(body, "SUCCESS") {
			break
		}
		if time.Now().After(deadline) {
			f.t.Fatal(body)
		}
	}
	f.call(p, tenant, "join", url.Values{"meetingID": {"room"}, "fullName": {"Anna"}, "password": {"mp"}, "redirect": {"false"}})
	if body := f.call(p, tenant, "getMeetingInfo", url.Values{"meetingID": {"room"}}); !strings.Contains(body, at("end?x=")) {
		f.t.Errorf("the front end does not see its own: %s", body)
	}
	f.end(p, tenant)
}

// end has the meeting ended on its server, as somebody in it does: the pool learns of that by what the server calls back.
func (f *fronts) end(p *assembly.Pool, tenant string) {
	f.t.Helper()
	claims, err := p.Stores.State.Claims(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range claims {
		if c.Tenant != tenant {
			continue
		}
		server, err := p.Stores.State.Server(f.t.Context(), c.Server)
		if err != nil {
			f.t.Fatal(err)
		}
		query := bbb.SHA256.Sign("end", url.Values{"meetingID": {c.OnServer()}, "password": {"mp"}}.Encode(), bbb.Secret(server.Secret))
		resp, err := http.Get(server.URL + "/end?" + query)
		if err != nil {
			f.t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}

// waitForRecordings waits until both recordings are found, by their front ends' own metadata.
func (f *fronts) waitForRecordings(p *assembly.Pool) {
	f.t.Helper()
	for _, tenant := range []string{"a", "b"} {
		want := f.server.URL + "/" + tenant + "/ready"
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			body := f.call(p, tenant, "getRecordings", url.Values{"meetingID": {"room"}, "state": {"published"}})
			if strings.Contains(body, "<recordID>") && strings.Contains(body, want) && !strings.Contains(body, "/callbacks/") {
				break
			}
			if time.Now().After(deadline) {
				f.t.Fatal(body)
			}
		}
	}
}
