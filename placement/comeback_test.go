package placement_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// wanted is what a front end wants to be called back.
var wanted = &store.Back{
	Ended: "https://lms.example.edu/over", Meta: []store.MetaField{{Name: store.MetaEnd, Value: "https://lms.example.edu/end"}},
}

var calling = placement.Wish{
	Signer: "second", Back: wanted, Recorded: true, Name: "Lecture", Moderator: "mp", Voice: "71234", Hint: 30,
}

// calls creates a meeting that wants to be called back.
func (p *pool) calls(id string) store.Claim {
	p.t.Helper()
	claim, err := p.make(key(id), calling, placement.Made{InternalID: id + "@1", CreateTime: p.clock.now().UnixMilli()})
	p.must(err)
	return claim
}

// lose closes what is claimed on a server that does not answer.
func (p *pool) lose(server string) int {
	p.t.Helper()
	p.stand(placement.Gone, server)
	n, err := p.LoseServer(p.t.Context(), server)
	p.must(err)
	return n
}

// told returns of each session what its front end is told: "reason, whose secret, whether it has the addresses".
func (p *pool) told() (list []string) {
	p.t.Helper()
	sessions, err := p.store.SessionsSince(p.t.Context(), time.Time{}, "", 1000)
	p.must(err)
	for _, s := range sessions {
		list = append(list, fmt.Sprint(s.Reason, " ", s.Signer, " ", s.Back != nil && s.Back.Ended == wanted.Ended))
	}
	return list
}

// What was on a server that is lost is over, each with a session. What comes back with people in it is a meeting of its own from
// then on, with all that the first one had, and a session more at its end; what comes back empty stays over. It makes no
// difference who leads by then, nor what he remembers.
func TestLoseServer(t *testing.T) {
	nothing := func(*instances) {}
	restart := func(all *instances) {
		all.leader = all.start(false, "a", "b")
		all.others = nil
		all.Ledger = all.leader.Ledger
	}
	takeover := func(all *instances) {
		next := all.join()
		all.settle()
		all.lead(next)
		all.Ledger = next.Ledger
	}
	late := func(all *instances) { // what is remembered for minutes is forgotten
		for i := range 3 {
			all.clock.add(11 * time.Minute)
			all.create(fmt.Sprint("other", i))
			all.over(key(fmt.Sprint("other", i)))
		}
	}
	for name, c := range map[string]struct{ before, meanwhile, after func(*instances) }{
		"nothing more":               {nothing, nothing, nothing},
		"much later":                 {nothing, late, nothing},
		"a restart before":           {restart, nothing, nothing},
		"a restart while it is off":  {nothing, restart, nothing},
		"a restart while it is on":   {nothing, nothing, restart},
		"restarts":                   {restart, restart, restart},
		"a takeover before":          {takeover, nothing, nothing},
		"a takeover while it is off": {nothing, takeover, nothing},
		"a takeover while it is on":  {nothing, nothing, takeover},
		"takeovers":                  {takeover, takeover, takeover},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t)
			all := newInstances(p, 1, "a", "b")
			all.stand(placement.Open, "a")
			room, empty := all.calls("room"), all.calls("empty")
			c.before(all)
			all.stand(placement.Gone, "a")
			all.stand(placement.Open, "b")
			all.clock.add(10 * time.Minute)
			equal(t, "lost", all.lose("a"), 2)
			equal(t, "lost twice", all.lose("a"), 0)
			equal(t, "where", all.where("room")+all.where("empty"), "")
			equal(t, "told", all.told(), []string{"lost second true", "lost second true"})
			c.meanwhile(all)
			all.stand(placement.Open, "a")
			for range 3 {
				all.poll("a", withName(room, 4), withName(empty, 0))
			}
			equal(t, "where it is again", all.where("room")+all.where("empty"), "a")
			found, err := all.Peek(room.MeetingKey)
			all.must(err)
			equal(t, "what it had", [3]any{found.Claim.Back, found.Claim.Signer, found.Claim.Name}, [3]any{wanted, "second", "Lecture"})
			if !found.Claim.Placed.After(room.Placed) || !found.Claim.Recorded {
				t.Errorf("claimed as %+v", found.Claim)
			}
			c.after(all)
			all.stand(placement.Open, "a")
			all.poll("a", withName(room, 9))
			all.poll("a", ended(withName(room, 0)))
			equal(t, "where at the end", all.where("room"), "")
			history := slices.DeleteFunc(all.told(), func(s string) bool { return s == "ended  false" })
			equal(t, "told in the end", history, []string{"lost second true", "lost second true", "ended second true"})
			again, err := all.store.Session(t.Context(), fmt.Sprintf("room@1~%d", found.Claim.Placed.UnixMilli()))
			all.must(err)
			equal(t, "how many were there", again.Peak, 9)
		})
	}
}

