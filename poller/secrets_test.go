package poller_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// changing is the record of a server whose secret is to be the new one.
func changing(id string, window time.Duration) store.Server {
	s := record(id)
	s.Secret, s.Former, s.FormerUntil = "new", s.Secret, time.Now().Add(window)
	return s
}

// rekey gives a server another secret, as bbb-conf --setsecret does.
func (r *rig) rekey(id string, s bbb.Secret) {
	r.net[id].change(func(f *fake) { f.secret = s })
}

// taken tells whether a server accepts the joins that are made for it.
func (r *rig) taken(id string) bool {
	_, query, _ := strings.Cut(r.Client(id).URL("join", "meetingID=m"), "?")
	f := r.net[id]
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.signed("join", query)
}

// Here first: for as long as the server has its former secret it is asked every second, for little, and its joins are signed
// with that; within a second of its change they are signed with the new one. It is online throughout, with all that is known
// of it.
func TestSetServer_SecretHereFirst(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		a.set(behaviour{delay: 3 * time.Second}, "getMeetings")
		a.set(behaviour{}, "isMeetingRunning")
		r.pass(time.Minute)
		before := s(r, "a")
		r.SetServer(changing("a", time.Hour))
		r.pass(time.Second)
		a.forget()
		r.pass(10 * time.Minute)
		if n := len(a.times(r.start, "isMeetingRunning")); n < 550 || n > 610 {
			t.Errorf("asked %d times in 10 minutes", n)
		}
		if n := len(a.times(r.start, "getMeetings")); n > 2*(60+5) { // each is tried with the wrong one only after the switch
			t.Errorf("%d polls in 10 minutes", n)
		}
		if !r.taken("a") || !s(r, "a").OnFormer {
			t.Error("joins are signed with a secret that the server has not yet")
		}
		r.rekey("a", "new")
		r.pass(time.Second + time.Millisecond)
		if !r.taken("a") || s(r, "a").OnFormer {
			t.Error("joins are signed with a secret that the server has no more")
		}
		r.pass(10 * time.Second)
		a.forget()
		r.pass(time.Minute)
		if n := len(a.times(r.start, "isMeetingRunning")); n != 0 {
			t.Errorf("still asked %d times", n)
		}
		if after := s(r, "a"); len(after.Warnings) != 1 || after.Warnings[0] != before.Warnings[0] || r.logs.count("suspect") > 0 {
			t.Errorf("%+v\nwas %+v\n%s", after, before, r.logs.buf.String())
		}
	})
}

// The change is found out within a second, also where nobody calls the server otherwise.
func TestRun_SecretFoundInASecond(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		for i := range 20 {
			r.rekey("a", secret)
			r.SetServer(record("a"))
			r.SetServer(changing("a", time.Hour))
			r.pass(time.Duration(i) * 170 * time.Millisecond)
			r.rekey("a", "new")
			r.pass(time.Second + time.Millisecond)
			if !r.taken("a") {
				t.Fatal("not found out")
			}
			r.expect("a", poller.Online)
		}
	})
}

// Server first: it fails for as long as we do not know its secret, and has never failed once we do.
func TestSetServer_SecretServerFirst(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.place("class", "a", "i-1")
		r.net["a"].show(room("class", "i-1", 3))
		r.rekey("a", "new")
		r.pass(time.Hour)
		r.expect("a", poller.Offline)
		changed := changing("a", time.Hour)
		changed.Switched = time.Now()
		r.SetServer(changed)
		r.expect("a", poller.Unknown) // at once, so that nobody who comes now is turned away
		if !r.taken("a") || s(r, "a").OnFormer || r.Failing("a") {
			t.Error("joins are signed with the former secret")
		}
		r.pass(time.Second)
		r.expect("a", poller.Online)
		r.claims("afterwards", map[string]string{"class": "a"})
	})
}

// A server that restarts with its new secret fails while it is away, and is found a second after it is back.
func TestSetServer_SecretRestart(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.SetServer(changing("a", time.Hour))
		r.pass(time.Minute)
		r.net["a"].set(down)
		r.rekey("a", "new")
		r.pass(40 * time.Second)
		r.net["a"].set(behaviour{})
		r.pass(time.Second + 100*time.Millisecond)
		r.expect("a", poller.Online)
		if !r.taken("a") {
			t.Error("joins are signed with the former secret")
		}
	})
}

