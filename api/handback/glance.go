package handback

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
)

// patience is how long a server is waited for that is asked once, and atOnce how many are asked at the same time.
const (
	patience = 3 * time.Second
	atOnce   = 32
)

// Glance asks servers once for what they have, where nobody has looked at them: their records have just been taken where
// Scalelite finds them. Of one that does not answer, or is disabled, nothing is said.
func Glance(ctx context.Context, servers []store.Server) (list []redis.Observation) {
	transport := bbb.NewTransport(bbb.Timeouts{Connect: patience})
	found := make([]*redis.Observation, len(servers))
	slots := make(chan struct{}, atOnce)
	var asked sync.WaitGroup
	for i, s := range servers {
		if s.State == store.Disabled {
			continue
		}
		slots <- struct{}{}
		asked.Go(func() {
			defer func() { <-slots }()
			found[i] = glance(ctx, s, transport)
		})
	}
	asked.Wait()
	for _, o := range found {
		if o != nil {
			list = append(list, *o)
		}
	}
	return list
}

// glance is what one server has; nil where it does not say.
func glance(ctx context.Context, s store.Server, transport *bbb.Transport) *redis.Observation {
	client := bbb.NewClient(bbb.Endpoint{
		URL: s.URL, Secret: bbb.Secret(s.Secret), Former: bbb.Secret(s.Former), OnFormer: s.Awaited(),
		Algorithm: bbb.Algorithm(s.Checksum),
	}, transport, patience)
	seen, err := client.Meetings(ctx)
	if err != nil {
		return nil
	}
	o := &redis.Observation{Server: s.ID, Online: true}
	for _, m := range seen.Meetings {
		if m.Breakout || m.Ended {
			continue
		}
		o.Meetings, o.Users, o.Videos = o.Meetings+1, o.Users+m.Participants, o.Videos+m.Videos
		o.LargestMeeting = max(o.LargestMeeting, m.Participants)
	}
	o.Load = loadOf(float64(o.Users), s.Weight)
	return o
}

// loadOf is the load of so many people as Scalelite has it.
func loadOf(people, weight float64) float64 {
	return math.Round(people/max(weight, math.SmallestNonzeroFloat32)*10) / 10
}
