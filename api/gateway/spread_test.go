package gateway_test

import (
	"fmt"
	"sync"
	"testing"
)

// createAll creates n meetings at once and returns how many ended up on each server.
func createAll(t *testing.T, p *pool, n int) map[string]int {
	t.Helper()
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		wg.Go(func() {
			a, err := p.try("create", createQuery(fmt.Sprintf("room-%d", i)))
			if err == nil && a.Returncode != "SUCCESS" {
				err = fmt.Errorf("create: %s", a.body)
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	count := map[string]int{}
	for _, s := range p.sims {
		count[s.ID()] = len(s.Meetings())
	}
	return count
}

// 200 front ends press "start" in the same second; the servers are equal and idle.
func TestCreate_SpreadsEvenly(t *testing.T) {
	p := start(t, settings{servers: 22})
	for id, n := range createAll(t, p, 200) {
		if n < 9 || n > 10 {
			t.Errorf("%s has %d meetings, want 9 or 10", id, n)
		}
	}
}

// A server of weight 2 takes twice as many as the others: of 23 shares it has two.
func TestCreate_SpreadsByWeight(t *testing.T) {
	p := start(t, settings{servers: 22, weights: []float64{2}})
	for id, n := range createAll(t, p, 200) {
		low, high := 8, 9 // 200/23 = 8.7
		if id == "sim1" {
			low, high = 16, 18 // 17.4
		}
		if n < low || n > high {
			t.Errorf("%s has %d meetings, want %d to %d", id, n, low, high)
		}
	}
}