// A third secret is a failure, and known as such at once.
func TestSetServer_ThirdSecret(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.SetServer(changing("a", time.Hour))
		r.pass(30 * time.Second)
		r.rekey("a", "a third one")
		r.pass(2 * time.Second)
		r.expect("a", poller.Suspect)
		r.pass(time.Minute)
		r.expect("a", poller.Offline)
		if reason := s(r, "a").Reason; !strings.Contains(reason, "checksumError") {
			t.Errorf("reason %q", reason)
		}
		if list := r.Problems(t.Context()); !slices.ContainsFunc(list, func(p problems.Problem) bool {
			return strings.Contains(p.Remedy, "bbbpool server set a --secret")
		}) {
			t.Errorf("nothing says what to do: %v", list)
		}
	})
}

// A window that ends before the server has changed leaves everything as it was, asks no more than of others, and says what to
// do; whatever is done, it works.
func TestSetServer_SecretOverdue(t *testing.T) {
	advice := func(r *rig) (list []string) {
		for _, p := range r.Problems(context.Background()) {
			list = append(list, p.Name+": "+p.String())
		}
		return list
	}
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.SetServer(changing("a", time.Minute))
		r.pass(59 * time.Second)
		if got := advice(r); got != nil {
			t.Errorf("already %q", got)
		}
		r.pass(2 * time.Second)
		got := advice(r)
		if len(got) != 1 || !strings.HasPrefix(got[0], "secret: server a has its former secret still") ||
			!strings.Contains(got[0], "bbb-conf --setsecret") || !strings.Contains(got[0], "bbbpool server set a --secret -") {
			t.Errorf("%q", got)
		}
		r.net["a"].forget()
		r.pass(time.Minute)
		if n := len(r.net["a"].times(r.start, "isMeetingRunning")); n != 0 || !r.taken("a") {
			t.Errorf("asked %d times, joins taken: %t", n, r.taken("a"))
		}
		r.rekey("a", "new")
		r.pass(11 * time.Second)
		r.expect("a", poller.Online)
		if got := advice(r); got != nil || !r.taken("a") {
			t.Errorf("still %q, joins taken: %t", got, r.taken("a"))
		}
	})
}

// What becomes of a change is told to people, and kept by whoever keeps records.
func TestChanging(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		f := func(on ...bool) {
			t.Helper()
			var got []bool
			for _, c := range r.Changing() {
				if c.ID != "a" || c.Former == "" {
					t.Errorf("%+v", c)
				}
				got = append(got, c.OnFormer)
			}
			if !slices.Equal(got, on) {
				t.Errorf("got %v, want %v", got, on)
			}
		}
		f()
		now := changing("a", time.Hour)
		r.SetServer(now)
		f(true)
		r.rekey("a", "new")
		r.pass(2 * time.Second)
		f(false)
		now.Weight = 2 // by somebody who has not heard of it
		r.SetServer(now)
		f(false)
		now.Switched = time.Now()
		r.SetServer(now)
		r.rekey("a", secret)
		r.pass(11 * time.Second)
		f(true)
		now.Weight = 3
		r.SetServer(now)
		f(true)
		now.Switched = time.Time{}
		r.SetServer(now)
		now.Secret, now.Former, now.FormerUntil = secret, "", time.Time{}
		r.SetServer(now)
		f()
		var told []string
		for _, e := range r.Events("a") {
			told = append(told, e.Kind+": "+e.Text)
		}
		want := []string{"its secret is being changed: until ", "it has its new secret", "it has its former secret again"}
		for _, text := range want {
			if !slices.ContainsFunc(told, func(line string) bool { return strings.HasPrefix(line, "changed: "+text) }) {
				t.Errorf("%q is not among %q", text, told)
			}
		}
		if text := strings.Join(told, " "); strings.Contains(text, secret) || strings.Contains(text, `"new"`) {
			t.Errorf("a secret is told: %s", text)
		}
	})
}

