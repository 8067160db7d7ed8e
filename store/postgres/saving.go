package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
	"github.com/bbbpool/bbbpool/store/postgres/standing"
	"github.com/bbbpool/bbbpool/store/rows"
)

// many is how many recordings are locked one by one; for more, all other writers wait.
const many = 100

// lockRecordings makes writers of the same recordings wait for each other.
func (t *txn) lockRecordings(recordIDs []string, more ...int64) error {
	if len(recordIDs) > many {
		return t.lockAll()
	}
	for _, id := range recordIDs {
		more = append(more, lockOf(rows.Recordings.Kind, []byte(id)))
	}
	return t.lock(more...)
}

// changeRecordings queues what a closure makes of recordings. It gets the one that stands or, where there is none, a fresh
// one, and whether it stands. They must be locked.
func (t *txn) changeRecordings(
	b *pgx.Batch, recordIDs []string, change func(r *store.Recording, there bool) error,
) (list []store.Recording, err error) {
	noText := func(id string) bool { return !rails.IsText(id) }
	found, err := t.stand(standing.ByID(slices.DeleteFunc(slices.Clone(recordIDs), noText)), true)
	if err != nil {
		return nil, err
	}
	var saved []standing.Saving
	at := map[string]int{} // in saved, by the ID
	for _, id := range recordIDs {
		s := found[id]
		if s == nil {
			s = &standing.Recording{}
			found[id] = s
		}
		next, err := s.Change(id, change)
		if err != nil {
			return nil, err
		}
		if i, twice := at[id]; twice {
			saved[i] = saved[i].Then(next) // of one that is named twice, the last
		} else {
			at[id], saved = len(saved), append(saved, next)
		}
		list = append(list, next.After)
	}
	return list, t.saveAll(b, saved)
}

// stand reads recordings, in one round trip. With lock nobody else changes Scalelite's rows of them until the end.
func (t *txn) stand(s standing.Selection, lock bool) (map[string]*standing.Recording, error) {
	var b pgx.Batch
	found := standing.Queue(&b, t.db.layout, s, lock)
	if err := t.send(&b); err != nil {
		return nil, err
	}
	return found(), nil
}

// saveAll queues recordings. Numbers for what is new in the tables are asked for first.
func (t *txn) saveAll(b *pgx.Batch, list []standing.Saving) (err error) {
	w := standing.Writer{Batch: b, Layout: t.db.layout}
	recordings, formats := standing.Numbers(list)
	if w.Recordings, err = t.numbers("recordings", recordings); err != nil {
		return err
	}
	if w.Formats, err = t.numbers("playback_formats", formats); err != nil {
		return err
	}
	var c tallies
	for _, v := range list {
		if err := w.Save(v); err != nil {
			return err
		}
		if v.There {
			c.add(v.Before, -1)
		}
		c.add(v.After, 1)
	}
	w.Finish()
	c.queue(b)
	return nil
}

var errNoSequence = errors.New("the table has no sequence that gives numbers, as Rails makes it")

// numbers are for new rows of a table of Scalelite's.
func (t *txn) numbers(table string, n int) (list []int64, err error) {
	if n == 0 {
		return nil, nil
	}
	sequence := t.db.layout.Sequences[table]
	if sequence == "" {
		return nil, fmt.Errorf("public.%s: %w", table, errNoSequence)
	}
	err = t.list(func(rows pgx.Rows) error {
		var id int64
		err := rows.Scan(&id)
		list = append(list, id)
		return err
	}, "SELECT nextval($1::text::regclass) FROM generate_series(1, $2::int)", sequence, n)
	return list, err
}
