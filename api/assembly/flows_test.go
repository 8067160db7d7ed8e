package assembly_test

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// flow is a pool over simulated servers, for a front end that does what a real one does.
type flow struct {
	*assembly.Pool

	t     *testing.T
	o     assembly.Options
	sim   *simulator.Simulator
	clock *hasty // of the servers
	stop  func() error
}

// newFlow starts a pool that is quick, over some servers.
func newFlow(t *testing.T, cfg simulator.Config, change func(*assembly.Settings), now ...func() time.Time) *flow {
	t.Helper()
	f := &flow{t: t, o: options(t), clock: &hasty{}}
	for _, f.o.Now = range now {
	}
	s := &f.o.Settings
	s.HTTP.Listen = free(t)
	s.Callbacks.URL, s.Callbacks.MarksWait = "http://"+s.HTTP.Listen, 300*time.Millisecond
	s.Outbox.Allow, s.Outbox.First = []string{"127.0.0.1"}, 20*time.Millisecond
	s.Poller.Interval, s.Poller.Failover, s.Recordings.Rest = 50*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond
	if change != nil {
		change(s)
	}
	cfg.SpoolDir, cfg.Now = filepath.Join(f.o.Data, "recordings", "spool"), f.clock.Now
	cfg.Life.Linger, cfg.Life.Step = 20*time.Millisecond, 10*time.Millisecond
	var err error
	if f.sim, err = simulator.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Log(err)
		}
	})
	enlist(t, f.o.Data, f.sim.Servers(), nil)
	f.open()
	return f
}

// open starts the pool, and waits until its servers are online.
func (f *flow) open() {
	f.t.Helper()
	f.Pool = open(f.t, f.o)
	f.stop = run(f.t, f.Pool)
	ready(f.t, f.Pool)
}

// restart ends the pool and starts it, with something that happens while it is not there.
func (f *flow) restart(meanwhile func()) {
	f.t.Helper()
	if err := f.stop(); err != nil {
		f.t.Error(err)
	}
	meanwhile()
	f.open()
}

// await waits until something is so. What it says of it is what there is instead.
func (f *flow) await(what string, so func() (is bool, instead any)) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		is, instead := so()
		if is {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%s: not in time: %v", what, instead)
		}
	}
}

// on is the server that a meeting is claimed on.
func (f *flow) on(meeting string) *simulator.Server {
	f.t.Helper()
	found, err := f.Ledger.Find(f.t.Context(), store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: meeting}, 0)
	if err != nil {
		f.t.Fatalf("%s: %v", meeting, err)
	}
	return f.sim.Server(found.Claim.Server)
}

// over waits until no claim of a meeting stands.
func (f *flow) over(meeting string) {
	f.t.Helper()
	f.await(meeting+" is over", func() (bool, any) {
		_, err := f.Ledger.Find(f.t.Context(), store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: meeting}, 0)
		return err != nil, err
	})
}

// quiet waits until nothing is left to be told.
func (f *flow) quiet() {
	f.t.Helper()
	f.await("nothing waits", func() (bool, any) {
		rows, err := f.Stores.Index.Callbacks(f.t.Context(), store.CallbackFilter{States: []store.CallbackState{store.CallbackWaiting}})
		return err == nil && len(rows) == 0, rows
	})
}

// health is what the pool sees of a server.
func (f *flow) health(s *simulator.Server) poller.Health {
	status, _ := f.Poller.Server(s.ID())
	return status.Health
}

// away has a server refuse everybody until it is taken for offline, and for as long as something takes then.
func (f *flow) away(s *simulator.Server, meanwhile func()) {
	f.t.Helper()
	if err := s.Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
		f.t.Fatal(err)
	}
	f.await(s.ID()+" is offline", func() (bool, any) { return f.health(s) == poller.Offline, f.health(s) })
	meanwhile()
	if err := s.Heal(); err != nil {
		f.t.Fatal(err)
	}
	f.await(s.ID()+" is back", func() (bool, any) { return f.health(s) == poller.Online, f.health(s) })
}

// ask makes a call as front ends do, which sign with what they were written for. It may be made by a receiver, so it fails no test.
func (f *flow) ask(algorithm bbb.Algorithm, name, body string, params url.Values) (string, error) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	address := "http://" + f.o.Settings.HTTP.Listen + "/bigbluebutton/api/" + name + "?" + algorithm.Sign(name, params.Encode(), secret)
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/xml")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// errToken is what a front end says of a token that it cannot verify.
var errToken = errors.New("a token that does not verify")

// openToken is the claims of a JWT, if it is signed with the front end's secret by the one algorithm that it verifies.
func openToken(token, algorithm string, of func() hash.Hash) (claims map[string]any, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errToken
	}
	var head struct{ Alg string }
	text, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if json.Unmarshal(text, &head) != nil || head.Alg != algorithm {
		return nil, errToken
	}
	mac := hmac.New(of, []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
		return nil, errToken
	}
	text, _ = base64.RawURLEncoding.DecodeString(parts[1])
	return claims, json.Unmarshal(text, &claims)
}
