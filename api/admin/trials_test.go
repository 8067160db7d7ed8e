package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// A server is tested before it may take meetings: the test lets it in once, and changes nothing of one that was there.
func TestClient_TestServer(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	_, err := p.AddServer(t.Context(), admin.NewServer{URL: s.URL(), Secret: store.Secret(s.Secret()), ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	test := func(want admin.Trial, passed, admitted bool, state store.ServerState) admin.Tried {
		t.Helper()
		got, err := p.TestServer(t.Context(), "a", want, func(p recordings.Progress) { steps = p.Done })
		if err != nil || got.Passed != passed || got.Admitted != admitted || len(got.Checks) == 0 {
			t.Errorf("%+v: tried %+v, %v", want, got, err)
		}
		p.state(t, "a", state)
		return got
	}
	test(admin.Trial{}, true, false, store.Disabled)
	if shown, err := p.Server(t.Context(), "a"); err != nil || shown.Admitted != nil || steps == 0 {
		t.Errorf("a look lets in: %+v, %v after %d steps", shown, err, steps)
	}
	if err := s.Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	test(admin.Trial{Admit: true}, false, false, store.Disabled)
	if err := s.Heal(); err != nil {
		t.Fatal(err)
	}
	if got := test(admin.Trial{Meetings: 3, Admit: true}, true, true, store.Enabled); got.Load == nil || got.Load.Meetings != 3 {
		t.Errorf("load test: %+v", got.Load)
	}
	first, err := p.Server(t.Context(), "a")
	if err != nil || first.Admitted == nil {
		t.Errorf("admitted: %+v, %v", first, err)
	}
	if _, err := p.CordonServer(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	test(admin.Trial{Admit: true}, true, false, store.Cordoned)
	if again, err := p.Server(t.Context(), "a"); err != nil || !again.Admitted.After(*first.Admitted) {
		t.Errorf("tested again: %+v, %v", again.Admitted, err)
	}
	if strings.Contains(p.log.String(), string(s.Secret())) {
		t.Errorf("logged the secret: %s", p.log)
	}
}

// A test lets in a server that is disabled, before and after: the state of one that is in use is for people to change.
func TestClient_TestServer_InUse(t *testing.T) {
	ctx := t.Context()
	p, s := newTestPool(t), simulate(t, 1)[0]
	n := admin.NewServer{URL: s.URL(), Secret: store.Secret(s.Secret()), ID: "a", Enable: true, Force: true}
	if _, err := p.AddServer(ctx, n); err != nil {
		t.Fatal(err)
	}
	untested := func(state store.ServerState) {
		t.Helper()
		_, err := p.stores.State.UpdateServer(ctx, "a", func(s *store.Server) error {
			s.State, s.Admitted = state, time.Time{}
			p.poller.SetServer(*s)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, state := range []store.ServerState{store.Enabled, store.Cordoned, store.Draining} {
		untested(state)
		for _, admit := range []bool{false, true} {
			got, err := p.TestServer(ctx, "a", admin.Trial{Admit: admit}, ignore)
			if err != nil || !got.Passed || got.Admitted {
				t.Errorf("%s: tried %+v, %v", state, got, err)
			}
			p.state(t, "a", state)
			if shown, err := p.Server(ctx, "a"); err != nil || (shown.Admitted != nil) != admit {
				t.Errorf("%s, admit %v: admitted %v, %v", state, admit, shown.Admitted, err)
			}
		}
	}
	for before, after := range map[store.ServerState]store.ServerState{
		store.Enabled: store.Disabled, store.Disabled: store.Cordoned,
	} {
		untested(before)
		got, err := p.TestServer(ctx, "a", admin.Trial{Admit: true}, func(recordings.Progress) { untested(after) })
		if err != nil || !got.Passed || got.Admitted {
			t.Errorf("%s, then %s: tried %+v, %v", before, after, got, err)
		}
		p.state(t, "a", after)
	}
}

// One test of a server at a time; what cannot be meant is refused.
func TestClient_TestServer_Refused(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.add(t, "a", s)
	slow := simulator.Fault{Kind: simulator.Slow, Delay: 300 * time.Millisecond, Calls: []string{"end"}}
	if err := s.Fault(slow); err != nil { // so that the first test is not over before the second has begun
		t.Fatal(err)
	}
	nested := false
	_, err := p.TestServer(t.Context(), "a", admin.Trial{}, func(recordings.Progress) {
		if nested {
			return
		}
		nested = true
		_, err := p.TestServer(t.Context(), "a", admin.Trial{}, ignore)
		refused(t, err, http.StatusConflict, "being tested already")
	})
	if err != nil || !nested {
		t.Errorf("the first: %v, nested %v", err, nested)
	}
	for _, wrong := range []admin.Trial{{Meetings: -1}, {Meetings: 201}, {Concurrency: 33}, {Concurrency: -1}} {
		_, err := p.TestServer(t.Context(), "a", wrong, ignore)
		refused(t, err, http.StatusBadRequest, ": want a number from 0")
	}
	_, err = p.TestServer(t.Context(), "nope", admin.Trial{}, ignore)
	refused(t, err, http.StatusNotFound, "nope")
}

// A server that recognises us and cannot hold a meeting is not let in: neither when it is added nor when it is enabled.
func TestClient_Unfit(t *testing.T) {
	p := newTestPool(t)
	n := admin.NewServer{URL: fakeBBB(t, "s", bbb.SHA256), Secret: "s", ID: "a", Enable: true}
	_, err := p.AddServer(t.Context(), n)
	refused(t, err, http.StatusUnprocessableEntity, "create: ")
	if list, err := p.Servers(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("stored nevertheless: %v, %v", list, err)
	}
	n.Enable = false
	if got, err := p.AddServer(t.Context(), n); err != nil || got.State != "disabled" || got.Admitted != nil {
		t.Errorf("added %+v, %v", got, err)
	}
	_, err = p.EnableServer(t.Context(), "a", false)
	refused(t, err, http.StatusUnprocessableEntity, "server a stays disabled: create: ")
	if got, err := p.EnableServer(t.Context(), "a", true); err != nil || got.State != "enabled" || got.Admitted != nil {
		t.Errorf("forced: %+v, %v", got, err)
	}
}
