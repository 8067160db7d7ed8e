package placement_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// listed is a poll of a server with so many meetings that nobody has created, the last of them with somebody in it.
func listed(round string, n int) (list []placement.Sighting) {
	for i := range n {
		id := fmt.Sprintf("%s-%05d", round, i)
		s := placement.Sighting{Key: key(id), InternalID: "i-" + id, CreateTime: 1}
		if i == n-1 {
			s.People = 1
		}
		list = append(list, s)
	}
	return list
}

// counted is a history of which only the length is known.
type counted struct{ sessions int }

func (c *counted) Remember(context.Context, store.Claim, store.Session) error {
	c.sessions++
	return nil
}

// A server that makes up 20,000 meetings with every poll fills neither the claims nor the history. One that has thousands
// of its own has them all in the end.
func TestReconcile_MadeUpMeetings(t *testing.T) {
	now, past := &clock{t: monday}, &counted{}
	l, err := placement.OpenLedger(t.Context(), placement.Parts{State: nowhere{}, Remember: past.Remember, Now: now.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		l.SetServer(placement.Server{ID: id, Weight: 1, Standing: placement.Open})
	}
	excess := func(server string, list []placement.Sighting) int {
		t.Helper()
		now.add(10 * time.Second)
		l.BeginPoll(server)
		found, err := l.Reconcile(t.Context(), placement.Poll{
			Server: server, Began: now.now(), Complete: true, Meetings: list,
		})
		if err != nil {
			t.Fatal(err)
		}
		return found.Excess
	}
	for round := range 20 {
		if n := excess("a", listed(fmt.Sprint(round), 20_000)); n < 19_000 {
			t.Fatalf("round %d: %d were not adopted, want 19,000 or more", round, n)
		}
		if _, err := l.Peek(key("0-19999")); err != nil && round == 0 {
			t.Errorf("one with somebody in it is not among those that were: %v", err)
		}
	}
	if n := l.Count(); n > 2_100 {
		t.Errorf("%d claims", n)
	}
	if n := past.sessions + l.Count(); n > 10_100 {
		t.Errorf("%d sessions and claims, want 10,000 and what some minutes add", n)
	}
	own := listed("own", 4_000)
	for left := 3_000; left >= 0; left -= 1_000 {
		equal(t, "left of b's own", excess("b", own), left)
	}
	if found, err := l.Peek(key("own-03998")); err != nil || found.Claim.Server != "b" {
		t.Errorf("the last one: %+v, %v", found, err)
	}
}
