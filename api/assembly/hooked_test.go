package assembly_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// hasty is a clock that tests put forward.
type hasty struct{ ahead atomic.Int64 }

func (c *hasty) Now() time.Time      { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *hasty) add(d time.Duration) { c.ahead.Add(int64(d)) }

// ear is a receiver of webhooks, which believes what is signed as bbb-webhooks signs alone.
type ear struct {
	*httptest.Server

	t      *testing.T
	secret string
	answer atomic.Int64
	mu     sync.Mutex
	heard  []string // "user-joined room", in the order in which it came
	bodies []string // the events themselves
	wrong  []string
}

func newEar(t *testing.T, secret string) *ear {
	e := &ear{t: t, secret: secret}
	e.answer.Store(http.StatusOK)
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

// to is the address that is registered.
func (e *ear) to() string { return e.URL + "/events?token=a%20b" }

func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	defer e.mu.Unlock()
	registered, checksum, _ := strings.Cut(e.URL+r.URL.RequestURI(), "&checksum=")
	if registered != e.to() || checksum != bbb.SHA1.Checksum(registered, string(body), bbb.Secret(e.secret)) {
		e.wrong = append(e.wrong, r.URL.String())
	}
	if !strings.HasPrefix(string(body), "domain=pool.test&event=%5B%7B") || !strings.Contains(string(body), "&timestamp=") {
		e.wrong = append(e.wrong, string(body))
	}
	if answer := int(e.answer.Load()); answer != http.StatusOK {
		w.WriteHeader(answer)
		return
	}
	form, _ := url.ParseQuery(string(body))
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(form.Get("event")), &list); err != nil {
		e.wrong = append(e.wrong, string(body))
	}
	for _, one := range list {
		e.heard, e.bodies = append(e.heard, wordsOf(one)), append(e.bodies, string(one))
	}
}

// wordsOf are what an event is, and about which meeting.
func wordsOf(one []byte) string {
	var v struct {
		Data struct {
			ID         string
			Attributes struct {
				Meeting struct {
					External string `json:"external-meeting-id"`
				}
			}
		}
		Envelope struct{ Name string }
		Core     struct {
			Body struct {
				Props struct{ MeetingProp struct{ ExtID string } }
			}
		}
		Header struct{ Name string }
	}
	_ = json.Unmarshal(one, &v)
	return strings.TrimSpace(v.Data.ID + v.Envelope.Name + v.Header.Name + " " + v.Data.Attributes.Meeting.External +
		v.Core.Body.Props.MeetingProp.ExtID)
}

// hears waits until a receiver has heard all that it is to hear, and has it forget that. Events of several servers come in any
// order.
func (e *ear) hears(want ...string) {
	e.t.Helper()
	want = slices.Sorted(slices.Values(want))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		got, wrong := slices.Sorted(slices.Values(e.heard)), slices.Clone(e.wrong)
		if slices.Equal(want, got) || len(wrong) > 0 || len(got) > len(want) || time.Now().After(deadline) {
			e.heard = nil
			e.mu.Unlock()
			if diff := cmp.Diff(want, got); diff != "" || len(wrong) > 0 {
				e.t.Fatalf("heard (-want +got):\n%swrong: %q", diff, wrong)
			}
			return
		}
		e.mu.Unlock()
	}
}

// text is all that was heard, as it came.
func (e *ear) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.bodies, "\n")
}

// hooked is a pool over simulated servers with bbb-webhooks, and a scoped tenant beside the default one.
type hooked struct {
	*assembly.Pool

	t     *testing.T
	o     assembly.Options
	sim   *simulator.Simulator
	clock *hasty
	stop  func() error
}

const physSecret = "secret-of-phys"

func hookUp(t *testing.T, servers, enlisted int) *hooked {
	t.Helper()
	h := &hooked{t: t, o: options(t), clock: &hasty{}}
	h.o.Now, h.o.Settings.HTTP.Listen = h.clock.Now, free(t)
	h.o.Settings.Callbacks.URL = "http://" + h.o.Settings.HTTP.Listen
	h.o.Settings.Callbacks.HooksEvery, h.o.Settings.Outbox.Allow = 600*time.Millisecond, []string{"127.0.0.0/8"}
	h.o.Settings.Poller.Interval = 100 * time.Millisecond
	var err error
	if h.sim, err = simulator.New(simulator.Config{Servers: servers, Now: h.clock.Now}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Log(err)
		}
	})
	enlist(t, h.o.Data, h.sim.Servers()[:enlisted], []*neighbour{{id: "phys", secret: physSecret}})
	h.open()
	return h
}

// open opens the pool, and waits until its servers are online.
func (h *hooked) open() {
	h.t.Helper()
	h.Pool = open(h.t, h.o)
	h.stop = run(h.t, h.Pool)
	ready(h.t, h.Pool)
}

func (h *hooked) await(what string, met func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not in time", what)
		}
	}
}

// ask makes a call as a tenant, and returns what it says.
func (h *hooked) ask(secret, name string, params ...string) string {
	h.t.Helper()
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	return call(h.t, h.Pool, bbb.Secret(secret), name, v.Encode())
}

func (h *hooked) succeeds(secret, name string, params ...string) string {
	h.t.Helper()
	a := h.ask(secret, name, params...)
	if !strings.Contains(a, "<returncode>SUCCESS") {
		h.t.Fatalf("%s %q: %s", name, params, a)
	}
	return a
}

// create makes a meeting, and returns the server that has it.
func (h *hooked) create(secret, tenant, id string, more ...string) *simulator.Server {
	h.t.Helper()
	h.succeeds(secret, "create", append([]string{"name", id, "meetingID", id, "moderatorPW", "mp", "meta_course", "A&1"}, more...)...)
	found, err := h.Ledger.Find(h.t.Context(), store.MeetingKey{Tenant: tenant, MeetingID: id}, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.sim.Server(found.Claim.Server)
}

// relayed tells whether each of some servers has so many hooks.
func relayed(servers []*simulator.Server, n int) func() bool {
	return func() bool {
		return !slices.ContainsFunc(servers, func(s *simulator.Server) bool { return len(s.Hooks()) != n })
	}
}
