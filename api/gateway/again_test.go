package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// straightly makes a call at the first server itself.
func (p *pool) straightly(call, query string) string {
	p.tb.Helper()
	resp, err := p.client.Get(p.sims[0].URL() + "/" + call + "?" + bbb.SHA256.Sign(call, query, p.sims[0].Secret()))
	if err != nil {
		p.tb.Error(err)
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.tb.Error(err)
	}
	return string(body)
}

// claim stores a claim as a leader did that has ended since.
func claim(t *testing.T, data string, c store.Claim) {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stores.State.CreateClaim(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := stores.Close(); err != nil {
		t.Fatal(err)
	}
}

// A create whose leader has ended before it answered is handed to the next one. That finds the meeting, made by this very
// create, and answers as the server has answered then: also where a repeat would be another meeting to the server, because
// it has chosen passwords itself. To anybody else it is a repeat.
func TestCreate_HandedOnAgain(t *testing.T) {
	const query = "meetingID=room&name=Room+room&record=true&meta_a=b"
	for name, passwords := range map[string]string{
		"none": "", "attendees": "&attendeePW=ap", "moderators": "&moderatorPW=mp", "both": "&attendeePW=ap&moderatorPW=mp",
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			p := &pool{tb: t, sims: simulators(t, simulator.Config{Servers: 2}), client: browser()}
			first := p.straightly("create", query+passwords)
			claim(t, data, store.Claim{MeetingKey: key("room"), Server: "sim1", Placed: time.Now(), Request: "R1"})
			p.boot(settings{data: data, poll: time.Hour})
			p.among()
			p.waitFor("the servers", func() bool { return p.health("sim1") == "online" && p.health("sim2") == "online" })
			stranger, _ := p.get("create", query+passwords, gateway.RequestHeader, "R1")
			if strings.Contains(stranger, "SUCCESS") && !strings.Contains(stranger, "duplicateWarning") {
				t.Errorf("an ID that nobody vouches for was believed: %s", stranger)
			}
			for range 2 {
				again, _ := p.get("create", query+passwords, gateway.RequestHeader, "R1", peerHeader, "yes")
				if again != first {
					t.Errorf("answered\n%s\nthe first creation was\n%s", again, first)
				}
			}
			wrong, _ := p.get("create", query+"&attendeePW=xx&moderatorPW=yy", gateway.RequestHeader, "R1", peerHeader, "yes")
			if !strings.Contains(wrong, "idNotUnique") {
				t.Errorf("with other passwords: %s", wrong)
			}
			other, _ := p.get("create", query+passwords, gateway.RequestHeader, "R2", peerHeader, "yes")
			if !strings.Contains(other, "duplicateWarning") && !strings.Contains(other, "idNotUnique") {
				t.Errorf("another create: %s", other)
			}
			if got := p.on("room"); len(got) != 1 || p.server("room") != "sim1" {
				t.Errorf("it is on %v", got)
			}
		})
	}
}

// The claim of a meeting has the ID of the create that made it, as it was handed on.
func TestCreate_RequestIsKept(t *testing.T) {
	p := start(t, settings{servers: 1, poll: time.Hour})
	p.among()
	p.get("create", createQuery("room"), gateway.RequestHeader, "R1", peerHeader, "yes")
	p.get("create", createQuery("another"), gateway.RequestHeader, "R1")
	for id, want := range map[string]bool{"room": true, "another": false} {
		found, err := p.ledger.Peek(key(id))
		if err != nil || (found.Claim.Request == "R1") != want || found.Claim.Request == "" {
			t.Errorf("%s: %v %q", id, err, found.Claim.Request)
		}
	}
	again, _ := p.get("create", createQuery("room"), gateway.RequestHeader, "R1", peerHeader, "yes")
	if !strings.Contains(again, "SUCCESS") || strings.Contains(again, "duplicateWarning") {
		t.Errorf("the same create again: %s", again)
	}
}

// The answer to a create is lost on its way from the server. The server is asked before the meeting is made elsewhere, and what
// it tells is the answer.
func TestCreate_AnswerLost(t *testing.T) {
	for name, passwords := range map[string]string{"none": "", "attendees": "&attendeePW=ap"} {
		t.Run(name, func(t *testing.T) {
			query := "meetingID=room&name=Room+room" + passwords
			var f front
			p := start(t, settings{servers: 2, poll: time.Hour, server: func(s *store.Server) {
				if s.ID == "sim1" {
					f.before(t, s)
				}
			}, weights: []float64{1000, 1}})
			var lost atomic.Pointer[string]
			f.set(func(call string) (string, bool) {
				if call == "/create" {
					said := p.straightly("create", query)
					lost.Store(&said)
				}
				return "", call == "/create" // 502
			})
			got, _ := p.get("create", query)
			if first := lost.Load(); first == nil || got != *first {
				t.Fatalf("answered\n%s\nthe server had said\n%v", got, first)
			}
			if on := p.on("room"); len(on) != 1 || p.server("room") != "sim1" {
				t.Errorf("it is on %v", on)
			}
			if to := p.join("room", ""); to.Path == "" {
				t.Error("nobody can join")
			}
		})
	}
}

