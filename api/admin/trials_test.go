package admin_test

import (
	"net/http"
	"strings"
	"testing"

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

// One test of a server at a time; what cannot be meant is refused.
func TestClient_TestServer_Refused(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.add(t, "a", s)
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
