package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/bbbpool/bbbpool/store"
)

// leaseRole is [store.Leases].
type leaseRole struct{ db *DB }

func leaseOf(reply any) store.Lease {
	fields := hash(reply)
	return store.Lease{
		Holder: fields["holder"], Address: fields["address"], Epoch: number(fields["epoch"]), Beat: number(fields["beat"]),
	}
}

func (db *DB) readLease() commands { return commandList([]string{"HGETALL", db.key(leaseKey)}) }

func (role leaseRole) Lease(ctx context.Context) (lease store.Lease, err error) {
	err = role.db.within(ctx, 1, "read the lease", func(ctx context.Context) error {
		list, _, err := role.db.look(ctx, role.db.readLease(), false)
		lease = leaseOf(part(list, 0))
		return err
	})
	return lease, err
}

func (role leaseRole) TakeLease(ctx context.Context, was, mine store.Lease) error {
	db := role.db
	taken := held{mine.Holder, strconv.FormatUint(mine.Epoch, 10)}
	err := db.within(ctx, 1, "take the lease", func(ctx context.Context) error {
		if mine.Holder == "" {
			return errors.New("a lease needs a holder")
		}
		reads := db.readLease()
		reads.add("GET", db.key(schemaKey))
		return db.change(ctx, guard{silent: true}, reads, func(list []any) (c commands, err error) {
			if leaseOf(part(list, 0)) != was || mine.Epoch <= was.Epoch {
				return c, store.ErrConflict
			}
			switch schema := number(part(list, 1)); {
			case schema > Schema: // raised since it was opened
				return c, store.ErrNewerSchema
			case schema == 0:
				c.add("SET", db.key(schemaKey), strconv.Itoa(firstSchema))
			}
			c.add(
				"HSET", db.key(leaseKey), "holder", taken.holder, "address", mine.Address, "epoch", taken.epoch,
				"beat", strconv.FormatUint(mine.Beat, 10), writtenField, "0", wordsField, db.words.text(),
			)
			return c, nil
		})
	})
	if err == nil {
		db.written.Store(0)
		db.mine.Store(&taken)
	}
	return err
}

func (role leaseRole) RenewLease(ctx context.Context, mine store.Lease) (lease store.Lease, err error) {
	db := role.db
	err = db.within(ctx, 1, "renew the lease", func(ctx context.Context) error {
		return db.change(ctx, guard{silent: true}, db.readLease(), func(list []any) (c commands, err error) {
			lease = leaseOf(part(list, 0))
			if !same(lease, mine) {
				return c, store.ErrFenced
			}
			lease.Beat++
			c.add("HSET", db.key(leaseKey), "beat", strconv.FormatUint(lease.Beat, 10))
			return c, nil
		})
	})
	if err != nil {
		return store.Lease{}, err
	}
	return lease, nil
}

// same tells whether two are one lease, at whatever beat.
func same(a, b store.Lease) bool { return a.Holder == b.Holder && a.Epoch == b.Epoch && a.Holder != "" }

// DropLease leaves the epoch, so that the next one is larger, also where nobody remembers.
func (role leaseRole) DropLease(ctx context.Context, mine store.Lease) error {
	db := role.db
	if h := db.mine.Load(); h != nil && *h == (held{mine.Holder, strconv.FormatUint(mine.Epoch, 10)}) {
		db.mine.CompareAndSwap(h, nil) // before anybody else may have it
	}
	return db.within(ctx, 1, "drop the lease", func(ctx context.Context) error {
		return db.change(ctx, guard{silent: true}, db.readLease(), func(list []any) (c commands, err error) {
			if same(leaseOf(part(list, 0)), mine) {
				c.add("HSET", db.key(leaseKey), "holder", "", "address", "")
			}
			return c, nil
		})
	})
}

// writtenField of the lease has the sequence of the last write that was made with it.
const writtenField = "written"

// wordsField of the lease has what the Scalelite knows that has filled this Redis.
const wordsField = "words"

// vouchedField of the lease has the incarnation of the server in which a leader has made sure that nothing is missing.
const vouchedField = "vouched"

// Vouched returns the incarnation that a leader has vouched for last; "" for none.
func (db *DB) Vouched(ctx context.Context) (life string, err error) {
	err = db.within(ctx, 1, "ask who has vouched for it", func(ctx context.Context) error {
		list, _, err := db.look(ctx, db.readLease(), false)
		life = hash(part(list, 0))[vouchedField]
		return err
	})
	return life, err
}

// Vouch says that nothing is missing in that incarnation. It needs the lease.
func (db *DB) Vouch(ctx context.Context, life string) error {
	return db.within(ctx, 1, "vouch for it", func(ctx context.Context) error {
		_, err := db.write(ctx, guard{fenced: true, silent: true}, commandList([]string{"HSET", db.key(leaseKey), vouchedField, life}))
		return err
	})
}

// Sequence returns how many writes of records there were, as far as the database knows: it counts them, those of other
// instances, too. Where it is lower than it was, what was written meanwhile is lost; [DB.Losses] counts how often this store
// has seen that. What this store has written with the lease is looked for, too: others may have raised the sequence since.
func (db *DB) Sequence(ctx context.Context) (sequence uint64, err error) {
	err = db.within(ctx, 1, "read the sequence", func(ctx context.Context) error {
		seen, written, mine := db.seen.Load(), db.written.Load(), db.mine.Load() // what was there must be there still
		reads := db.readLease()
		reads.add("GET", db.key(sequenceKey))
		list, _, err := db.look(ctx, reads, false)
		if err != nil {
			return err
		}
		fields := hash(part(list, 0))
		sequence = number(part(list, 1))
		leads := mine != nil && *mine == (held{fields["holder"], fields["epoch"]})
		back := sequence < seen || leads && number(fields[writtenField]) < written
		db.noteSequence(sequence, back)
		return nil
	})
	return sequence, err
}

// Losses returns how often the sequence went back, or was gone: each time something is lost that was written.
func (db *DB) Losses() uint64 { return db.lost.Load() }

// noteSequence keeps the highest sequence, and begins anew where it has gone back.
func (db *DB) noteSequence(sequence uint64, back bool) {
	if back {
		db.lost.Add(1)
		db.seen.Store(sequence)
		db.written.Store(0)
		return
	}
	raise(&db.seen, sequence)
}

// raise keeps the higher of two numbers.
func raise(highest *atomic.Uint64, n uint64) {
	for {
		before := highest.Load()
		if before >= n || highest.CompareAndSwap(before, n) {
			return
		}
	}
}

// PeerKey returns the key that instances know each other by. Where there is none, fresh becomes it: two first starts agree
// on one.
func (db *DB) PeerKey(ctx context.Context, fresh []byte) (key []byte, err error) {
	err = db.within(ctx, 1, "read the key of the instances", func(ctx context.Context) error {
		reads := commandList([]string{"GET", db.key(peerKey)})
		return db.change(ctx, guard{silent: true}, reads, func(list []any) (c commands, err error) {
			var ok bool
			if key, ok = found(part(list, 0)); ok && len(key) > 0 {
				return c, nil
			}
			if len(fresh) == 0 {
				return c, fmt.Errorf("there is none, and no fresh one: %w", store.ErrNotFound)
			}
			key = fresh
			c.add("SET", db.key(peerKey), string(fresh))
			return c, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}
