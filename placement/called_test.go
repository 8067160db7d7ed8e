package placement_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// A server that says that a meeting is over is believed at the address of the claim that stands: to the millisecond, as the
// address has it. The claim is over at once, with what the front end wants to be told, and nothing is owed.
func TestCalledBack(t *testing.T) {
	for name, c := range map[string]struct {
		server string
		later  time.Duration
		want   bool
	}{
		"the claim":          {"a", 0, true},
		"its address":        {"a", -300 * time.Microsecond, true},
		"placed before":      {"a", -time.Millisecond, false},
		"placed after":       {"a", time.Second, false},
		"on another server":  {"b", 0, false},
		"on none":            {"", 0, false},
		"of another meeting": {"a", time.Hour, false},
	} {
		p := newPool(t, "a")
		p.clock.add(500 * time.Microsecond)
		claim := p.calls("m")
		for range 2 { // BigBlueButton calls twice
			closed, err := p.CalledBack(t.Context(), claim.MeetingKey, c.server, claim.Placed.Add(c.later))
			p.must(err)
			equal(t, name, closed, c.want)
			c.want = false
		}
		if p.where("m") == "" {
			equal(t, "told", p.told(), []string{"ended second true"})
		}
		equal(t, "owed", p.owed(), nil)
		p.check()
	}
}

// What a server still lists after it has said that it is over is not taken up again, nor ended once more.
func TestCalledBack_Listed(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	p.poll("a", sees(claim, 3))
	closed, err := p.CalledBack(t.Context(), claim.MeetingKey, "a", claim.Placed)
	p.must(err)
	equal(t, "closed", closed, true)
	for range 3 {
		equal(t, "strays", p.poll("a", sees(claim, 3)), nil)
		equal(t, "where", p.where("m"), "")
	}
	equal(t, "told", p.told(), []string{"ended second true"})
	p.clock.add(time.Minute)
	again, err := p.make(claim.MeetingKey, placement.Wish{}, placement.Made{InternalID: "m@2", CreateTime: 2})
	p.must(err)
	closed, err = p.CalledBack(t.Context(), claim.MeetingKey, "a", claim.Placed)
	p.must(err)
	equal(t, "closed by the one before", closed, false)
	equal(t, "what the next one wants", again.Back == nil, true)
	p.check()
}

// A call that comes while the meeting is being created again waits for the outcome, but not for ever.
func TestCalledBack_Creating(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	c := p.begin("m")
	p.place(c)
	over := make(chan error)
	go func() {
		closed, err := p.CalledBack(context.Background(), claim.MeetingKey, "a", claim.Placed)
		over <- errors.Join(err, map[bool]error{true: errors.New("closed what has begun anew")}[closed])
	}()
	p.clock.add(time.Second)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "m@2", CreateTime: 2}))
	c.End()
	p.must(<-over)
	equal(t, "where", p.where("m"), "a")
	c = p.begin("m")
	defer c.End()
	_, err := p.CalledBack(expired, claim.MeetingKey, "a", claim.Placed)
	wantErr(t, "with no time left", err, context.Canceled)
	_, err = p.Marked(expired, claim.MeetingKey, "a", claim.Placed, true)
	wantErr(t, "marks with no time left", err, context.Canceled)
}

// Wherever the store fails, the claim stands until the end is in the history, and is over with the next call.
func TestCalledBack_Fails(t *testing.T) {
	for _, call := range []string{"AddSession", "DeleteClaim"} {
		for _, restarted := range []bool{false, true} {
			p := newPool(t, "a")
			claim := p.calls("m")
			p.store.fail(call)
			closed, err := p.CalledBack(t.Context(), claim.MeetingKey, "a", claim.Placed)
			wantErr(t, call, err, errDisk)
			equal(t, "closed", closed, false)
			if p.store.fail(); restarted {
				p.restart("a")
			}
			closed, err = p.CalledBack(t.Context(), claim.MeetingKey, "a", claim.Placed)
			p.must(err)
			equal(t, "closed", closed, true)
			equal(t, call, p.told(), []string{"ended second true"})
			p.check()
		}
	}
}

