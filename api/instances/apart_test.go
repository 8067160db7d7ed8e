package instances_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
)

// announced is a store of instances, to be embedded: its name is that of one of its methods.
type announced = store.Instances

// unseen is who else there is, which cannot be seen for a while; each time that it can, the others are alive.
type unseen struct {
	announced

	seen atomic.Bool
	beat atomic.Uint64
}

func (u *unseen) Instances(context.Context) ([]store.Instance, error) {
	if !u.seen.Load() {
		return nil, store.ErrAway
	}
	other := store.Instance{ID: "other", Address: "other:3001", Index: "another file", Beat: u.beat.Add(1)}
	return []store.Instance{other}, nil
}

// That another instance has recordings and history elsewhere is found out as soon as the others can be seen.
func TestInstance_ApartLate(t *testing.T) {
	db, err := redis.Open(t.Context(), redis.Config{URL: store.Secret(servers.Redis(t).URL())})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	others := &unseen{announced: db.Instances()}
	i, err := instances.Open(t.Context(), instances.Parts{
		Config: instances.Config{Listen: "127.0.0.1:0", Lease: time.Second}, Data: t.TempDir(), Index: "a file",
		Leases: db.Leases(), Instances: others, Keys: db, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	i.WasAlone(true)
	if !i.Alone() {
		t.Error("it was alone, and nobody was seen since")
	}
	others.seen.Store(true)
	if err := i.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("beside another one: %v", err)
	}
	if i.Alone() {
		t.Error("another one was seen")
	}
}
