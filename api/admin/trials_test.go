package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// A server is tested before it may take meetings: the test lets it in once, and changes nothing of one that was there.
func TestClient_TestServer(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	_, err := p.Servers.Add(t.Context(), v1.NewServer{URL: s.URL(), Secret: v1.Secret(s.Secret()), ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	test := func(want v1.Trial, passed, admitted bool, state store.ServerState) v1.Tried {
		t.Helper()
		got, err := p.Servers.Test(t.Context(), "a", want, func(p v1.Progress) { steps = p.Done })
		if err != nil || got.Passed != passed || got.Admitted != admitted || len(got.Checks) == 0 {
			t.Errorf("%+v: tried %+v, %v", want, got, err)
		}
		p.state(t, "a", state)
		return got
	}
	test(v1.Trial{}, true, false, store.Disabled)
	if shown, err := p.Servers.Show(t.Context(), "a"); err != nil || shown.Admitted != nil || steps == 0 {
		t.Errorf("a look lets in: %+v, %v after %d steps", shown, err, steps)
	}
	if err := s.Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	test(v1.Trial{Admit: true}, false, false, store.Disabled)
	if err := s.Heal(); err != nil {
		t.Fatal(err)
	}
	if got := test(v1.Trial{Meetings: 3, Admit: true}, true, true, store.Enabled); got.Load == nil || got.Load.Meetings != 3 {
		t.Errorf("load test: %+v", got.Load)
	}
	first, err := p.Servers.Show(t.Context(), "a")
	if err != nil || first.Admitted == nil {
		t.Errorf("admitted: %+v, %v", first, err)
	}
	if _, err := p.Servers.Cordon(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	test(v1.Trial{Admit: true}, true, false, store.Cordoned)
	if again, err := p.Servers.Show(t.Context(), "a"); err != nil || !again.Admitted.After(*first.Admitted) {
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
	n := v1.NewServer{URL: s.URL(), Secret: v1.Secret(s.Secret()), ID: "a", Enable: true, Force: true}
	if _, err := p.Servers.Add(ctx, n); err != nil {
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
			got, err := p.Servers.Test(ctx, "a", v1.Trial{Admit: admit}, ignore)
			if err != nil || !got.Passed || got.Admitted {
				t.Errorf("%s: tried %+v, %v", state, got, err)
			}
			p.state(t, "a", state)
			if shown, err := p.Servers.Show(ctx, "a"); err != nil || (shown.Admitted != nil) != admit {
				t.Errorf("%s, admit %v: admitted %v, %v", state, admit, shown.Admitted, err)
			}
		}
	}
	for before, after := range map[store.ServerState]store.ServerState{
		store.Enabled: store.Disabled, store.Disabled: store.Cordoned,
	} {
		untested(before)
		got, err := p.Servers.Test(ctx, "a", v1.Trial{Admit: true}, func(v1.Progress) { untested(after) })
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
	_, err := p.Servers.Test(t.Context(), "a", v1.Trial{}, func(v1.Progress) {
		if nested {
			return
		}
		nested = true
		_, err := p.Servers.Test(t.Context(), "a", v1.Trial{}, ignore)
		refused(t, err, http.StatusConflict, "being tested already")
	})
	if err != nil || !nested {
		t.Errorf("the first: %v, nested %v", err, nested)
	}
	for _, wrong := range []v1.Trial{{Meetings: -1}, {Meetings: 201}, {Concurrency: 33}, {Concurrency: -1}} {
		_, err := p.Servers.Test(t.Context(), "a", wrong, ignore)
		refused(t, err, http.StatusBadRequest, ": want a number from 0")
	}
	_, err = p.Servers.Test(t.Context(), "nope", v1.Trial{}, ignore)
	refused(t, err, http.StatusNotFound, "nope")
}

// A server that recognises us and cannot hold a meeting is not let in: neither when it is added nor when it is enabled.
func TestClient_Unfit(t *testing.T) {
	p := newTestPool(t)
	n := v1.NewServer{URL: fakeBBB(t, "s", bbb.SHA256), Secret: "s", ID: "a", Enable: true}
	_, err := p.Servers.Add(t.Context(), n)
	refused(t, err, http.StatusUnprocessableEntity, "create: ")
	if list, err := p.Servers.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("stored nevertheless: %v, %v", list, err)
	}
	n.Enable = false
	if got, err := p.Servers.Add(t.Context(), n); err != nil || got.State != "disabled" || got.Admitted != nil {
		t.Errorf("added %+v, %v", got, err)
	}
	_, err = p.Servers.Enable(t.Context(), "a", false)
	refused(t, err, http.StatusUnprocessableEntity, "server a stays disabled: create: ")
	if got, err := p.Servers.Enable(t.Context(), "a", true); err != nil || got.State != "enabled" || got.Admitted != nil {
		t.Errorf("forced: %+v, %v", got, err)
	}
}
