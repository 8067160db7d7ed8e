package postgres

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
	"github.com/bbbpool/bbbpool/store/postgres/standing"
)

// tally is how many recordings of one tenant are in one state.
type tally struct {
	tenant, state string // as text
	count, bytes  int64
}

// tallies are what a transaction adds to the counts.
type tallies []tally

func (c *tallies) add(r store.Recording, sign int64) {
	y := tally{rails.ToText(r.Tenant), rails.ToText(string(r.State)), sign, sign * standing.Size(r)}
	for i := range *c {
		if at := &(*c)[i]; at.tenant == y.tenant && at.state == y.state {
			at.count, at.bytes = at.count+y.count, at.bytes+y.bytes
			return
		}
	}
	*c = append(*c, y)
}

// queue queues the changes of the counts, in one order, so that no two transactions wait for each other.
func (c tallies) queue(b *pgx.Batch) {
	slices.SortFunc(c, func(a, b tally) int { return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.state, b.state)) })
	for _, y := range c {
		if y.count != 0 || y.bytes != 0 {
			b.Queue(`INSERT INTO bbbpool.counts AS c (tenant, state, count, bytes) VALUES ($1, $2, $3, $4)
				ON CONFLICT (tenant, state) DO UPDATE SET count = c.count + excluded.count, bytes = c.bytes + excluded.bytes`,
				y.tenant, y.state, y.count, y.bytes)
		}
	}
}

// truth counts the recordings that there are.
const truth = `SELECT COALESCE(m.value, CASE WHEN r.state = 'deleted' THEN convert_from(substring(p.place from 9), 'UTF8') END,
		'default') AS tenant, CASE WHEN r.state = 'published' AND r.published IS NOT TRUE THEN 'unpublished'
			ELSE COALESCE(r.state, '') END AS state,
		count(*) AS count, COALESCE(sum(('x' || encode(substring(p.place from 1 for 8), 'hex'))::bit(64)::bigint), 0)::bigint AS bytes
	FROM public.recordings r LEFT JOIN public.metadata m ON m.recording_id = r.id AND m.key = 'tenant-id'
	LEFT JOIN bbbpool.places p ON p.kind = 'recordings' AND p.look = 1 AND p.key = convert_to(r.record_id, 'UTF8')
	WHERE r.record_id IS NOT NULL GROUP BY 1, 2
	UNION ALL SELECT convert_from(substring(p.place from 9), 'UTF8'), 'awaited', count(*),
		sum(('x' || encode(substring(p.place from 1 for 8), 'hex'))::bit(64)::bigint)::bigint
	FROM bbbpool.places a JOIN bbbpool.places p ON p.kind = 'recordings' AND p.look = 1 AND p.key = a.key
	WHERE a.kind = 'recordings' AND a.look = 2
		AND NOT EXISTS (SELECT FROM public.recordings r WHERE r.record_id = convert_from(a.key, 'UTF8')) GROUP BY 1`

// drift is what the counts lack.
const drift = `SELECT COALESCE(t.tenant, c.tenant), COALESCE(t.state, c.state), COALESCE(t.count, 0) - COALESCE(c.count, 0),
		COALESCE(t.bytes, 0) - COALESCE(c.bytes, 0)
	FROM (` + truth + `) t FULL JOIN bbbpool.counts c ON c.tenant = t.tenant AND c.state = t.state
	WHERE COALESCE(t.count, 0) <> COALESCE(c.count, 0) OR COALESCE(t.bytes, 0) <> COALESCE(c.bytes, 0)`

// drift reads what the counts lack of the truth, both as of one moment.
func (t *txn) drift() (c tallies, err error) {
	err = t.list(func(rows pgx.Rows) error {
		var y tally
		err := rows.Scan(&y.tenant, &y.state, &y.count, &y.bytes)
		c = append(c, y)
		return err
	}, drift)
	return c, err
}

// countAgain puts the counts right, with nobody else writing.
func (t *txn) countAgain() error {
	c, err := t.drift()
	if err != nil {
		return err
	}
	var b pgx.Batch
	c.queue(&b)
	return t.send(&b)
}

// recount adds to the counts what others have changed. Both are read as of one moment, at which the counts lack just that;
// what we write meanwhile is added to the counts by itself. One instance does it at a time, and none soon after another.
// It returns whether this one has done it now.
func (db *DB) recount(ctx context.Context) (mine bool, err error) {
	long, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = db.once(long, pgx.TxOptions{}, func(t *txn) error {
		err := t.QueryRow(t.ctx, `SELECT pg_try_advisory_xact_lock($1) AND NOT EXISTS (SELECT FROM bbbpool.meta
			WHERE name = 'counted' AND value::timestamptz > now() - $2::interval)`, int64(lockCounts), every/2).Scan(&mine)
		if err != nil || !mine {
			return fault.OfDB(err)
		}
		var c tallies
		err = db.once(long, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(t *txn) (err error) {
			if err = t.unhurried(); err == nil {
				c, err = t.drift()
			}
			return err
		})
		if err != nil {
			return err
		}
		var b pgx.Batch
		c.queue(&b)
		b.Queue(`INSERT INTO bbbpool.meta VALUES ('counted', now()::text) ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
		return t.send(&b)
	})
	return mine, err
}

// queueCounts asks for the counts of a tenant, or of all, and how many recordings there are at all.
func queueCounts(b *pgx.Batch, f store.RecordingFilter, list *tallies, all *int64) {
	sql, args := "SELECT tenant, state, count, bytes FROM bbbpool.counts WHERE count > 0", []any{}
	if !f.AllTenants {
		sql, args = sql+" AND tenant = $1", append(args, rails.ToText(f.Tenant))
	}
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		*list = nil
		return standing.Walk(rows, func(rows pgx.Rows) error {
			var y tally
			err := rows.Scan(&y.tenant, &y.state, &y.count, &y.bytes)
			*list = append(*list, y)
			return err
		})
	})
	b.Queue("SELECT COALESCE(sum(count), 0)::bigint FROM bbbpool.counts").QueryRow(func(row pgx.Row) error { return row.Scan(all) })
}

// share is how many recordings a tenant has, and how many there are.
type share struct{ mine, all int }

// shares remember what was counted when somebody asked last: by that it is chosen how to look for a page, and never what is on
// it.
type shares struct {
	mu sync.Mutex
	of map[string]share
}

const maxShares = 10_000

func (s *shares) get(f store.RecordingFilter) (share, bool) {
	if f.AllTenants {
		return share{}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.of[f.Tenant]
	return known, ok
}

func (s *shares) set(f store.RecordingFilter, mine, all int) share {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || len(s.of) >= maxShares {
		s.of = map[string]share{}
	}
	known := share{mine, all}
	if !f.AllTenants && len(f.Tenant) <= standing.LongestID {
		s.of[f.Tenant] = known
	}
	return known
}