// Marks are in the claim, wherever it goes, until the meeting is another one.
func TestMarked(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	mark := func(placed time.Time, marks bool) bool {
		t.Helper()
		noted, err := p.Marked(t.Context(), claim.MeetingKey, "a", placed, marks)
		p.must(err)
		p.check()
		return noted
	}
	marks := func() string {
		found, err := p.Peek(claim.MeetingKey)
		p.must(err)
		return found.Claim.Marks
	}
	equal(t, "of another stay", mark(claim.Placed.Add(time.Second), true), false)
	equal(t, "marks", marks(), "")
	equal(t, "noted", mark(claim.Placed, false), true)
	equal(t, "noted", mark(claim.Placed, true), true)
	equal(t, "noted again", mark(claim.Placed, true), true)
	p.poll("a", sees(claim, 2))
	equal(t, "marks", marks(), "true")
	p.restart("a")
	equal(t, "marks after a restart", marks(), "true")
	p.store.fail("UpdateClaim")
	_, err := p.Marked(t.Context(), claim.MeetingKey, "a", claim.Placed, false)
	wantErr(t, "which cannot be written", err, errDisk)
	p.store.fail()
	equal(t, "marks", marks(), "true")
	p.clock.add(time.Second)
	c := p.begin("m")
	_, err = c.Place(t.Context(), calling, nil)
	p.must(err)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "m@2", CreateTime: 2}))
	c.End()
	equal(t, "marks of the next one", marks(), "")
	p.check()
}

// What was begun anew and could not be written goes by the time of the one before, as the store has it. What a server says at the
// address of that one is about that one, and at its own about itself: it is not closed, and has no marks, because of the other.
func TestCalledBack_Redated(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	p.clock.add(time.Second)
	c := p.begin("m")
	place, err := c.Place(t.Context(), calling, nil)
	p.must(err)
	p.store.fail("UpdateClaim")
	wantErr(t, "which cannot be written", c.Confirm(t.Context(), placement.Made{InternalID: "m@2", CreateTime: 2}), errDisk)
	c.End()
	p.store.fail()
	for _, about := range []struct {
		placed time.Time
		want   bool
	}{{claim.Placed, false}, {place.Anew, true}} {
		noted, err := p.Marked(t.Context(), claim.MeetingKey, "a", about.placed, true)
		p.must(err)
		equal(t, "noted", noted, about.want)
		closed, err := p.CalledBack(t.Context(), claim.MeetingKey, "a", about.placed)
		p.must(err)
		equal(t, "closed", closed, about.want)
	}
	p.check()
}

// Marks that were written and not told of are known to the next that leads.
func TestMarked_TakeOver(t *testing.T) {
	p := newPool(t)
	all := newInstances(p, 1, "a")
	all.stand(placement.Open, "a")
	claim := all.calls("m")
	next := all.join()
	all.settle()
	noted, err := all.Marked(t.Context(), claim.MeetingKey, "a", claim.Placed, true)
	all.must(err)
	equal(t, "noted", noted, true)
	_, err = next.Marked(t.Context(), claim.MeetingKey, "a", claim.Placed, true)
	wantErr(t, "by one that follows", err, placement.ErrFollower)
	_, err = next.CalledBack(t.Context(), claim.MeetingKey, "a", claim.Placed)
	wantErr(t, "by one that follows", err, placement.ErrFollower)
	next.told = nil // lost with the leader
	all.lead(next)
	found, err := next.Peek(claim.MeetingKey)
	all.must(err)
	equal(t, "marks", found.Claim.Marks, "true")
	equal(t, "back", found.Claim.Back, wanted)
}

