package assembly_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// Redis comes back without its last writes, and whoever knew of these is gone: the next leader asks the servers before it decides,
// so that a meeting which Redis has forgotten is found, and not placed anew.
func TestPool_ForgottenClaim(t *testing.T) {
	t.Parallel()
	a := newOutage(t, false)
	c := redis.NewClient(&redis.Options{Addr: a.redis.Addr})
	defer func() { _ = c.Close() }()
	a.end()
	a.start()
	ready(t, a.pool)
	if err := c.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	const room = "meetingID=forgotten&name=Forgotten&moderatorPW=mp&attendeePW=ap"
	before := element(a.succeeds("create", room), "internalMeetingID")
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	a.redis.Kill()
	a.redis.Start(t)
	for _, s := range a.sim.Servers() {
		if err := s.Fault(simulator.Fault{Kind: "slow", Delay: 300 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	a.o.Data = options(t).Data
	a.start()
	if again := element(a.succeeds("create", room), "internalMeetingID"); again != before {
		t.Errorf("it is %s, and was %s", again, before)
	}
	if n := a.copies("forgotten"); n != 1 {
		t.Errorf("it is on %d servers", n)
	}
}
