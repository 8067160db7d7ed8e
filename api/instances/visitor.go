package instances

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/instances/peers"
	"github.com/bbbpool/bbbpool/api/instances/relay"
	"github.com/bbbpool/bbbpool/store"
)

// glance is how often a visitor looks who leads.
const glance = 250 * time.Millisecond

// Visitor is a command that has no instance at hand, and has the one that leads do what it is to do. It is no instance: it
// never leads, and nobody hears of it.
type Visitor struct {
	leases store.Leases
	relay  relay.Relay
	client *http.Transport
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	lease   store.Lease
	changed chan struct{}
}

// Visit looks who is there, and returns nil where nobody is: then there is nobody to ask. Whoever got one closes it.
func Visit(ctx context.Context, p Parts) (*Visitor, error) {
	there, err := p.Instances.Instances(ctx)
	if err != nil || len(there) == 0 {
		return nil, err
	}
	who := &peers.Identity{Keys: p.Keys}
	if err := who.Refresh(ctx); err != nil {
		return nil, err
	}
	v := &Visitor{leases: p.Leases, client: peers.Transport(who, p.Dial), changed: make(chan struct{})}
	v.relay = relay.Relay{Leaders: v, Client: v.client, Wait: waitForLeader, Log: p.Log}
	if err := v.look(ctx); err != nil {
		return nil, fmt.Errorf("look which instance leads: %w", err)
	}
	ctx, v.stop = context.WithCancel(ctx)
	v.done.Go(func() { v.watch(ctx, p.Log) })
	return v, nil
}

// Close ends the visit.
func (v *Visitor) Close() error {
	v.stop()
	v.done.Wait()
	v.client.CloseIdleConnections()
	return nil
}

// watch looks again and again who leads, until ctx ends.
func (v *Visitor) watch(ctx context.Context, log zerolog.Logger) {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := v.look(ctx); err != nil {
			log.Debug().Err(err).Msg("it cannot be seen which instance leads")
		}
	}
}

// look reads who leads. A command that has the lease, as one that moves the records, has no address, and answers nothing.
func (v *Visitor) look(ctx context.Context) error {
	now, err := v.leases.Lease(ctx)
	if err != nil {
		return err
	}
	if now.Address == "" {
		now = store.Lease{}
	}
	now.Beat = 0
	v.mu.Lock()
	defer v.mu.Unlock()
	if now != v.lease {
		v.lease = now
		close(v.changed)
		v.changed = make(chan struct{})
	}
	return nil
}

// Leading is never so.
func (v *Visitor) Leading() bool { return false }

// Leader returns who leads, and a channel that is closed when that changes.
func (v *Visitor) Leader() (store.Lease, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lease, v.changed
}

// HandOn has the leader answer a request whose body was read; where none can be reached it returns false, and has written
// nothing. What is about instances is answered by whoever leads now, even if that changes by it.
func (v *Visitor) HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool {
	if !strings.HasPrefix(r.URL.Path, v1.Prefix+"/instances") {
		return v.relay.HandOn(w, r, body)
	}
	now, _ := v.Leader()
	one := relay.Relay{Leaders: still{now}, Client: v.client, Wait: waitForLeader, Log: v.relay.Log}
	return one.HandOn(w, r, body)
}

// still is one leader, whoever comes after.
type still struct{ lease store.Lease }

// Leading is never so.
func (s still) Leading() bool { return false }

// Leader returns it, and a channel that is never closed.
func (s still) Leader() (store.Lease, <-chan struct{}) { return s.lease, nil }
