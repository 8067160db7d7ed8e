package admin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// rotating is a pool with one server, whose secret "one" is to be changed.
type rotating struct {
	*testPool
	t      *testing.T
	server *simulator.Server
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	r := &rotating{newTestPool(t), t, simulate(t, 1)[0]}
	r.setsecret("one")
	r.add(t, "a", r.server)
	return r
}

// setsecret is bbb-conf --setsecret on the server.
func (r *rotating) setsecret(s bbb.Secret) {
	r.t.Helper()
	if err := r.server.SetSecret(s, 0); err != nil {
		r.t.Fatal(err)
	}
}

// set is bbbpool server set --secret.
func (r *rotating) set(s v1.Secret) v1.Result {
	r.t.Helper()
	result, err := r.Servers.Change(r.t.Context(), "a", v1.Change{Secret: &s})
	if err != nil {
		r.t.Fatal(err)
	}
	return result
}

// settle does what the pool does every second.
func (r *rotating) settle() {
	r.t.Helper()
	if !r.api.Handover.Settle(r.t.Context()) {
		r.t.Error("the store takes nothing")
	}
}

// call has the pool make a call, as polls and front ends do.
func (r *rotating) call() {
	r.t.Helper()
	if answer, err := r.poller.Client("a").Answer(r.t.Context(), "getMeetings", ""); err != nil || answer.Err != nil {
		r.t.Errorf("%v %v", err, answer.Err)
	}
}

// expect checks what is stored, what is shown, and that joins are signed with what the server has.
func (r *rotating) expect(why string, secret, former store.Secret, answers string) {
	r.t.Helper()
	s, err := r.stores.State.Server(r.t.Context(), "a")
	if err != nil || s.Secret != secret || s.Former != former || former == "" != s.FormerUntil.IsZero() {
		r.t.Errorf("%s: stored %q and %q until %s, want %q and %q, %v", why, s.Secret.Reveal(), s.Former.Reveal(), s.FormerUntil,
			secret.Reveal(), former.Reveal(), err)
	}
	shown, err := r.Servers.Show(r.t.Context(), "a")
	got := ""
	if shown.SecretChange != nil {
		got = shown.SecretChange.AnswersTo
	}
	if err != nil || got != answers {
		r.t.Errorf("%s: answers to %q, want %q, %v", why, got, answers, err)
	}
	_, query, _ := strings.Cut(r.poller.Client("a").URL("join", "meetingID=m"), "?")
	raw, sum := bbb.SplitChecksum(query)
	if bbb.Verify("join", raw, sum, []bbb.Secret{r.server.Secret()}) < 0 {
		r.t.Errorf("%s: joins are signed with a secret that the server has not", why)
	}
}

// rotate changes the secret of a server in some ways, of which none may show it.
func rotate(t *testing.T, ways map[string]func(*rotating)) {
	t.Helper()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			r := newRotating(t)
			change(r)
			if strings.Contains(r.log.String(), `three"`) || strings.Contains(r.log.String(), `two"`) {
				t.Errorf("a secret is logged: %s", r.log)
			}
		})
	}
}

// The secret of a server is changed there and here in any order, without force.
func TestServers_ChangeSecret(t *testing.T) {
	rotate(t, map[string]func(r *rotating){
		"the server first": func(r *rotating) {
			r.setsecret("two")
			r.set("two")
			r.expect("set", "two", "one", "new")
			r.call()
			r.ahead.Add(int64(25 * time.Hour))
			r.settle()
			r.expect("over", "two", "", "")
		},
		"here first": func(r *rotating) {
			if result := r.set("two"); result.Warning != "" || result.Diagnosis == nil {
				r.t.Errorf("%+v", result)
			}
			r.expect("set", "two", "one", "former")
			r.call()
			r.settle()
			r.expect("asked", "two", "one", "former")
			r.setsecret("two")
			r.call()
			r.expect("changed there", "two", "one", "new")
			r.settle()
			if s, _ := r.stores.State.Server(r.t.Context(), "a"); s.Awaited() {
				r.t.Error("nobody has written down that it has its new secret")
			}
			r.ahead.Add(int64(25 * time.Hour))
			r.settle()
			r.expect("over", "two", "", "")
		},
		"never there": func(r *rotating) {
			r.set("two")
			r.ahead.Add(int64(25 * time.Hour))
			r.settle()
			r.expect("overdue", "two", "one", "former")
			r.set("one")
			r.expect("taken back", "one", "two", "new")
			r.ahead.Add(int64(25 * time.Hour))
			r.settle()
			r.expect("over", "one", "", "")
		},
		"late there": func(r *rotating) {
			r.set("two")
			r.ahead.Add(int64(25 * time.Hour))
			r.settle()
			r.setsecret("two")
			r.call()
			r.settle()
			r.expect("over at once", "two", "", "")
		},
	})
}

