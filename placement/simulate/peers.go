package simulate

import (
	"math"
	"time"
)

// What servers tell besides the number of people, as far as peers look at it. This is a model, not a measurement: a
// trace has people alone.
const (
	moderators = 1    // in a meeting with somebody in it; participantCount has them already
	voiceShare = 0.5  // of the people, with a microphone
	videoShare = 0.25 // of the people, with a camera

	cpuIdle   = 0.04 // utilisation of a server without people
	cpuPeople = 0.8  // more with as many people as its capacity
	cpuNoise  = 0.03 // standard deviation of a reading

	// Kernel time is a part of the utilisation; memory is what the system and the running services take, and some for
	// each person. Both in per cent.
	kernelShare = 25.0
	memoryIdle  = 20.0
	memoryFull  = 15.0
	memoryNoise = 0.5
)

// signals are the models of what else a server tells.
func voice(people int) float64 { return math.Round(voiceShare * float64(people)) }
func video(people int) float64 { return math.Round(videoShare * float64(people)) }

// fullness is the people on a server as a share of its capacity.
func (p *pool) fullness(s int) float64 {
	return float64(p.load[s]) / (float64(p.capacity) * p.weight[s])
}

// cpu is a reading of a server's utilisation, from 0 to 1.
func (p *pool) cpu(s int) float64 {
	return min(1, max(0, cpuIdle+cpuPeople*p.fullness(s)+cpuNoise*p.draw.NormFloat64()))
}

// age is for how long a meeting has run on its server by the server's clock.
func (p *pool) age(m int) time.Duration { return p.now - p.born[m] }

// counters is what most peers have: a number for each server, set by polls and raised in between.
type counters struct {
	load []float64
}

func (c *counters) fit(p *pool) {
	if c.load == nil {
		c.load = make([]float64, len(p.weight))
	}
}

// count sets each server's number to a sum over its meetings.
func (c *counters) count(p *pool, of func(m int) float64) {
	c.fit(p)
	for s, meetings := range p.on {
		if !p.up[s] {
			continue
		}
		c.load[s] = 0
		for _, m := range meetings {
			c.load[s] += of(m)
		}
	}
}

func (c *counters) least(p *pool, per func(s int) float64) int {
	c.fit(p)
	return p.least(func(s int) float64 { return c.load[s] * per(s) })
}

func one(int) float64 { return 1 }

// scalelite is Scalelite 1.6: people, moderators twice, at least 15 in a meeting younger than 15 minutes, times a
// multiplier; one more for each create and each join call until the next poll. It sleeps 60 s after a poll of 2 s.
type scalelite struct{ counters }

const (
	scaleliteFloor = 15
	scaleliteYoung = 15 * time.Minute
)

func (*scalelite) every() time.Duration { return 62 * time.Second }

func (r *scalelite) poll(p *pool) error {
	r.count(p, func(m int) float64 {
		n := p.people[m] + min(moderators, p.people[m])
		if p.age(m) < scaleliteYoung {
			n = max(n, scaleliteFloor)
		}
		return float64(n)
	})
	for s := range r.load {
		r.load[s] /= p.weight[s] // the multiplier is the inverse of the weight
	}
	return nil
}

func (r *scalelite) create(p *pool, _ int) (int, error) {
	s := r.least(p, one)
	if s != nowhere {
		r.load[s] += 1 / p.weight[s]
	}
	return s, nil
}

func (r *scalelite) join(p *pool, m int) { r.load[p.where[m]] += 1 / p.weight[p.where[m]] }

// bbblb is BBBLB 0.0.16. As coded, polls take every meeting for one just created, with 20 seats reserved for ever: the
// time of creation is taken for seconds, and the hint is looked for under a name that it does not have. As intended,
// the reservation fades and the hint counts.
type bbblb struct {
	counters
	intended bool
}

const (
	bbblbSeats    = 20
	bbblbMostHint = 100
	bbblbFade     = 30 * time.Minute
)

func (*bbblb) every() time.Duration { return 30 * time.Second }

// weigh is what a meeting counts. Seats reserved count as people, all with voice and a tenth with video.
func (*bbblb) weigh(people, voice, video, seats float64) float64 {
	return 5 + people + 0.5*voice + 0.5*video + seats*(1+0.5+0.1*0.5)
}

func (r *bbblb) seats(hint int) float64 {
	return max(bbblbSeats, min(float64(hint), bbblbMostHint))
}

func (r *bbblb) poll(p *pool) error {
	r.count(p, func(m int) float64 {
		seats := float64(bbblbSeats)
		if r.intended {
			seats = r.seats(p.meetings[m].Hint) * max(0, 1-p.age(m).Seconds()/bbblbFade.Seconds())
		}
		n := p.people[m]
		return r.weigh(float64(n), voice(n), video(n), seats)
	})
	return nil
}

