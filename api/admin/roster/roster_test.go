package roster

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// fakePool is what the roster sees of servers, and of meetings.
type fakePool struct {
	mu       sync.Mutex
	servers  map[string]store.Server
	load     map[string]placement.Load
	health   map[string]poller.Health
	meetings []placement.Info
	capacity placement.Capacity
	// closing stands in for the ledger's Close.
	closing func(c store.Claim, reason string) (bool, error)
}

func (p *fakePool) SetServer(s store.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.servers[s.ID] = s
}

func (p *fakePool) RemoveServer(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.servers, id)
	return nil
}

func (p *fakePool) Server(id string) (poller.Status, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.servers[id]
	return poller.Status{Server: s, Load: p.load[id], Health: p.health[id]}, ok
}

func (p *fakePool) Servers() (list []poller.Status) {
	for id := range p.servers {
		s, _ := p.Server(id)
		list = append(list, s)
	}
	return list
}

func (p *fakePool) NewClient(e bbb.Endpoint) *bbb.Client {
	return bbb.NewClient(e, http.DefaultTransport, 5*time.Second)
}

func (p *fakePool) Meetings() []placement.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.meetings)
}

func (p *fakePool) Peek(store.MeetingKey) (placement.Found, error) {
	return placement.Found{}, placement.ErrUnknown
}

func (p *fakePool) Close(_ context.Context, c store.Claim, reason string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	closed, err := p.closing(c, reason)
	if closed {
		p.meetings = slices.DeleteFunc(p.meetings, func(m placement.Info) bool { return m.MeetingKey == c.MeetingKey })
	}
	return closed, err
}

func (p *fakePool) Over(string, placement.Sighting) bool { return false }

func (p *fakePool) Capacity() placement.Capacity { return p.capacity }

