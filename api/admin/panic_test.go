package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// alone is a pool of one simulated server, a, with n meetings m0, m1, ….
func alone(t *testing.T, n int) (*testPool, *simulator.Server) {
	t.Helper()
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.add(t, "a", s)
	for i := range n {
		p.create(t, store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: fmt.Sprintf("m%d", i)})
	}
	return p, s
}

// running is how many meetings go on at a server.
func running(s *simulator.Server, n int) (count int) {
	for i := range n {
		if m, ok := s.Meeting(fmt.Sprintf("m%d", i)); ok && !m.Ended {
			count++
		}
	}
	return count
}

// A panic ends everything on a server and disables it; what is left are sessions that say why.
func TestClient_PanicServer(t *testing.T) {
	p, s := alone(t, 12)
	var told v1.Progress
	got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, func(p v1.Progress) { told = p })
	if told.Done == 0 || told.Total != 12 || told.Current == "" {
		t.Errorf("told %+v", told)
	}
	if err != nil || got.Ended != 12 || len(got.Failed) != 0 || got.State != "disabled" || got.Meetings != 0 {
		t.Errorf("panicked %+v, %v", got, err)
	}
	if n := running(s, 12); n != 0 {
		t.Errorf("%d meetings go on", n)
	}
	p.state(t, "a", store.Disabled)
	sessions, err := p.stores.Index.SessionsSince(t.Context(), time.Time{}, "", 20)
	if err != nil || len(sessions) != 12 || sessions[0].Reason != "panic" {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
	if got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore); err != nil || got.Ended != 0 || got.State != "disabled" {
		t.Errorf("once more: %+v, %v", got, err)
	}
	_, err = p.Servers.Panic(t.Context(), "nope", v1.Panic{}, ignore)
	refused(t, err, http.StatusNotFound, "nope")
}

// A server may be left uncalled, and in the state that it had.
func TestClient_PanicServer_Options(t *testing.T) {
	p, s := alone(t, 2)
	ctx := t.Context()
	for state, reach := range map[store.ServerState]func() error{
		store.Enabled:  func() error { return nil },
		store.Cordoned: func() error { _, err := p.Servers.Cordon(ctx, "a"); return err },
		store.Draining: func() error { _, err := p.Servers.Drain(ctx, "a", v1.Drain{}, nil); return err },
	} {
		p.create(t, class)
		if err := reach(); err != nil {
			t.Fatal(err)
		}
		got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{SkipEndCalls: true, KeepState: true}, ignore)
		if err != nil || got.Ended != 0 || got.Forgotten == 0 || got.State != string(state) {
			t.Errorf("%s: panicked %+v, %v", state, got, err)
		}
		p.state(t, "a", state)
		if _, err := p.Servers.Enable(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
	}
	if n := running(s, 2); n != 2 || len(p.ledger.Meetings()) != 0 {
		t.Errorf("%d meetings go on, claimed are %v", n, p.ledger.Meetings())
	}
}

// What the server does not end is named, and forgotten all the same.
func TestClient_PanicServer_Fails(t *testing.T) {
	p, s := alone(t, 2)
	if err := s.Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore)
	if err != nil || got.Ended != 0 || got.Forgotten != 2 || len(got.Failed) != 3 || got.State != "disabled" {
		t.Errorf("panicked %+v, %v", got, err)
	}
	if !strings.HasPrefix(got.Failed[2], "what else goes on there cannot be seen: server a: ") {
		t.Errorf("failed %q", got.Failed)
	}
	if !strings.HasPrefix(got.Failed[0], "m0 of tenant default: server a: ") || !strings.Contains(got.Failed[0], "500") {
		t.Errorf("failed %q", got.Failed)
	}
	if list := p.ledger.Meetings(); len(list) != 0 {
		t.Errorf("claims are left: %v", list)
	}
}

// A meeting that is created while its server is in panic does not slip through.
func TestClient_PanicServer_Creating(t *testing.T) {
	p, _ := alone(t, 1)
	creation, err := p.ledger.Begin(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := creation.Place(t.Context(), placement.Wish{}, nil); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore)
		if err == nil && (got.Ended != 2 || len(got.Failed) != 0) {
			err = fmt.Errorf("panicked %+v", got)
		}
		ended <- err
	}()
	other := store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "m0"}
	for _, err := p.ledger.Peek(other); !errors.Is(err, placement.ErrUnknown); _, err = p.ledger.Peek(other) {
		time.Sleep(time.Millisecond) // until the other meeting is over
	}
	if err := creation.Confirm(t.Context(), placement.Made{InternalID: "internal", CreateTime: 1}); err != nil {
		t.Error(err)
	}
	creation.End()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if list := p.ledger.Meetings(); len(list) != 0 {
		t.Errorf("claims are left: %v", list)
	}
}

// A server is removed when nothing is left there, whatever its state is.
func TestClient_RemoveServer(t *testing.T) {
	p, fake := withServers(t, 3)
	id := p.create(t, class).Server
	p.fail(t, id)
	fake.owe(id, store.OwedEnded, nil, "r1", "r2")
	refused(t, p.Servers.Remove(t.Context(), id, false), http.StatusConflict, "has 1 meeting with 0 people and owes 2 recordings",
		"drain --wait", "--force")
	if _, err := p.Servers.Panic(t.Context(), id, v1.Panic{SkipEndCalls: true}, ignore); err != nil {
		t.Fatal(err)
	}
	refused(t, p.Servers.Remove(t.Context(), id, false), http.StatusConflict, "server "+id+" owes 2 recordings:")
	fake.owe(id, store.OwedMissing, nil, "r1")
	if err := p.Servers.Remove(t.Context(), id, false); err != nil {
		t.Error(err)
	}
	_, err := p.Servers.Show(t.Context(), id)
	refused(t, err, http.StatusNotFound, id)
}

// Who has begun to decide a moment ago ends nothing at a server until it may, and nothing once it may no more.
func TestEndings_May(t *testing.T) {
	for name, lost := range map[string]bool{"may soon": false, "may no more": true} {
		t.Run(name, func(t *testing.T) {
			p, s := alone(t, 2)
			early := 0 // meetings that were ended before that was right
			var asked atomic.Int64
			p.api.Meetings.Endings.May = func(ctx context.Context) (context.Context, context.CancelFunc, bool) {
				ctx, cancel := context.WithCancel(ctx)
				may := asked.Add(1) > 3
				if !may {
					early += 2 - running(s, 2)
				}
				if lost {
					cancel()
				}
				return ctx, cancel, may
			}
			got, err := p.Meetings.End(t.Context(), v1.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "m0"}, false)
			n := running(s, 2)
			if early != 0 || lost && (err == nil || n != 2) || !lost && (err != nil || len(got.Owed) != 0 || n != 1) {
				t.Errorf("%+v, %v: %d meetings go on, %d were ended early", got, err, n, early)
			}
			panicked, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore)
			if n := running(s, 2); err != nil || lost && (n != 2 || len(panicked.Failed) == 0) || !lost && n != 0 {
				t.Errorf("%+v, %v: %d meetings go on", panicked, err, n)
			}
		})
	}
}