// A poller that starts in the middle of a change goes on where the record says.
func TestLoad_SecretBeingChanged(t *testing.T) {
	for _, c := range []struct{ written, switched bool }{{false, false}, {true, true}, {false, true}, {true, false}} {
		bubble(t, config(), nil, func(t *testing.T, r *rig) {
			r.net["a"] = &fake{}
			s := changing("a", time.Hour)
			if c.switched {
				r.rekey("a", "new")
			}
			if c.written {
				s.Switched = time.Now()
			}
			r.SetServer(s)
			if c.written == c.switched && !r.taken("a") {
				t.Errorf("%+v: the first join is signed with a secret that the server has not", c)
			}
			r.pass(100 * time.Millisecond) // also where it has changed while nobody looked
			r.expect("a", poller.Online)
			if !r.taken("a") {
				t.Errorf("%+v: joins are signed with a secret that the server has not", c)
			}
		})
	}
}

// A call that was made with another address says nothing about the present one, though the change of a secret is under way;
// one that was made before the secret was changed does.
func TestReport_SecretBeingChanged(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(_ *testing.T, r *rig) {
		before := r.Client("a")
		now := changing("a", time.Hour)
		r.SetServer(now)
		r.net["a"].set(down)
		r.Report("a", before, errDown)
		r.expect("a", poller.Suspect)
		r.net["a"].set(behaviour{})
		r.pass(time.Minute)
		r.net["b"] = &fake{}
		now.URL = "http://b/bigbluebutton/api"
		r.SetServer(now)
		r.pass(time.Second)
		r.Report("a", before, errDown)
		r.expect("a", poller.Online)
	})
}

// A server that turns every checksum down, for whatever reason, has changed no secret by that. It is not asked every second
// for long, and goes on where it was when it accepts checksums again.
func TestSetServer_SecretRefusedForAnotherReason(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		a.set(behaviour{}, "isMeetingRunning")
		r.pass(time.Minute)
		r.SetServer(changing("a", time.Hour))
		r.pass(time.Minute)
		r.rekey("a", "neither, as by another algorithm")
		a.forget()
		r.pass(30 * time.Minute)
		if got := s(r, "a"); !got.OnFormer || got.Health == poller.Online {
			t.Errorf("on its former secret %v, %s", got.OnFormer, got.Health)
		}
		// a probe, and a poll with each secret: every second for a minute, ten minutes later as often as every other server
		if n, most := a.asked(), 3*(60+60*3+20*6)*11/10; n > most {
			t.Errorf("asked %d times in 30 minutes", n)
		}
		r.rekey("a", secret)
		r.pass(5 * time.Minute)
		if got := s(r, "a"); !got.OnFormer || got.Health != poller.Online || !r.taken("a") {
			t.Errorf("in the end on its former secret %v, %s", got.OnFormer, got.Health)
		}
	})
}

// A server that leaves the pool in the middle of a change takes nobody with it, and is asked no more; of 500 that are changed
// at once each is asked every second.
func TestSetServer_SecretsOfMany(t *testing.T) {
	var ids []string
	for i := range 500 {
		ids = append(ids, fmt.Sprintf("s%03d", i))
	}
	bubble(t, config(), ids, func(t *testing.T, r *rig) {
		for _, id := range ids {
			r.net[id].set(behaviour{}, "isMeetingRunning")
			r.SetServer(changing(id, time.Hour))
		}
		r.pass(30 * time.Second)
		if err := r.RemoveServer(t.Context(), ids[0]); err != nil {
			t.Error(err)
		}
		for _, id := range ids {
			r.rekey(id, "new")
			r.net[id].forget()
		}
		r.pass(2 * time.Second)
		for _, id := range ids[1:] {
			if s(r, id).OnFormer || !r.taken(id) || s(r, id).Health != poller.Online {
				t.Errorf("%s: on its former secret %v, %s", id, s(r, id).OnFormer, s(r, id).Health)
			}
		}
		if n := r.net[ids[0]].asked(); n > 0 {
			t.Errorf("a server that has left the pool is asked %d times", n)
		}
		if n := len(r.Changing()); n != len(ids)-1 {
			t.Errorf("%d are being changed", n)
		}
	})
}