// Who changes a secret while it is being changed gets what he wants, and no call fails by that.
func TestServers_ChangeSecret_Again(t *testing.T) {
	rotate(t, map[string]func(r *rotating){
		"the same again": func(r *rotating) {
			r.set("two")
			before, _ := r.stores.State.Server(r.t.Context(), "a")
			r.ahead.Add(int64(time.Hour))
			r.set("two")
			after, _ := r.stores.State.Server(r.t.Context(), "a")
			if after != before {
				r.t.Errorf("%+v, was %+v", after, before)
			}
			r.setsecret("two")
			r.set("two")
			r.expect("and changed there", "two", "one", "new")
		},
		"twice before the server": func(r *rotating) {
			r.set("two")
			r.set("three")
			r.expect("set", "three", "one", "former")
			r.setsecret("three")
			r.call()
			r.expect("changed there", "three", "one", "new")
		},
		"twice, the server once": func(r *rotating) {
			r.set("two")
			r.setsecret("two")
			r.call()
			r.set("three")
			r.expect("set", "three", "two", "former")
			r.setsecret("three")
			r.call()
			r.expect("changed there", "three", "two", "new")
		},
		"back there": func(r *rotating) {
			r.set("two")
			r.setsecret("two")
			r.call()
			r.settle()
			r.setsecret("one")
			r.call()
			r.settle()
			r.expect("went back", "two", "one", "former")
			r.ahead.Add(int64(25 * time.Hour))
			r.settle()
			r.expect("and is not cut off", "two", "one", "former")
		},
	})
}

// What is changed beside a secret, or instead of it, leaves the change what it is, or makes it another.
func TestServers_ChangeSecret_Beside(t *testing.T) {
	rotate(t, map[string]func(r *rotating){
		"another end": func(r *rotating) {
			r.set("two")
			hour := time.Hour
			if _, err := r.Servers.Change(r.t.Context(), "a", v1.Change{Window: &hour}); err != nil {
				r.t.Fatal(err)
			}
			r.setsecret("two")
			r.call()
			r.ahead.Add(int64(61 * time.Minute))
			r.settle()
			r.expect("over", "two", "", "")
			_, err := r.Servers.Change(r.t.Context(), "a", v1.Change{Window: &hour})
			refused(r.t, err, http.StatusBadRequest, "not being changed")
			ages := 31 * 24 * time.Hour
			_, err = r.Servers.Change(r.t.Context(), "a", v1.Change{Window: &ages})
			refused(r.t, err, http.StatusBadRequest, "window:", "720h")
		},
		"a third one there": func(r *rotating) {
			r.setsecret("three")
			_, err := r.Servers.Change(r.t.Context(), "a", v1.Change{Secret: new(v1.Secret("two"))})
			refused(r.t, err, http.StatusUnprocessableEntity, "checksum:")
			r.setsecret("one")
			r.expect("nothing was changed", "one", "", "")
		},
		"a weight meanwhile": func(r *rotating) {
			r.set("two")
			if _, err := r.Servers.Change(r.t.Context(), "a", v1.Change{Weight: new(2.0)}); err != nil {
				r.t.Fatal(err)
			}
			r.expect("set", "two", "one", "former")
		},
		"away, and forced": func(r *rotating) {
			if err := r.server.Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
				r.t.Fatal(err)
			}
			_, err := r.Servers.Change(r.t.Context(), "a", v1.Change{Secret: new(v1.Secret("two"))})
			refused(r.t, err, http.StatusUnprocessableEntity, "refused:")
			if _, err := r.Servers.Change(r.t.Context(), "a", v1.Change{Secret: new(v1.Secret("two")), Force: true}); err != nil {
				r.t.Fatal(err)
			}
			r.expect("forced", "two", "one", "former")
			if err := r.server.Heal(); err != nil {
				r.t.Fatal(err)
			}
			r.setsecret("two")
			r.call()
			r.expect("back with the new one", "two", "one", "new")
		},
		"another machine": func(r *rotating) {
			other := simulate(r.t, 1)[0]
			r.server = other
			address, secret := other.URL(), v1.Secret(other.Secret())
			if _, err := r.Servers.Change(r.t.Context(), "a", v1.Change{URL: &address, Secret: &secret}); err != nil {
				r.t.Fatal(err)
			}
			r.expect("moved", store.Secret(other.Secret()), "", "")
		},
		"by a list": func(r *rotating) {
			list := v1.Sync{Servers: []v1.SyncServer{{ID: "a", URL: r.server.URL(), Secret: "two", Enabled: true, Weight: 1}}}
			if _, err := r.Servers.Sync(r.t.Context(), list, func(v1.Progress) {}); err != nil {
				r.t.Fatal(err)
			}
			r.expect("synced", "two", "one", "former")
			again, err := r.Servers.Sync(r.t.Context(), list, func(v1.Progress) {})
			if err != nil || len(again.Changes) > 0 {
				r.t.Errorf("%+v %v", again, err)
			}
			r.setsecret("two")
			r.call()
			r.expect("changed there", "two", "one", "new")
		},
		"by a list, the server first": func(r *rotating) {
			r.setsecret("two")
			list := v1.Sync{Servers: []v1.SyncServer{{ID: "a", URL: r.server.URL(), Secret: "two", Enabled: true, Weight: 1}}}
			if done, err := r.Servers.Sync(r.t.Context(), list, func(v1.Progress) {}); err != nil || done.Changes[0].Warning != "" {
				r.t.Fatal(done, err)
			}
			r.expect("synced", "two", "one", "new")
		},
	})
}