// add stores a server, and has the pool know it.
func (p *fakePool) add(t *testing.T, r *Roster, s store.Server) {
	t.Helper()
	if err := r.Records.insert(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
}

// newRoster is that of an empty pool.
func newRoster(t *testing.T) (*Roster, *fakePool) {
	t.Helper()
	pool := &fakePool{servers: map[string]store.Server{}, load: map[string]placement.Load{}, health: map[string]poller.Health{}}
	stored, _ := records(t)
	stored.Pool = pool
	now := func() time.Time { return then }
	none := func(context.Context) ([]store.Secret, error) { return nil, nil }
	return &Roster{
		Records: stored, Pool: pool, Claims: pool, Now: now, Log: zerolog.Nop(),
		Examiner: &Examiner{Store: stored.Store, Secrets: none, Pool: pool, Now: now},
	}, pool
}

// meet has meetings be claimed on a server.
func (p *fakePool) meet(server string, ids ...string) {
	for _, id := range ids {
		key := store.MeetingKey{Tenant: "default", MeetingID: id}
		p.meetings = append(p.meetings, placement.Info{Claim: store.Claim{MeetingKey: key, Server: server}})
	}
}

// However long a server takes to answer, others can be changed meanwhile, and whatever becomes of it in the meantime is not
// overwritten.
func TestRoster_NobodyWaitsForServers(t *testing.T) {
	r, pool := newRoster(t)
	for _, id := range []string{"a", "b"} {
		pool.add(t, r, store.Server{ID: id, URL: "https://" + id + "/bigbluebutton/api", Secret: "s", State: store.Cordoned, Weight: 1})
	}
	asked := 0
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		for id, change := range map[string]func(*store.Server) error{
			"b": func(s *store.Server) error { s.Weight++; return nil },
			"a": func(s *store.Server) error { s.Secret = "another"; return nil },
		} {
			done := make(chan error, 1)
			go func() {
				_, err := r.Records.update(context.Background(), id, change)
				done <- err
			}()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(5 * time.Second):
				t.Error("a change of " + id + " waits for a server to answer")
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer slow.Close()
	secret := v1.Secret("s")
	_, _, err := r.Change(t.Context(), "a", v1.Change{URL: &slow.URL, Secret: &secret, Force: true})
	if want := "server a was changed meanwhile: look at it and try again"; errorText(err) != want {
		t.Errorf("it was overwritten: %v", err)
	}
	if s, err := r.Records.Get(t.Context(), "a"); err != nil || s.Secret != "another" || s.URL != "https://a/bigbluebutton/api" || asked == 0 {
		t.Errorf("a became %+v, %v, asked %d times", s, err, asked)
	}
	if _, err := r.Add(t.Context(), v1.NewServer{ID: "c", URL: slow.URL, Secret: "s"}); err == nil || errorText(err) == "" {
		t.Error("what is no server was added")
	}
	if s, _ := pool.Server("b"); s.Weight <= 1 {
		t.Errorf("b became %+v", s)
	}
}

// A meeting that is just being created is forgotten in another round. What cannot be forgotten stays, on a server that takes
// no more.
func TestRoster_Panic_Forget(t *testing.T) {
	r, pool := newRoster(t)
	pool.add(t, r, store.Server{ID: "a", State: store.Enabled, URL: "https://a/bigbluebutton/api", Weight: 1})
	pool.meet("a", "m1", "m2")
	pool.meet("elsewhere", "m3")
	tries := map[string]int{}
	pool.closing = func(c store.Claim, reason string) (bool, error) {
		if reason != placement.Forgotten {
			t.Errorf("%s is closed as %q", c.MeetingID, reason)
		}
		tries[c.MeetingID]++
		return c.MeetingID == "m1" || tries[c.MeetingID] > 2, nil
	}
	var told []v1.Progress
	tell := func(p v1.Progress) { told = append(told, p) }
	panicked, err := r.Panic(t.Context(), "a", v1.Panic{SkipEndCalls: true, KeepState: true}, tell)
	if err != nil || panicked.Ended != 0 || panicked.Forgotten != 2 || len(panicked.Failed) != 0 || panicked.State != "enabled" {
		t.Errorf("%+v, %v", panicked, err)
	}
	want := []v1.Progress{{Done: 1, Total: 2, Current: "m1"}, {Done: 2, Total: 2, Current: "m2"}}
	if diff := cmp.Diff(want, told); diff != "" || tries["m2"] != 3 || len(pool.meetings) != 1 {
		t.Errorf("tried %v, left %v, told (-want +got):\n%s", tries, pool.meetings, diff)
	}
	pool.meet("a", "m4")
	pool.closing = func(store.Claim, string) (bool, error) { return false, errors.New("no disk") }
	_, err = r.Panic(t.Context(), "a", v1.Panic{SkipEndCalls: true}, tell)
	if errorText(err) != "server a keeps its meetings: no disk" {
		t.Errorf("it could not be forgotten: %v", err)
	}
	if s, err := r.Records.Get(t.Context(), "a"); err != nil || s.State != store.Cordoned {
		t.Errorf("then it is %s, %v", s.State, err)
	}
	if _, err := r.Panic(t.Context(), "nope", v1.Panic{}, tell); err == nil || !strings.HasPrefix(err.Error(), `there is no server "nope"`) {
		t.Errorf("what is not there: %v", err)
	}
}

// Whoever changes the state of a server while it is emptied has the last word, where the state was to be kept.
func TestRoster_Panic_Overtaken(t *testing.T) {
	r, pool := newRoster(t)
	pool.add(t, r, store.Server{ID: "a", State: store.Enabled, URL: "https://a/bigbluebutton/api", Weight: 1})
	pool.meet("a", "m")
	pool.closing = func(store.Claim, string) (bool, error) {
		s := pool.servers["a"]
		if s.State != store.Cordoned {
			t.Errorf("it is emptied while it is %s", s.State)
		}
		_, err := r.Records.Store.UpdateServer(t.Context(), "a", func(s *store.Server) error { s.State = store.Draining; return nil })
		return true, err
	}
	panicked, err := r.Panic(t.Context(), "a", v1.Panic{SkipEndCalls: true, KeepState: true}, func(v1.Progress) {})
	if err != nil || panicked.State != "draining" {
		t.Errorf("%+v, %v", panicked, err)
	}
}

// A server goes when nothing is left on it, or somebody insists, and with what words depends on what is left.
func TestRoster_Remove(t *testing.T) {
	r, pool := newRoster(t)
	pool.add(t, r, store.Server{ID: "a", State: store.Cordoned, URL: "https://a/bigbluebutton/api", Weight: 1})
	pool.load["a"] = placement.Load{Meetings: 1, People: 3}
	r.Debts = func(context.Context) ([]recordings.Owing, error) {
		return []recordings.Owing{{Recording: store.Recording{RecordID: "r", Owed: &store.Owed{Server: "a"}}}}, nil
	}
	want := "server a has 1 meeting with 3 people and owes 1 recording: bbbpool server drain --wait a waits for the end of that, and " +
		"disables it; --force removes it now, and nobody can join its meetings any more: the next create makes them anew on another " +
		"server; nobody waits for its recordings any more"
	if err := r.Remove(t.Context(), "a", false); errorText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, ok := pool.Server("a"); !ok {
		t.Error("it is gone all the same")
	}
	pool.load["a"] = placement.Load{}
	if err := r.Remove(t.Context(), "a", false); err == nil || !strings.HasPrefix(err.Error(), "server a owes 1 recording: ") {
		t.Errorf("what it owes alone: %v", err)
	}
	if err := r.Remove(t.Context(), "a", true); err != nil {
		t.Error(err)
	}
	if _, err := r.Records.Get(t.Context(), "a"); err == nil {
		t.Error("it is stored still")
	}
	if err := r.Remove(t.Context(), "a", true); err == nil || !strings.HasPrefix(err.Error(), `there is no server "a"`) {
		t.Errorf("once more: %v", err)
	}
}

// A server with people on it is not disabled unless somebody insists. What it owes it delivers anyway.
func TestRoster_Disable(t *testing.T) {
	r, pool := newRoster(t)
	pool.add(t, r, store.Server{ID: "a", State: store.Enabled, URL: "https://a/bigbluebutton/api", Weight: 1})
	pool.load["a"] = placement.Load{People: 3}
	_, _, err := r.Disable(t.Context(), "a", false)
	want := "server a has 3 people left in copies of meetings that run elsewhere: bbbpool server drain --wait a waits for their end; " +
		"--force disables it now, and nobody ends the copies, or looks after them, any more"
	if errorText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	result, changed, err := r.Disable(t.Context(), "a", true)
	if err != nil || result.State != "disabled" || changed.Before.State != store.Enabled || changed.After.State != store.Disabled {
		t.Errorf("%+v, %+v, %v", result, changed, err)
	}
	if result.Users != 0 {
		t.Errorf("people in copies on a disabled server: %d", result.Users)
	}
	if _, changed, err := r.Cordon(t.Context(), "a"); err != nil || changed.Before.State != store.Disabled {
		t.Errorf("%+v, %v", changed, err)
	}
	if _, _, err := r.Disable(t.Context(), "nope", true); err == nil || !strings.HasPrefix(err.Error(), `there is no server "nope"`) {
		t.Errorf("what is not there: %v", err)
	}
}

// What did not end a meeting is told by server, and whether anybody did.
func TestFailures(t *testing.T) {
	failed := Failures{"b": errors.New("late"), "a": errors.New("gone")}
	if diff := cmp.Diff([]string{"a", "b"}, failed.Servers()); diff != "" || errorText(errors.Join(failed.List()...)) != "gone\nlate" {
		t.Errorf("%v", failed.List())
	}
	copies := []placement.Copy{{Server: "a"}, {Server: "b"}}
	if !failed.All(copies) || failed.All(append(copies, placement.Copy{Server: "c"})) || !failed.All(nil) {
		t.Error("who has ended it is taken for who has not")
	}
	if (Failures{}).List() != nil || (Failures{}).All(copies) {
		t.Error("nobody failed, and somebody did")
	}
}

// Whatever operators do to servers at the same time, nobody waits for ever, and the pool knows in the end what is stored.
func TestRoster_InStep(t *testing.T) {
	r, pool := newRoster(t)
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		pool.add(t, r, store.Server{ID: id, State: store.Enabled, URL: "https://" + id + "/bigbluebutton/api", Secret: "s", Weight: 1})
		pool.capacity.Servers = append(pool.capacity.Servers, share(id, 100, placement.Held))
		pool.meet(id, "on-"+id)
	}
	pool.closing = func(store.Claim, string) (bool, error) { return true, nil }
	log, weight := zerolog.Nop(), 2.0
	ignore := func(v1.Progress) {}
	said := func(err error) string { return err.Error() }
	do := []func(id string) error{
		func(id string) error { _, _, err := r.Cordon(t.Context(), id); return err },
		func(id string) error { _, _, err := r.Disable(t.Context(), id, true); return err },
		func(id string) error { _, _, err := r.Enable(t.Context(), id, true); return err },
		func(id string) error { _, _, err := r.Change(t.Context(), id, v1.Change{Weight: &weight}); return err },
		func(id string) error {
			_, err := r.Panic(t.Context(), id, v1.Panic{SkipEndCalls: true, KeepState: true}, ignore)
			return err
		},
		func(id string) error {
			w, err := r.Drain(t.Context(), id, v1.Drain{Force: true}, &log)
			if err == nil {
				_, err = w.Look(t.Context())
			}
			if refused, ok := errors.AsType[*v1.Error](err); ok && strings.Contains(refused.Message, "which ends this drain") {
				return nil
			}
			return err
		},
		func(string) error {
			s, err := r.Compare(t.Context(), v1.Sync{Mode: syncKeep, Servers: []v1.SyncServer{
				{ID: "a", URL: "https://a", Secret: "s", Tag: "x"}, {ID: "b", URL: "https://b", Secret: "s", Weight: 3},
			}})
			if err == nil {
				_, err = r.Perform(t.Context(), s, &log, said, ignore)
			}
			return err
		},
	}
	var working sync.WaitGroup
	for _, what := range do {
		for i := range 6 {
			working.Go(func() {
				if err := what(ids[i%len(ids)]); err != nil {
					t.Error(err)
				}
			})
		}
	}
	working.Wait()
	stored, err := r.Records.Store.Servers(t.Context())
	if err != nil || len(stored) != len(ids) {
		t.Fatalf("%+v, %v", stored, err)
	}
	for _, s := range stored {
		if diff := cmp.Diff(s, pool.servers[s.ID]); diff != "" || s.Secret != "s" {
			t.Errorf("%s (-stored +known):\n%s", s.ID, diff)
		}
	}
	if len(pool.Meetings()) != 0 {
		t.Errorf("left: %v", pool.Meetings())
	}
}
