package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/rows"
)

// wholeRole is [store.Whole] of the group.
type wholeRole struct{ db *DB }

// piece is how many rows are read or written at a time.
const piece = 500

// kinds are those of the group.
func kinds() (names []string) {
	for _, k := range store.Kinds {
		if !k.State {
			names = append(names, k.Name)
		}
	}
	return names
}

// Dump and Load take as long as there are rows: each piece has a deadline of its own.
func (role wholeRole) Dump(ctx context.Context, each func(store.Row) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return role.db.atLength(ctx, "read everything", options, func(t *txn) error {
		for _, kind := range kinds() {
			if err := t.dump(kind, each); err != nil {
				return err
			}
		}
		return nil
	})
}

// atLength runs a transaction of many pieces, each of which has its own deadline, or of a few long statements.
func (db *DB) atLength(ctx context.Context, op string, options pgx.TxOptions, fn func(*txn) error) error {
	if err := db.there(ctx, op); err != nil {
		return err
	}
	err := ctx.Err()
	if err == nil {
		err = db.once(ctx, options, func(t *txn) error {
			if err := t.briefly((*txn).unhurried); err != nil {
				return err
			}
			return fn(t)
		})
	}
	return fault.Wrap(ctx, op, err)
}

// briefly gives a piece its deadline.
func (t *txn) briefly(fn func(*txn) error) error {
	own, cancel := context.WithTimeout(t.ctx, t.db.config.Longest())
	defer cancel()
	return fn(&txn{Tx: t.Tx, ctx: own, db: t.db})
}

// dump calls each with the rows of a kind.
func (t *txn) dump(kind string, each func(store.Row) error) error {
	for s := (span{limit: piece}); ; {
		var list []store.Row
		err := t.briefly(func(t *txn) (err error) {
			list, err = t.rowsOf(kind, s)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range list {
			if err := each(row); err != nil {
				return fault.OfClosure(err)
			}
		}
		if len(list) < s.limit {
			return nil
		}
		s.after = list[len(list)-1].Key
	}
}

// rowsOf reads some rows of a kind, as they are written today.
func (t *txn) rowsOf(kind string, s span) (list []store.Row, err error) {
	if kind == rows.Recordings.Kind {
		records, err := t.scan(string(s.after), s.limit)
		for _, r := range records {
			row, err := rows.Recordings.Row(r)
			if err != nil {
				return nil, err
			}
			list = append(list, row)
		}
		return list, err
	}
	form, _ := rows.Of(kind)
	err = t.each(kind, s, func(key, value []byte) error {
		again, err := form.Again(key, value)
		list = append(list, store.Row{Kind: kind, Key: key, Value: again})
		return err
	})
	return list, err
}

func (role wholeRole) Load(ctx context.Context, list []store.Row) error {
	return role.db.atLength(ctx, "load rows", pgx.TxOptions{}, func(t *txn) error {
		if err := t.briefly((*txn).lockAll); err != nil {
			return err
		}
		for some := range slices.Chunk(list, piece) {
			if err := t.briefly(func(t *txn) error { return t.load(some) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// load writes some rows, the recordings among them together.
func (t *txn) load(list []store.Row) error {
	var b pgx.Batch
	var recordIDs []string
	recordings := map[string]store.Recording{}
	for _, row := range list {
		if !slices.Contains(kinds(), row.Kind) {
			return fmt.Errorf("%.100q is no kind of this group", row.Kind)
		}
		if row.Kind == rows.Recordings.Kind {
			r, err := rows.Recordings.Decode(row.Key, row.Value)
			if err != nil {
				return err
			}
			recordIDs, recordings[r.RecordID] = append(recordIDs, r.RecordID), r
			continue
		}
		if err := load(&b, row); err != nil {
			return fmt.Errorf("load a row of %s: %w", row.Kind, err)
		}
	}
	_, err := t.changeRecordings(&b, recordIDs, func(r *store.Recording, _ bool) error {
		*r = recordings[r.RecordID]
		return nil
	})
	if err != nil {
		return err
	}
	return t.send(&b)
}

// load queues a row that is no recording.
func load(b *pgx.Batch, row store.Row) error {
	form, _ := rows.Of(row.Kind)
	again, err := form.Again(row.Key, row.Value)
	if err != nil {
		return err
	}
	look, err := form.Look(row.Key, row.Value)
	if err != nil {
		return err
	}
	return put(b, store.Row{Kind: row.Kind, Key: row.Key, Value: again}, look)
}

// Wipe takes away our rows, and all recordings of Scalelite's. What it has for callbacks stays.
func (role wholeRole) Wipe(ctx context.Context) error {
	return role.db.atLength(ctx, "take away everything", pgx.TxOptions{}, func(t *txn) error {
		if err := t.briefly((*txn).lockAll); err != nil {
			return err
		}
		var b pgx.Batch
		for _, table := range []string{
			"bbbpool.rows", "bbbpool.places", "bbbpool.counts", "public.thumbnails", "public.playback_formats", "public.metadata",
			"public.recordings",
		} {
			b.Queue("DELETE FROM " + table)
		}
		return t.send(&b)
	})
}