// A server that has failed at a create and has nothing is left for another, as ever.
func TestCreate_NothingThere(t *testing.T) {
	var f front
	p := start(t, settings{servers: 2, poll: time.Hour, server: func(s *store.Server) {
		if s.ID == "sim1" {
			f.before(t, s)
		}
	}, weights: []float64{1000, 1}})
	f.set(func(call string) (string, bool) { return "", call == "/create" })
	if p.create("room"); p.server("room") != "sim2" {
		t.Errorf("it is on %s", p.server("room"))
	}
}

// away is a database of claims that may be away.
type away struct {
	fails atomic.Int32 // so many calls, all if negative
	err   error
}

func (a *away) next() error {
	if a.fails.Load() == 0 {
		return nil
	}
	a.fails.Add(-1)
	return fmt.Errorf("write a claim: %w", a.err)
}

func (a *away) Claims(context.Context) ([]store.Claim, error) { return nil, nil }

func (a *away) CreateClaim(_ context.Context, c store.Claim) (store.Claim, error) { return c, a.next() }

func (a *away) UpdateClaim(_ context.Context, _ store.MeetingKey, change func(*store.Claim) error) (store.Claim, error) {
	var c store.Claim
	return c, errors.Join(change(&c), a.next())
}
func (a *away) DeleteClaim(context.Context, store.Claim) error    { return a.next() }
func (a *away) Endings(context.Context) ([]store.Ending, error)   { return nil, nil }
func (a *away) AddEndings(context.Context, ...store.Ending) error { return a.next() }
func (a *away) DeleteEnding(context.Context, store.Ending) error  { return a.next() }
func remember(context.Context, store.Claim, store.Session) error  { return nil }

// loner are the servers of a pool that has one, which creates whatever it is asked to.
type loner struct{ client *bbb.Client }

func (l loner) Client(string) *bbb.Client        { return l.client }
func (loner) Report(string, *bbb.Client, error)  {}
func (loner) Failing(string) bool                { return false }
func (loner) Alive(context.Context, string) bool { return true }
func (loner) Patience(string) time.Duration      { return time.Second }

// obliging answers every call of a server.
type obliging struct{}

func (obliging) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	id := r.URL.Query().Get("meetingID")
	body := bbb.Success().Text("meetingID", id).Text("internalMeetingID", "i-"+id).Message("", "").Bytes()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
}

// tenants are one tenant, the default one.
type tenants struct{ roster }

func (tenants) CreateTenant(context.Context, store.Tenant) (store.Tenant, error) {
	return store.Tenant{}, store.ErrExists
}

func (tenants) Tenants(context.Context) ([]store.Tenant, error) {
	return []store.Tenant{{ID: store.DefaultTenant, Secrets: []store.TenantSecret{{Name: "first", Secret: secret}}}}, nil
}

// lone makes a gateway over one server that always answers, in time of its own, and returns how to ask it.
func lone(t *testing.T, db placement.State) (g *gateway.Gateway, ask func(call, query string) (said string, took time.Duration)) {
	return loneOver(t, db, obliging{})
}

// loneOver is lone over a server that answers as a test says.
func loneOver(t *testing.T, db placement.State, server http.RoundTripper) (
	g *gateway.Gateway, ask func(call, query string) (said string, took time.Duration),
) {
	t.Helper()
	ledger, err := placement.OpenLedger(t.Context(), placement.Parts{State: db, Remember: remember, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ledger.SetServer(placement.Server{ID: "bbb1", Weight: 1, Standing: placement.Open, Enabled: true})
	client := bbb.NewClient(bbb.Endpoint{URL: "http://bbb1/bigbluebutton/api", Secret: secret}, server, 10*time.Second)
	g = &gateway.Gateway{
		Config: gateway.Config{MaxBody: 1 << 20, Connect: 2 * time.Second}, Ledger: ledger, Servers: loner{client}, View: noView{}, Log: zerolog.Nop(),
		Metrics: &counts.Metrics{Set: metrics.NewSet()},
	}
	if err := g.Open(t.Context(), tenants{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	return g, func(call, query string) (string, time.Duration) {
		began := time.Now()
		w := httptest.NewRecorder()
		target := "/bigbluebutton/api/" + call + "?" + bbb.SHA256.Sign(call, query, secret)
		g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		return w.Body.String() + w.Header().Get("Location"), time.Since(began)
	}
}

// Who leads since a moment ago ends nothing yet: an end waits for that, and says in the end that it has to be asked for again.
func TestEnd_WithoutAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ask := lone(t, &away{})
		began, never := time.Now(), false
		g.May = func(ctx context.Context) (context.Context, context.CancelFunc, bool) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			return ctx, cancel, !never && time.Since(began) >= 3*time.Second
		}
		ask("create", createQuery("room"))
		if said, took := ask("end", "meetingID=room"); !strings.Contains(said, "SUCCESS") || took < 2*time.Second || took > 4*time.Second {
			t.Errorf("after %s: %s", took, said)
		}
		ask("create", createQuery("room"))
		never = true
		if said, took := ask("end", "meetingID=room"); !strings.Contains(said, "poolUnavailable") || took > 6*time.Second {
			t.Errorf("after %s: %s", took, said)
		}
		if said, _ := ask("join", "meetingID=room&fullName=Ada"); !strings.Contains(said, "http://bbb1/") {
			t.Errorf("it is over all the same: %s", said)
		}
	})
}

