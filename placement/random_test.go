package placement_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Whatever happens, what a server keeps is the sum of its seats.
func TestSeats_Random(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		p := newC3(t)
		ids := []string{"a", "b", "c", "d"}
		for range 12 {
			id := fmt.Sprint("m", r.IntN(6))
			start := monday.AddDate(0, 0, -7*(1+r.IntN(2))).Add(time.Duration(r.IntN(300)) * time.Minute)
			p.Learn(p.held(id, start, 40+r.IntN(100), 0, ids[r.IntN(4)]))
		}
		for step := range 300 {
			switch r.IntN(9) {
			case 0, 1:
				p.SetServer(placement.Server{
					ID: ids[r.IntN(4)], Weight: 1, Capacity: r.IntN(300), Hard: r.IntN(2) == 0,
					Standing: placement.Standing(r.IntN(5)), Tag: []string{"", "x"}[r.IntN(2)],
				})
			case 2:
				p.must(p.RemoveServer(t.Context(), ids[r.IntN(4)]))
			case 3:
				d := time.Duration(r.IntN(900)) * time.Second
				if r.IntN(4) == 0 {
					d = -d
				}
				p.clock.add(d)
			case 4, 5:
				c := p.begin(fmt.Sprint("m", r.IntN(6)))
				if _, err := c.Place(t.Context(), placement.Wish{}, nil); err == nil {
					switch r.IntN(3) {
					case 0:
						p.must(c.GiveUp(t.Context()))
					case 1:
						p.must(c.Confirm(t.Context(), placement.Made{InternalID: fmt.Sprint("i", step), CreateTime: 1}))
					}
				}
				c.End()
			case 6:
				p.Consider(key(fmt.Sprint("m", r.IntN(6))), placement.Wish{})
			case 7:
				for _, m := range p.Meetings() {
					if r.IntN(3) == 0 {
						_, err := p.Close(t.Context(), m.Claim, "ended")
						p.must(err)
					}
				}
			case 8:
				if ms := p.Meetings(); len(ms) > 0 {
					p.Joined(ms[0].MeetingKey, 0)
				}
			}
			sum := map[string]float64{}
			for _, s := range p.Seats() {
				sum[s.Server] += s.Size
			}
			for _, id := range ids {
				if k := p.ServerLoad(id).Kept; math.Abs(k-sum[id]) > 1e-9 || k < 0 {
					t.Fatalf("seed %d step %d: %s keeps %g, seats %g", seed, step, id, k, sum[id])
				}
			}
		}
	}
}

// What is considered is what is done then, with the same numbers.
func TestConsider_IsDone(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		p := newPool(t)
		p.config = all
		p.config.Fill = []float64{0, 0.3}[r.IntN(2)]
		p.config.AnyTag = r.IntN(2) == 0
		p.restart()
		p.SetDraw(func(int) int { return 1 })
		for i := range 5 {
			p.SetServer(placement.Server{
				ID: fmt.Sprint("s", i), Weight: 0.5 + r.Float64(), Capacity: r.IntN(80), Hard: r.IntN(2) == 0,
				Standing: placement.Standing(1 + r.IntN(4)), Tag: []string{"", "x"}[r.IntN(2)],
			})
		}
		for i := range 3 {
			p.lecture(fmt.Sprint("m", i), 1, 50+10*i)
			p.lecture(fmt.Sprint("m", i), 2, 50+10*i)
		}
		p.at(monday, 10, 0)
		for i := range 12 {
			w := placement.Wish{Hint: r.IntN(60), Tag: []string{"", "x", "x!", "none!", "x;none"}[r.IntN(5)]}
			id := fmt.Sprint("m", r.IntN(20))
			got := p.Consider(key(id), w)
			c := p.begin(id)
			pl, err := c.Place(t.Context(), w, nil)
			c.End()
			if !errors.Is(got.Err, err) {
				t.Fatalf("seed %d %d: considered %v, done %v", seed, i, got.Err, err)
			}
			if err == nil && (pl.Claim.Server != got.Claim.Server || pl.Claim.Why != got.Claim.Why) {
				t.Fatalf("seed %d %d: considered %+v, done %+v", seed, i, got.Claim, pl.Claim)
			}
		}
	}
}

// Seats, servers that come and go, creates and closes, all at once.
func TestSeats_Storm(t *testing.T) {
	p := newC3(t, "a", "b", "c")
	for w := 1; w <= 2; w++ {
		for i := range 10 {
			p.lecture(fmt.Sprint("m", i), w, 100)
		}
	}
	p.at(monday, 10, 0)
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 3))
			for range 300 {
				id := []string{"a", "b", "c"}[r.IntN(3)]
				switch r.IntN(8) {
				case 0:
					p.SetServer(placement.Server{ID: id, Weight: 1, Standing: placement.Standing(r.IntN(4))})
				case 1:
					_ = p.RemoveServer(context.Background(), id)
				case 2:
					p.Seats()
					p.clock.add(time.Minute)
				case 3:
					p.Consider(key(fmt.Sprint("m", r.IntN(10))), placement.Wish{})
				case 4:
					p.Capacity()
				case 5, 6:
					k := store.MeetingKey{Tenant: "t", MeetingID: fmt.Sprint("m", r.IntN(10))}
					c, err := p.Begin(context.Background(), k)
					if err != nil {
						continue
					}
					if _, err := c.Place(context.Background(), placement.Wish{}, nil); err == nil {
						_ = c.Confirm(context.Background(), placement.Made{InternalID: fmt.Sprint(r.IntN(1e6)), CreateTime: 1})
					}
					c.End()
				case 7:
					for _, m := range p.Meetings() {
						_, _ = p.Close(context.Background(), m.Claim, "ended")
					}
				}
			}
		})
	}
	wg.Wait()
	p.check()
	for _, id := range []string{"a", "b", "c"} {
		if k := p.ServerLoad(id).Kept; k < 0 {
			t.Errorf("%s keeps %g", id, k)
		}
	}
}
