package gateway_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// A room was on a server that has died since: the next create lands on another one, within that request.
func TestLostServer_OfAPastRoom(t *testing.T) {
	p := start(t, settings{servers: 2, poll: time.Hour})
	p.create("room")
	dead := p.sim(p.server("room"))
	if a := p.call("end", "meetingID=room&password=mp"); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	other := p.sims[0]
	if other == dead {
		other = p.sims[1]
	}
	for p.server("busy") != other.ID() { // so that the dead server is the one that the rule would choose
		p.call("end", "meetingID=busy&password=mp")
		p.create("busy")
	}
	if err := dead.Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
		t.Fatal(err)
	}
	p.create("room")
	if on := p.server("room"); on != other.ID() {
		t.Errorf("the room is on %q, want %s", on, other.ID())
	}
	if to := p.join("room", "").Host; to != hostOf(t, other) {
		t.Errorf("the join goes to %s", to)
	}
}

// The server of a known room leaves the pool, is switched off, or is a new machine under the old name: the next create
// works, with no operator's help, and joins go where it worked.
func TestLostServer_OfAKnownRoom(t *testing.T) {
	for name, change := range map[string]func(*pool, *simulator.Server) error{
		"removed": func(p *pool, s *simulator.Server) error { return p.poller.RemoveServer(context.Background(), s.ID()) },
		"disabled": func(p *pool, s *simulator.Server) error {
			p.poller.SetServer(p.as(s.ID(), store.Disabled))
			return nil
		},
		"crashed": func(_ *pool, s *simulator.Server) error {
			s.Restart()
			return nil
		},
		"replaced, the record kept": func(p *pool, s *simulator.Server) error {
			p.poller.SetServer(p.replacement(s.ID()))
			return nil
		},
		"replaced, the record new": func(p *pool, s *simulator.Server) error {
			record := p.replacement(s.ID())
			err := p.poller.RemoveServer(context.Background(), s.ID())
			p.poller.SetServer(record)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, settings{servers: 2, poll: time.Hour})
			fresh := simulators(t, simulator.Config{})[0]
			p.create("room")
			gone := p.sim(p.server("room"))
			p.sims = append(p.sims, fresh)
			if err := change(p, gone); err != nil {
				t.Fatal(err)
			}
			a := p.create("room")
			status, known := p.poller.Server(p.server("room"))
			if !known || a.Key == "duplicateWarning" {
				t.Errorf("the room is on %q: %s", p.server("room"), a.body)
			}
			to := p.join("room", "")
			if want := status.URL + "/join"; to.Scheme+"://"+to.Host+to.Path != want {
				t.Errorf("the join goes to %s, want %s", to, want)
			}
			p.consistent()
		})
	}
}

// replacement returns the record of a server with the address of the last simulated one.
func (p *pool) replacement(id string) store.Server {
	record := p.as(id, store.Enabled)
	fresh := p.sims[len(p.sims)-1]
	record.URL, record.Secret = fresh.URL(), store.Secret(fresh.Secret())
	return record
}

// consistent fails where a claim, in memory or in the store, points at a server that is not in the pool, or the two
// differ.
func (p *pool) consistent() {
	p.tb.Helper()
	stored, err := p.stores.State.Claims(p.tb.Context())
	if err != nil {
		p.tb.Fatal(err)
	}
	claims := map[store.MeetingKey]string{}
	for _, c := range stored {
		claims[c.MeetingKey] = c.Server
	}
	meetings := p.ledger.Meetings()
	if len(meetings) != len(stored) {
		p.tb.Errorf("%d claims in memory, %d in the store", len(meetings), len(stored))
	}
	for _, m := range meetings {
		if claims[m.MeetingKey] != m.Server {
			p.tb.Errorf("%s is on %s, and on %q in the store", m.MeetingID, m.Server, claims[m.MeetingKey])
		}
		if _, known := p.poller.Server(m.Server); !known {
			p.tb.Errorf("%s is claimed on %s, which is not in the pool", m.MeetingID, m.Server)
		}
	}
}

// Whatever is done to servers, in whatever order: no claim points at one that is unknown, and no create fails while there
// are servers enough that could take it.
func TestLostServer_NoClaimOnUnknownOnes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := start(t, settings{servers: 4, change: func(c *poller.Config, _ *gatewayConfig) {
				c.Interval, c.Failover, c.Unhealthy = 50*time.Millisecond, 50*time.Millisecond, 1
			}})
			draw := rand.New(rand.NewPCG(seed, 6))
			for range 80 {
				p.disturb(draw)
				enough := p.usable() > 1 // of the others at most two fail: the third try of a create is a good one
				a := p.call("create", createQuery(fmt.Sprintf("room-%d", draw.IntN(12))))
				if a.Returncode != "SUCCESS" && enough && p.usable() > 1 {
					t.Errorf("create with %d usable servers: %s", p.usable(), a.body)
				}
			}
			p.quiet()
			p.consistent()
		})
	}
}

// disturb does something to a server.
func (p *pool) disturb(draw *rand.Rand) {
	p.tb.Helper()
	s := p.sims[draw.IntN(len(p.sims))]
	record := store.Server{ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1}
	err := error(nil)
	switch draw.IntN(8) {
	case 0:
		err = p.poller.RemoveServer(p.tb.Context(), s.ID())
	case 1:
		record.State = store.Disabled
		p.poller.SetServer(record)
	case 2:
		s.Restart()
	case 3:
		err = s.Fault(simulator.Fault{Kind: simulator.Refuse})
	case 4:
		err = s.Heal()
	default:
		p.poller.SetServer(record)
		err = s.Heal()
	}
	if err != nil {
		p.tb.Fatal(err)
	}
}

// usable is how many servers could take a meeting.
func (p *pool) usable() (n int) {
	for _, status := range p.poller.Servers() {
		if _, fails := p.sim(status.ID).CurrentFault(); !fails && status.State == store.Enabled && status.Health != poller.Offline {
			n++
		}
	}
	return n
}

// quiet heals everything and waits until polls have drawn their conclusions.
func (p *pool) quiet() {
	p.tb.Helper()
	for _, s := range p.sims {
		if err := s.Heal(); err != nil {
			p.tb.Fatal(err)
		}
	}
	for _, status := range p.poller.Servers() {
		if status.State == store.Enabled {
			p.waitHealth(status.ID, poller.Online)
			p.polled(p.sim(status.ID), 3)
		}
	}
}

// Servers that have left while nobody was looking: after a restart their claims are closed, the others stand.
func TestLostServer_RestartWithout(t *testing.T) {
	data := t.TempDir()
	t.Run("before", func(t *testing.T) {
		p := start(t, settings{servers: 3, data: data, poll: time.Hour})
		createAll(t, p, 9)
		p.consistent()
	})
	p := start(t, settings{servers: 1, data: data, poll: time.Hour})
	p.consistent()
	if n := len(p.ledger.Meetings()); n != 3 {
		t.Errorf("%d claims after the restart, want the 3 on the server that is left", n)
	}
	for i := range 9 {
		p.create(fmt.Sprintf("room-%d", i))
	}
	p.consistent()
}