// withName is a sighting with what a server says of a recorded meeting.
func withName(c store.Claim, people int) placement.Sighting {
	s := sees(c, people)
	s.Recorded, s.Name = true, "Lecture"
	return s
}

// While a process remembers, a meeting that comes back has all that it had, also what no session keeps.
func TestLoseServer_Remembered(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	_, err := p.Marked(t.Context(), claim.MeetingKey, "a", claim.Placed, true)
	p.must(err)
	p.lose("a")
	p.stand(placement.Open, "a")
	p.poll("a", sees(claim, 2))
	found, err := p.Peek(claim.MeetingKey)
	p.must(err)
	want := claim
	want.Placed, want.Expected = found.Claim.Placed, found.Claim.Expected
	equal(t, "the claim", found.Claim, want)
	p.check()
}

// A server whose meetings are to be closed and that answers again keeps them; so does one whose meetings have moved.
func TestLoseServer_NotLost(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	for _, standing := range []placement.Standing{placement.Open, placement.Held, placement.Doubtful, placement.Unproven} {
		p.stand(standing, "a")
		n, err := p.LoseServer(t.Context(), "a")
		p.must(err)
		equal(t, "lost", n, 0)
	}
	p.stand(placement.Gone, "a")
	c := p.begin("m")
	equal(t, "lost while it is being created", p.lose("a"), 0)
	p.stand(placement.Open, "b")
	p.place(c)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "m@b", CreateTime: 1}))
	c.End()
	equal(t, "lost after it has moved", p.lose("a"), 0)
	equal(t, "where", p.where("m"), "b")
	p.Follow()
	_, err := p.LoseServer(t.Context(), "a")
	wantErr(t, "by one that follows", err, placement.ErrFollower)
}

// Wherever the store fails while a server is lost: each end is in the history, and none twice.
func TestLoseServer_Fails(t *testing.T) {
	for _, call := range []string{"AddSession", "DeleteClaim"} {
		for name, again := range map[string]bool{"it stays away": false, "it comes back": true} {
			p := newPool(t, "a")
			claim := p.calls("m")
			p.poll("a", sees(claim, 5))
			p.stand(placement.Gone, "a")
			p.store.fail(call)
			if _, err := p.LoseServer(t.Context(), "a"); !errors.Is(err, errDisk) {
				t.Errorf("%s: %v", call, err)
			}
			equal(t, "it stands", p.where("m"), "a")
			p.store.fail()
			p.restart("a")
			want := []string{"lost second true"}
			if again {
				p.poll("a", sees(claim, 5))
				p.poll("a", ended(sees(claim, 5)))
				if want = append(want, "ended second true"); call == "AddSession" {
					want = want[1:]
				}
			} else {
				p.lose("a")
			}
			equal(t, call+", "+name, p.told(), want)
			equal(t, "it is over", p.where("m"), "")
		}
	}
}

// A meeting that comes back while nobody can be asked for its past is taken up all the same, and its end is told.
func TestLoseServer_HistoryAway(t *testing.T) {
	p := newPool(t, "a")
	claims := []store.Claim{p.calls("m"), p.calls("n")}
	p.lose("a")
	p.restart("a")
	asked := 0
	p.store.set(func(call string) error {
		if call == "Session" {
			asked++
			return store.ErrAway
		}
		return nil
	})
	p.poll("a", sees(claims[0], 2), sees(claims[1], 2))
	equal(t, "asked", asked, 1)
	equal(t, "where", p.where("m")+p.where("n"), "aa")
	p.store.fail()
	p.poll("a", ended(sees(claims[0], 2)), ended(sees(claims[1], 2)))
	equal(t, "told", p.told(), []string{"lost second true", "lost second true", "ended second true", "ended second true"})
	p.check()
}

// What comes back on a server that has left the pool, and is there under another name, is the same meeting. What another server
// claims to have is not.
func TestLoseServer_Renamed(t *testing.T) {
	for name, removed := range map[string]bool{"left": true, "there": false} {
		p := newPool(t, "a")
		claim := p.calls("m")
		if removed {
			p.must(p.RemoveServer(t.Context(), "a"))
		} else {
			p.lose("a")
		}
		p.stand(placement.Open, "b")
		p.poll("b", sees(claim, 2))
		found, err := p.Peek(claim.MeetingKey)
		p.must(err)
		equal(t, name, found.Claim.Server == "b" && (found.Claim.Back != nil) == removed && (found.Claim.Signer != "") == removed, true)
	}
}

// A create that finds the meeting of before on the server that is back begins a meeting of its own all the same.
func TestLoseServer_CreatedAgain(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	p.lose("a")
	p.clock.add(time.Hour)
	p.stand(placement.Open, "a")
	again := p.calls("m") // the server takes it for a repeat
	equal(t, "the same", again.InternalID, claim.InternalID)
	p.poll("a", sees(again, 3))
	p.poll("a", ended(sees(again, 0)))
	equal(t, "told", p.told(), []string{"lost second true", "ended second true"})
	p.check()
}
