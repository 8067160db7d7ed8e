package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// unsure is claims in memory, which cannot be confirmed as long as confirming fails.
type unsure struct {
	away

	mu     sync.Mutex
	claims map[store.MeetingKey]store.Claim
	fails  error // of whatever confirms a claim
	lasts  int   // so often; for ever if negative
}

func (u *unsure) Claims(context.Context) (list []store.Claim, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.claims {
		list = append(list, c)
	}
	return list, nil
}

func (u *unsure) CreateClaim(_ context.Context, c store.Claim) (store.Claim, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.claims == nil {
		u.claims = map[store.MeetingKey]store.Claim{}
	}
	u.claims[c.MeetingKey] = c
	return c, nil
}

func (u *unsure) UpdateClaim(_ context.Context, k store.MeetingKey, change func(*store.Claim) error) (store.Claim, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lasts != 0 {
		u.lasts--
		return store.Claim{}, fmt.Errorf("confirm a claim: %w", u.fails)
	}
	c := u.claims[k]
	err := change(&c)
	u.claims[k] = c
	return c, err
}

// fail has so many confirmations fail, and all if that is negative.
func (u *unsure) fail(err error, times int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fails, u.lasts = err, times
}

// stored is the internal ID of a meeting as it is stored.
func (u *unsure) stored(id string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.claims[key(id)].InternalID
}

// A meeting is made, and the database is away: a create waits for it. An instance alone answers after a while, since people wait,
// and stores it with a later poll; of several none acknowledges what is not durable, and a repeat of the create does no more.
func TestCreate_ConfirmAway(t *testing.T) {
	for _, several := range []bool{false, true} {
		t.Run(fmt.Sprintf("several %t", several), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := &unsure{}
				g, ask := lone(t, db)
				if several {
					e := &elsewhere{}
					e.leading.Store(true)
					g.Elsewhere = e
				}
				db.fail(store.ErrAway, 8)
				if said, took := ask("create", createQuery("room")); !strings.Contains(said, "SUCCESS") || took > 5*time.Second {
					t.Errorf("after %s: %s", took, said)
				}
				if db.stored("room") != "i-room" {
					t.Error("answered, and not stored")
				}
				db.fail(store.ErrAway, -1)
				for range 2 {
					said, took := ask("create", createQuery("another"))
					if strings.Contains(said, "SUCCESS") == several || several != strings.Contains(said, "databaseUnavailable") {
						t.Errorf("while it stays away, after %s: %s", took, said)
					}
					if short := took < 10*time.Second; short == several || took > time.Minute {
						t.Errorf("answered after %s", took)
					}
				}
				if said, _ := ask("join", "meetingID=another&fullName=Ada"); !strings.Contains(said, "http://bbb1/") {
					t.Errorf("nobody can join: %s", said)
				}
				db.fail(nil, 0)
				if _, err := g.Ledger.Reconcile(t.Context(), placement.Poll{Server: "bbb1", Began: time.Now()}); err != nil {
					t.Fatal(err)
				}
				if db.stored("another") != "i-another" {
					t.Error("a poll has not stored it")
				}
				if said, _ := ask("create", createQuery("another")); !strings.Contains(said, "SUCCESS") {
					t.Error(said)
				}
			})
		})
	}
}

// The leader has lost its lease when it is to write down what a server has made: it hands the create on, and the next leader
// finds the meeting, new or begun anew where an older claim stands, and answers as the server has.
func TestCreate_ConfirmElsewhere(t *testing.T) {
	for _, anew := range []bool{false, true} {
		for _, passwords := range []string{"", "&attendeePW=ap", "&attendeePW=ap&moderatorPW=mp"} {
			t.Run(fmt.Sprintf("anew %t, passwords %q", anew, passwords), func(t *testing.T) {
				query := "meetingID=room&name=Room+room" + passwords
				p := start(t, settings{servers: 1, poll: time.Hour})
				e, db := p.among(), &unsure{}
				ledger, err := placement.OpenLedger(t.Context(), placement.Parts{State: db, Remember: remember, Now: time.Now})
				if err != nil {
					t.Fatal(err)
				}
				ledger.SetServer(placement.Server{ID: "sim1", Weight: 1, Standing: placement.Open, Enabled: true})
				p.gateway.Ledger = ledger
				if err := p.gateway.Open(t.Context(), p.stores.State, time.Now()); err != nil {
					t.Fatal(err)
				}
				if anew {
					p.get("create", query)
					p.sims[0].Restart()
					made := time.Now().UnixMilli()
					p.waitFor("another millisecond", func() bool { return time.Now().UnixMilli() > made })
				}
				before := db.stored("room")
				db.fail(store.ErrFenced, 1)
				e.answer = func(w http.ResponseWriter, r *http.Request) {
					ledger.Follow()
					if err := ledger.Lead(r.Context()); err != nil {
						t.Error(err)
					}
					if is := db.stored("room"); is != before {
						t.Errorf("%q is stored already", is)
					}
					r.Header.Set(peerHeader, "yes")
					p.gateway.ServeHTTP(w, r)
				}
				said, _ := p.get("create", query)
				if calls, _, _ := e.take(); len(calls) != 1 {
					t.Fatalf("handed on %v", calls)
				}
				if !strings.Contains(said, "SUCCESS") || strings.Contains(said, "duplicateWarning") {
					t.Errorf("answered %s", said)
				}
				if id := db.stored("room"); id == before || !strings.Contains(said, "<internalMeetingID>"+id+"<") {
					t.Errorf("%q is stored, and answered %s", id, said)
				}
				if n := len(p.sims[0].Meetings()); n != 1 {
					t.Errorf("there are %d meetings", n)
				}
			})
		}
	}
}

// A create that was handed on, and is not the one that has made the meeting that its server has, is no first creation: neither of
// the meeting that is known, nor of one that is older than the create can be.
func TestCreate_HandedOnLate(t *testing.T) {
	const query = "meetingID=room&name=Room+room&attendeePW=ap"
	data := t.TempDir()
	now := time.Now().Add(-10 * time.Minute)
	p := &pool{tb: t, client: browser()}
	p.sims = oldSimulators(t, now)
	p.straightly("create", query)
	claim(t, data, store.Claim{MeetingKey: key("room"), Server: "sim1", Placed: now, InternalID: "another", CreateTime: 1})
	p.boot(settings{data: data, poll: time.Hour})
	p.among()
	p.waitFor("the server", func() bool { return p.health("sim1") == "online" })
	if said, _ := p.get("create", query, peerHeader, "yes"); !strings.Contains(said, "idNotUnique") {
		t.Error(said)
	}
}

// oldSimulators is one server whose meetings were made then.
func oldSimulators(t *testing.T, then time.Time) []*simulator.Server {
	t.Helper()
	return simulators(t, simulator.Config{Servers: 1, Now: func() time.Time { return then }})
}