// Where front ends want to be called back is what the create says that makes a meeting, or moves it: a repeat changes nothing.
func TestWish_Back(t *testing.T) {
	p := newPool(t, "a")
	silent := calling
	silent.Recorded = false
	_, err := p.make(key("m"), silent, placement.Made{InternalID: "m@1", CreateTime: p.clock.now().UnixMilli()})
	p.must(err)
	back := func() string {
		found, err := p.Peek(key("m"))
		p.must(err)
		if found.Claim.Back == nil {
			return found.Claim.Signer + " nowhere"
		}
		return found.Claim.Signer + " " + found.Claim.Back.Ended
	}
	other := placement.Wish{
		Signer: "third", Back: &store.Back{Ended: "https://other.example.edu"}, Recorded: true, Name: "Seminar",
	}
	create := func(internal string) {
		t.Helper()
		_, err := p.make(key("m"), other, placement.Made{InternalID: internal, CreateTime: monday.UnixMilli()})
		p.must(err)
		p.check()
	}
	equal(t, "created", back(), "second https://lms.example.edu/over")
	create("m@1")
	equal(t, "created again", back(), "second https://lms.example.edu/over")
	p.restart("a")
	equal(t, "after a restart", back(), "second https://lms.example.edu/over")
	p.clock.add(time.Second)
	create("m@2")
	equal(t, "begun anew at its server", back(), "third https://other.example.edu")
	found, err := p.Peek(key("m"))
	p.must(err)
	equal(t, "which is recorded, and was not", []any{found.Claim.Recorded, found.Claim.Name}, []any{true, "Seminar"})
	p.stand(placement.Gone, "a")
	p.stand(placement.Open, "b")
	other = calling
	p.clock.add(time.Second)
	create("m@3")
	equal(t, "moved", back(), "second https://lms.example.edu/over")
	equal(t, "told", p.told(), []string{"ended second true", "moved third false"})
}

// numbers are those that a meeting may have in tests.
func numbers(id string, length int) iter.Seq[string] {
	return slices.Values([]string{fmt.Sprintf("1%0*d", length-1, len(id)), fmt.Sprintf("2%0*d", length-1, len(id))})
}

// A pool that gives out voice bridges gives each meeting one of its own, the same for as long as it lasts.
func TestBridges(t *testing.T) {
	p := newPool(t)
	p.config.Bridges = placement.Bridges{Length: 5, Numbers: numbers}
	p.restart("a")
	voice := func(id, asked string) string {
		t.Helper()
		claim, err := p.make(key(id), placement.Wish{Voice: asked}, placement.Made{InternalID: id + "@", CreateTime: 1})
		if err != nil {
			return fmt.Sprint(err)
		}
		found, err := p.ByVoice(claim.Voice)
		p.must(err)
		equal(t, "found by it", found.Claim, claim)
		return claim.Voice
	}
	equal(t, "the first", voice("m1", ""), "10002")
	equal(t, "the next", voice("m2", ""), "20002")
	equal(t, "with none left", voice("m3", ""), placement.ErrVoice.Error())
	equal(t, "what is asked for does not count", voice("long", "77777"), "10004")
	equal(t, "again", voice("m2", "77777"), "20002")
	p.stand(placement.Gone, "a")
	p.stand(placement.Open, "b")
	equal(t, "moved", voice("m2", ""), "20002")
	p.over(key("m1"))
	equal(t, "when one is over", voice("m3", ""), "10002")
	_, err := p.ByVoice("99999")
	wantErr(t, "nobody's", err, placement.ErrUnknown)
	_, err = p.ByVoice("")
	wantErr(t, "none", err, placement.ErrUnknown)
	p.check()

	p.config.Bridges.External = true
	p.restart("b")
	equal(t, "asked for", voice("ext", "77777"), "77777")
	equal(t, "another's", voice("other", "77777"), placement.ErrVoice.Error())
	equal(t, "its own", voice("ext", "77777"), "77777")
	equal(t, "no number", voice("room1", "a;b"), "10005")
	p.check()
}

// What its server has told to be over stays so for whoever starts behind that, while the server lists it for a moment longer.
func TestCalledBack_Restart(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	closed, err := p.CalledBack(t.Context(), claim.MeetingKey, "a", claim.Placed)
	p.must(err)
	equal(t, "closed", closed, true)
	p.restart("a")
	p.poll("a", sees(claim, 2))
	p.poll("a", sees(claim, 2))
	equal(t, "where, while it is listed", p.where("m"), "")
	equal(t, "told", p.told(), []string{"ended second true"})
	p.check()
}
