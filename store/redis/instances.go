package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// instanceRole is [store.Instances]. It is no record: it expires, and no sequence counts it.
type instanceRole struct{ db *DB }

// instanceRow is how an instance is written.
type instanceRow struct {
	Address string    `json:"address,omitempty"`
	Version string    `json:"version,omitempty"`
	Schema  int       `json:"schema,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Beat    uint64    `json:"beat,omitempty"`
	Index   string    `json:"index,omitempty"`
	IndexID string    `json:"index_id,omitempty"`
	LeaseMS int64     `json:"lease_ms,omitempty"`
}

func (role instanceRole) Announce(ctx context.Context, i store.Instance, keep time.Duration) error {
	db := role.db
	return db.within(ctx, 1, "announce an instance", func(ctx context.Context) error {
		if i.ID == "" || keep < time.Millisecond {
			return errors.New("it needs an ID, and a while")
		}
		row, err := json.Marshal(instanceRow{
			i.Address, i.Version, i.Schema, i.Started.UTC(), i.Beat, i.Index, i.IndexID, i.Lease.Milliseconds(),
		})
		if err != nil {
			return err
		}
		var c commands
		c.add("SET", db.key(instancePrefix)+i.ID, string(row), "PX", strconv.FormatInt(keep.Milliseconds(), 10))
		c.add("SADD", db.key(instancesKey), i.ID)
		c.add("PRUNE", db.key(instancesKey), db.key(instancePrefix))
		_, err = db.write(ctx, guard{silent: true}, c)
		return err
	})
}

func (role instanceRole) Instances(ctx context.Context) (list []store.Instance, err error) {
	db := role.db
	err = db.within(ctx, 1, "list instances", func(ctx context.Context) error {
		reads := commandList([]string{"VALUES", db.key(instancesKey), db.key(instancePrefix)})
		found, _, err := db.look(ctx, reads, false)
		pairs := replies(part(found, 0))
		for n := 0; n+1 < len(pairs); n += 2 {
			var r instanceRow
			if json.Unmarshal([]byte(text(pairs[n+1])), &r) != nil {
				continue // it has expired, or is of a version that we cannot read
			}
			list = append(list, store.Instance{
				ID: text(pairs[n]), Address: r.Address, Version: r.Version, Schema: r.Schema, Started: r.Started, Beat: r.Beat,
				Index: r.Index, IndexID: r.IndexID, Lease: time.Duration(r.LeaseMS) * time.Millisecond,
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b store.Instance) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

func (role instanceRole) Leave(ctx context.Context, id string) error {
	db := role.db
	return db.within(ctx, 1, "take an instance away", func(ctx context.Context) error {
		var c commands
		c.add("DEL", db.key(instancePrefix)+id)
		c.add("SREM", db.key(instancesKey), id)
		_, err := db.write(ctx, guard{silent: true}, c)
		return err
	})
}
