package instances

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// members is who else there is.
type members struct {
	*Instance

	beat atomic.Uint64
	was  atomic.Bool // alone, as an earlier process of this data directory has last seen it

	mu     sync.Mutex
	list   []store.Instance // at the last look
	at     time.Time        // of that look
	err    error            // of the last announcement
	told   bool             // this instance was announced
	forgot time.Time        // when the store was last found to have forgotten that
}

// pace of membership.
const (
	announceEvery = time.Second
	announceFor   = 5 * time.Second // an instance that says nothing for so long is gone
)

// run announces this instance, looks who else there is and keeps the key, until ctx ends. Where nobody could be seen when it was
// opened, it may find now that it must not be here.
func (m *members) run(ctx context.Context) error {
	ticker := time.NewTicker(announceEvery)
	defer ticker.Stop()
	_, seen := m.known()
	for unseen := seen.IsZero(); ; {
		if unseen {
			err := m.apart(ctx)
			if unseen = errors.Is(err, errUnseen); !unseen && err != nil && ctx.Err() == nil {
				return err
			}
		}
		m.round(ctx)
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceEvery)
			defer cancel()
			if err := m.parts.Instances.Leave(end, m.id); err != nil {
				m.parts.Log.Info().Err(err).Msg("this instance could not say that it leaves")
			}
			return nil
		case <-ticker.C:
		}
	}
}

// round is one look and one announcement.
func (m *members) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*announceEvery)
	defer cancel()
	m.beat.Add(1)
	err := m.look(ctx)
	if err == nil {
		err = m.parts.Instances.Announce(ctx, m.self(), announceFor)
	}
	if err == nil {
		m.announced()
		err = m.who.Refresh(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && m.err == nil && ctx.Err() == nil {
		m.parts.Log.Warn().Err(err).Msg("this instance cannot say that it is there, or see who else is")
	}
	m.err = err
}

// announced notes that the store knows of this instance.
func (m *members) announced() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = true
}

// self is what this instance tells of itself.
func (m *members) self() store.Instance {
	return store.Instance{
		ID: m.id, Address: m.keeper.Address, Version: m.parts.Version, Schema: m.parts.Schema, Started: m.started, Beat: m.beat.Load(),
		Index: m.parts.Index, IndexID: m.parts.IndexID, Lease: m.parts.Config.Lease,
	}
}

// look reads who is there. A store that has forgotten this instance has forgotten the others, too, and they have some time to say
// again that they are there: who took itself for alone meanwhile would go on deciding if the store went away just then.
func (m *members) look(ctx context.Context) error {
	list, err := m.parts.Instances.Instances(ctx)
	if err != nil {
		return err
	}
	if len(list) > maxInstances {
		list = list[:maxInstances]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.told && !slices.ContainsFunc(list, m.is(m.id)) {
		m.forgot = now
	}
	if now.Sub(m.forgot) < announceFor {
		for _, one := range m.list {
			if one.ID != m.id && !slices.ContainsFunc(list, m.is(one.ID)) {
				list = append(list, one)
			}
		}
	}
	m.list, m.at = list, now
	return nil
}

func (m *members) is(id string) func(store.Instance) bool {
	return func(one store.Instance) bool { return one.ID == id }
}

// maxInstances bounds what is believed of a shared store.
const maxInstances = 256

// known returns who was there at the last look, and when that was.
func (m *members) known() ([]store.Instance, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.list, m.at
}

// alone tells whether nobody else was there at the last look, be it that of an earlier process.
func (m *members) alone() bool {
	list, at := m.known()
	if at.IsZero() {
		return m.was.Load()
	}
	for _, one := range list {
		if one.ID != m.id {
			return false
		}
	}
	return true
}

// others tells whether any other instance is there now, and answers.
func (m *members) others(ctx context.Context) bool {
	_ = m.look(ctx) // else as it was a second ago
	list, _ := m.known()
	ctx, cancel := context.WithTimeout(ctx, stateWithin)
	defer cancel()
	answers := make(chan bool, len(list))
	asked := 0
	for _, one := range list {
		if one.ID != m.id {
			asked++
			go func() { answers <- m.ask(ctx, one).State == v1.Following }()
		}
	}
	for range asked {
		if <-answers {
			return true
		}
	}
	return false
}

// raiseEvery is how often it is looked whether a schema can be raised.
const raiseEvery = 10 * time.Second

// Raising says that the schema is the stores' from now on, as soon as all instances that are there know it, and again and again:
// a store that has lost everything has lost that, too. It is for the instance that leads.
func (i *Instance) Raising(schema int, raise func(context.Context) error) Raising {
	return Raising{i, schema, raise}
}

// Raising is a part that runs while its instance leads.
type Raising struct {
	instance *Instance
	schema   int
	raise    func(context.Context) error
}

// Run raises the schema until ctx ends. What fails is tried again.
func (r Raising) Run(ctx context.Context) error {
	for {
		if r.instance.Knows(ctx, r.schema) {
			if err := r.raise(ctx); err != nil && ctx.Err() == nil {
				r.instance.parts.Log.Warn().Err(err).Int("schema", r.schema).Msg("the schema is not raised yet")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(raiseEvery):
		}
	}
}

// Knows tells whether all instances that are there know a schema, so that it can be written. It is false where that cannot be
// seen.
func (i *Instance) Knows(ctx context.Context, schema int) bool {
	if err := i.members.look(ctx); err != nil || i.parts.Schema < schema {
		return false
	}
	list, _ := i.members.known()
	for _, one := range list {
		if one.Schema < schema {
			return false
		}
	}
	return true
}