func (r *bbblb) create(p *pool, m int) (int, error) {
	s := r.least(p, one)
	if s != nowhere {
		r.load[s] += r.weigh(2, 2, 2, r.seats(p.meetings[m].Hint))
	}
	return s, nil
}

func (r *bbblb) join(p *pool, m int) { r.load[p.where[m]]++ }

// b3lb is B3LB of DE-IBH, 3.3: people, 30 for each meeting, and processor load that counts more the higher it is. A
// create adds one meeting with one person in it until the next poll, a join nothing; of equals it takes any.
type b3lb struct {
	people, meetings []int
	cpu              []float64
}

func (*b3lb) every() time.Duration { return 15 * time.Second }

func (r *b3lb) poll(p *pool) error {
	r.fit(p)
	for s := range p.on {
		if p.up[s] {
			r.people[s], r.meetings[s], r.cpu[s] = p.load[s], len(p.on[s]), p.cpu(s)
		}
	}
	return nil
}

func (r *b3lb) fit(p *pool) {
	if n := len(p.weight); r.cpu == nil {
		r.people, r.meetings, r.cpu = make([]int, n), make([]int, n), make([]float64, n)
	}
}

// load is a whole number, so that equals are not rare.
func (r *b3lb) load(s int) float64 {
	sum, power := 0.0, 1.0
	for range 5 {
		power *= r.cpu[s]
		sum += power
	}
	return math.Floor(float64(r.people[s]) + 30*float64(r.meetings[s]) + 5000.0/6*sum)
}

func (r *b3lb) create(p *pool, _ int) (int, error) {
	r.fit(p)
	s := p.leastByLot(r.load)
	if s != nowhere {
		r.people[s]++
		r.meetings[s]++
	}
	return s, nil
}

func (*b3lb) join(*pool, int) {}

// sledunois is b3lb of SLedunois, 2.0: the mean, over five minutes, of kernel time and memory in per cent, read every
// ten seconds. Creates and joins change nothing. Limits of 100 per cent exclude no server.
type sledunois struct {
	window [][]float64 // by server: the latest readings
}

const sledunoisReadings = 30 // in five minutes

func (*sledunois) every() time.Duration { return 10 * time.Second }

func (r *sledunois) poll(p *pool) error {
	if r.window == nil {
		r.window = make([][]float64, len(p.weight))
	}
	for s := range p.weight {
		if !p.up[s] {
			continue
		}
		reading := kernelShare*p.cpu(s) + memoryIdle + memoryFull*p.fullness(s) + memoryNoise*p.draw.NormFloat64()
		if len(r.window[s]) == sledunoisReadings {
			copy(r.window[s], r.window[s][1:])
			r.window[s] = r.window[s][:sledunoisReadings-1]
		}
		r.window[s] = append(r.window[s], reading)
	}
	return nil
}

func (r *sledunois) create(p *pool, _ int) (int, error) {
	return p.least(func(s int) float64 {
		if r.window == nil || len(r.window[s]) == 0 {
			return math.Inf(1)
		}
		sum := 0.0
		for _, v := range r.window[s] {
			sum += v
		}
		return sum / float64(len(r.window[s]))
	}), nil
}

func (*sledunois) join(*pool, int) {}

// pilos is PILOS of 2024-10, which chooses among servers itself: people, at least 15 in a meeting younger than 15 minutes,
// divided by the server's strength. Nothing changes until the next poll, each minute.
type pilos struct{ counters }

func (*pilos) every() time.Duration { return time.Minute }

func (r *pilos) poll(p *pool) error {
	r.count(p, func(m int) float64 {
		n := p.people[m]
		if p.age(m) < 15*time.Minute {
			n = max(n, 15)
		}
		return float64(n)
	})
	return nil
}

func (r *pilos) create(p *pool, _ int) (int, error) {
	return r.least(p, func(s int) float64 { return 1 / p.weight[s] }), nil
}

func (*pilos) join(*pool, int) {}

// roundRobin takes one server after the other.
type roundRobin struct{ next int }

func (*roundRobin) every() time.Duration { return time.Minute }
func (*roundRobin) poll(*pool) error     { return nil }
func (*roundRobin) join(*pool, int)      {}

func (r *roundRobin) create(p *pool, _ int) (int, error) {
	for range p.up {
		s := r.next % len(p.up)
		r.next = s + 1
		if p.up[s] {
			return s, nil
		}
	}
	return nowhere, nil
}
