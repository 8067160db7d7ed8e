package placement_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// finding is what one Find came to.
type finding struct {
	done   bool
	server string
	err    error
}

// String is what is compared.
func (f *finding) String() string { return fmt.Sprint(f.done, " ", f.server, " ", f.err) }

// find runs Find in a goroutine of the bubble and waits until it is done or blocked.
func (p *pool) find(ctx context.Context, id string) *finding {
	f := &finding{}
	go func() {
		found, err := p.Find(ctx, key(id), time.Minute)
		*f = finding{true, found.Claim.Server, err}
	}()
	synctest.Wait()
	return f
}

// bubble runs a test in which nothing happens by itself.
func bubble(t *testing.T, test func(t *testing.T, p *pool)) {
	synctest.Test(t, func(t *testing.T) { test(t, newPool(t, "a")) })
}

// A join that overtakes its create waits for the server's answer and then goes where the meeting is.
func TestFind_Created(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		wantErr(t, "unknown", p.find(t.Context(), "m").err, placement.ErrUnknown)
		c := p.begin("m")
		early := p.find(t.Context(), "m")
		p.place(c)
		placed := p.find(t.Context(), "m")
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: "x", CreateTime: 1}))
		synctest.Wait()
		equal(t, "before the answer", early.String()+", "+placed.String(), "false  <nil>, false  <nil>")
		c.End()
		synctest.Wait()
		equal(t, "after it", early.String()+", "+placed.String(), "true a <nil>, true a <nil>")
	})
}

// After a create that was given up there is nothing to be found; Find waits no longer than its context.
func TestFind_GivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		c := p.begin("m")
		p.place(c)
		waiting := p.find(t.Context(), "m")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		hasty := p.find(ctx, "m")
		time.Sleep(time.Second)
		synctest.Wait()
		wantErr(t, "the hasty one", hasty.err, context.DeadlineExceeded)
		equal(t, "the other", waiting.done, false)
		p.must(c.GiveUp(t.Context()))
		c.End()
		synctest.Wait()
		wantErr(t, "given up", waiting.err, placement.ErrUnknown)
	})
}

// Where one create gave up and another one is next in line, a join waits for that one.
func TestFind_NextCreate(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		first := p.begin("m")
		p.place(first)
		var second *placement.Creation
		go func() { second = p.begin("m") }()
		synctest.Wait()
		waiting := p.find(t.Context(), "m")
		p.must(first.GiveUp(t.Context()))
		first.End()
		synctest.Wait()
		equal(t, "between the two", waiting.done, false)
		p.place(second)
		second.End()
		synctest.Wait()
		equal(t, "after the second", waiting.String(), "true a <nil>")
	})
}

// A known meeting is found at once while a create repeats, but not while it moves.
func TestFind_Known(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		p.create("m")
		p.stand(placement.Open, "b")
		c := p.begin("m")
		p.place(c)
		equal(t, "repeated", p.find(t.Context(), "m").String(), "true a <nil>")
		p.place(c, "a")
		moving := p.find(t.Context(), "m")
		equal(t, "moving", moving.done, false)
		equal(t, "where it is going", p.where("m"), "b")
		c.End()
		synctest.Wait()
		equal(t, "moved", moving.String(), "true b <nil>")
	})
}

// Whoever finds a meeting learns whether its server is there.
func TestFind_Standing(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	for _, standing := range []placement.Standing{placement.Gone, placement.Held, placement.Doubtful, placement.Open} {
		p.stand(standing, "a")
		found, err := p.Find(t.Context(), key("m"), time.Minute)
		p.must(err)
		equal(t, "standing", found.Standing, standing)
	}
}