// frozen is what an instance has seen that sees nothing any more.
type frozen []poller.Changing

func (f frozen) Changing() []poller.Changing { return f }

// A list that was exported in the middle of a change makes the same pool elsewhere, whatever the server has.
func TestServers_SyncFormer(t *testing.T) {
	for _, has := range []bbb.Secret{"one", "two"} {
		r := newRotating(t)
		r.set("two")
		shown, err := r.Servers.Reveal(t.Context())
		if err != nil || shown[0].Secret != "two" || shown[0].Former != "one" {
			t.Fatalf("%+v %v", shown, err)
		}
		r.setsecret(has)
		elsewhere := newTestPool(t)
		list := v1.Sync{Servers: []v1.SyncServer{
			{ID: "a", URL: r.server.URL(), Secret: shown[0].Secret, Former: shown[0].Former, Enabled: true, Weight: 1},
		}}
		done, err := elsewhere.Servers.Sync(t.Context(), list, func(v1.Progress) {})
		if err != nil || done.Changes[0].Warning != "" || done.Changes[0].Error != "" {
			t.Fatalf("%+v %v", done, err)
		}
		want := map[bbb.Secret]string{"one": "former", "two": "new"}[has]
		(&rotating{elsewhere, t, r.server}).expect("elsewhere", "two", "one", want)
	}
}

// A test of a server, its admission and a check of the pool use the secret that works, whichever that is.
func TestServers_TestWhileSecretChanges(t *testing.T) {
	r := newRotating(t)
	r.set("two")
	for _, has := range []bbb.Secret{"one", "two"} {
		r.setsecret(has)
		tried, err := r.Servers.Test(t.Context(), "a", v1.Trial{Meetings: 2}, func(v1.Progress) {})
		if err != nil || !tried.Passed {
			t.Errorf("%s: %+v %v", string(has), tried, err)
		}
		former := slices.ContainsFunc(tried.Checks, func(c v1.TrialCheck) bool { return strings.Contains(c.Detail, "former secret") })
		if former != (has == "one") {
			t.Errorf("%s: %+v", string(has), tried.Checks)
		}
		if _, err := r.Servers.Cordon(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Servers.Enable(t.Context(), "a", false); err != nil {
			t.Errorf("%s: enable: %v", string(has), err)
		}
		checked, err := r.Pool.Check(t.Context())
		if err != nil || len(checked.Servers) != 1 || !checked.Servers[0].OK {
			t.Errorf("%s: check: %+v %v", string(has), checked, err)
		}
	}
}

// What two instances see of one server comes to one record, whoever writes first, and neither undoes what the other has seen.
func TestHandover_SeveralInstances(t *testing.T) {
	r := newRotating(t)
	r.set("two")
	r.setsecret("two")
	blind, late := *r.api.Handover, *r.api.Handover
	blind.Pool = frozen(r.poller.Changing()) // which has not heard of it
	r.call()
	late.Pool = frozen(r.poller.Changing())
	r.settle()
	first, _ := r.stores.State.Server(t.Context(), "a")
	if first.Awaited() {
		t.Error("nobody has written it down")
	}
	wanted := store.Secret("two")
	settle := func(why, former, answers string) {
		t.Helper()
		for _, other := range []*roster.Handover{&blind, &late} {
			if !other.Settle(t.Context()) {
				t.Errorf("%s: it has failed", why)
			}
		}
		r.expect(why, wanted, store.Secret(former), answers)
	}
	settle("written by one", "one", "new")
	if now, _ := r.stores.State.Server(t.Context(), "a"); now != first {
		t.Errorf("%+v, was %+v", now, first)
	}
	r.ahead.Add(int64(25 * time.Hour))
	r.settle()
	settle("over", "", "")
	r.set("three")
	wanted = "three"
	settle("what was seen before that says nothing about the next change", "two", "former")
}