// While the database of claims is away a create waits for that as long as it may take, and then says so, in BigBlueButton's
// form; joins and what is passed on to servers need no database.
func TestDatabaseAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &away{err: store.ErrAway}
		_, ask := lone(t, db)
		db.fails.Store(8)
		if said, took := ask("create", createQuery("room")); !strings.Contains(said, "SUCCESS") || took > 5*time.Second {
			t.Errorf("after %s: %s", took, said)
		}
		db.fails.Store(-1)
		said, took := ask("create", createQuery("another"))
		if !strings.Contains(said, "<messageKey>databaseUnavailable</messageKey>") || took < 30*time.Second || took > time.Minute {
			t.Errorf("after %s: %s", took, said)
		}
		for call, want := range map[string]string{
			"join": "http://bbb1/", "getMeetingInfo": "SUCCESS", "isMeetingRunning": "SUCCESS", "sendChatMessage": "SUCCESS",
			"getMeetings": "SUCCESS",
		} {
			if said, took := ask(call, "meetingID=room&fullName=Ada"); !strings.Contains(said, want) || took > time.Second {
				t.Errorf("%s after %s: %s", call, took, said)
			}
		}
		db.err = store.ErrFenced
		if said, took := ask("create", createQuery("another")); !strings.Contains(said, "poolUnavailable") || took > time.Second {
			t.Errorf("without the lease, after %s: %s", took, said)
		}
	})
}

// indexAway is recordings whose database is away.
type indexAway struct{ index }

func (indexAway) Recordings(context.Context, store.RecordingFilter) ([]store.Recording, int, error) {
	return nil, 0, fmt.Errorf("recordings: %w", store.ErrAway)
}

// Without the database of recordings nobody is told that there are none.
func TestGetRecordings_Away(t *testing.T) {
	var log syncBuffer
	p := start(t, settings{servers: 1, poll: time.Hour, log: &log})
	p.gateway.RecordingCalls.Recordings = indexAway{}
	for _, query := range []string{"", "meetingID=room", "limit=10", "recordID=r"} {
		a := p.call("getRecordings", query)
		if a.Returncode != "FAILED" || a.Key != "databaseUnavailable" || strings.Contains(a.body, "<recordings") {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	p.waitFor("the log to say why", func() bool { return strings.Contains(log.String(), store.ErrAway.Error()) })
}

// noView is a view of nothing.
type noView struct{ gateway.View }

func (noView) Refresh(context.Context)       {}
func (noView) Meetings(string) []bbb.Meeting { return nil }
func (noView) Created(string, bbb.Meeting)   {}

func (noView) Copies(k store.MeetingKey) iter.Seq2[string, bbb.Meeting] {
	return func(yield func(string, bbb.Meeting) bool) {
		yield("bbb1", bbb.Meeting{MeetingID: k.MeetingID, InternalID: "i-" + k.MeetingID})
	}
}

// A person who joins at two instances is one, and two are two.
func TestJoin_OnePersonAtTwoInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, ask := lone(t, &away{})
		other, askOther := lone(t, &away{})
		other.Ledger = one.Ledger
		if err := other.Open(t.Context(), tenants{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		for _, g := range []*gateway.Gateway{one, other} {
			e := &elsewhere{}
			e.leading.Store(true)
			g.Elsewhere = e
		}
		ask("create", createQuery("room"))
		for n, person := range []string{"userID=u1", "userID=u1", "userID=u2", "x=link", "x=link"} {
			at := ask
			if n%2 == 1 {
				at = askOther
			}
			if said, _ := at("join", "meetingID=room&fullName=Ada&"+person); !strings.Contains(said, "http://bbb1/") {
				t.Fatal(said)
			}
		}
		if list := one.Ledger.Meetings(); len(list) != 1 || list[0].People != 3 {
			t.Errorf("%+v", list)
		}
	})
}

// A leader that cannot be reached costs whoever wants to join a known meeting no more than a moment.
func TestJoin_LeaderHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ask := lone(t, &away{})
		ask("create", createQuery("room"))
		g.Elsewhere = hanging{}
		for call, want := range map[string]string{
			"join": "http://bbb1/", "getMeetingInfo": "SUCCESS", "isMeetingRunning": "SUCCESS", "sendChatMessage": "SUCCESS",
			"getMeetings": "SUCCESS",
		} {
			if said, took := ask(call, "meetingID=room&fullName=Ada"); !strings.Contains(said, want) || took > 2*time.Second {
				t.Errorf("%s after %s: %s", call, took, said)
			}
		}
	})
}

// hanging are other instances that never answer.
type hanging struct{}

func (hanging) Leading() bool { return false }
func (hanging) Fresh() bool   { return false }
func (hanging) Begun() bool   { return true }
func (hanging) HandOn(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
	<-r.Context().Done()
	return false
}
