package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// wholeRole is [store.Whole] of one of the two groups.
type wholeRole struct {
	db    *DB
	state bool
}

// kinds are those of the group.
func (role wholeRole) kinds() (names []string) {
	for _, k := range store.Kinds {
		if k.State == role.state {
			names = append(names, k.Name)
		}
	}
	return names
}

func (role wholeRole) Dump(ctx context.Context, each func(store.Row) error) error {
	return role.db.read(ctx, "read everything", func(tx *bbolt.Tx) error {
		for _, kind := range role.kinds() {
			form, _ := rows.Of(kind)
			err := bucket(tx, kind).ForEach(func(key, value []byte) error {
				again, err := form.Again(key, value)
				if err := errors.Join(err, ctx.Err()); err != nil {
					return err
				}
				return each(store.Row{Kind: kind, Key: key, Value: again})
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// loaders write one row of a kind each, and what it is found by.
var loaders = map[string]func(t *txn, key, value []byte) error{
	servers: load(serverTable), tenants: load(tenantTable), claims: load(claimTable), endings: load(endingTable),
	sessions: load(sessionTable), recordings: load(recordingTable), jobs: load(jobTable), adminTokens: load(adminTokenTable),
	audits: load(auditTable), waiting: load(waitTable), usage: load(usageTable), tokens: loadToken, uses: loadPlain(uses),
	keys: loadPlain(keys), events: loadPlain(events), callbacks: load(callbackTable), hooks: load(hookTable),
	analytics: load(analysisTable),
}

func load[T any](tb table[T]) func(t *txn, key, value []byte) error {
	return func(t *txn, key, value []byte) error {
		record, err := tb.read(key, value)
		if err != nil {
			return err
		}
		var before *T
		if standing := t.get(tb.bucket, key); standing != nil {
			was, err := tb.read(key, standing)
			if err != nil {
				return err
			}
			before = &was
		}
		_, err = tb.save(t, key, before, record)
		return err
	}
}

func loadPlain(kind string) func(t *txn, key, value []byte) error {
	form, _ := rows.Of(kind)
	return func(t *txn, key, value []byte) error {
		again, err := form.Again(key, value)
		if err == nil && len(key) == 0 {
			err = rows.ErrKey
		}
		if err != nil {
			return err
		}
		return t.put(kind, key, again)
	}
}

func loadToken(t *txn, key, value []byte) error {
	if before := t.get(tokens, key); before != nil {
		if err := t.delete(tokensByExpiry, slices.Concat(before, key)); err != nil {
			return err
		}
	}
	if err := loadPlain(tokens)(t, key, value); err != nil {
		return err
	}
	return t.put(tokensByExpiry, slices.Concat(value, key), nil)
}

func (role wholeRole) Load(ctx context.Context, list []store.Row) error {
	kinds := role.kinds()
	return role.db.write(ctx, "load rows", func(t *txn) error {
		for _, row := range list {
			if !slices.Contains(kinds, row.Kind) {
				return fmt.Errorf("%.100q is no kind of this group", row.Kind)
			}
			if err := loaders[row.Kind](t, row.Key, row.Value); err != nil {
				return fmt.Errorf("load a row of %s: %w", row.Kind, err)
			}
		}
		return nil
	})
}

func (role wholeRole) Wipe(ctx context.Context) error {
	return role.db.write(ctx, "take away everything", func(t *txn) error {
		root := t.Bucket([]byte(tree))
		t.Changing()
		for _, kind := range role.kinds() {
			for _, name := range buckets {
				if name != kind && !strings.HasPrefix(name, kind+"-") {
					continue
				}
				if err := root.DeleteBucket([]byte(name)); err != nil {
					return err
				}
				if _, err := root.CreateBucket([]byte(name)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
