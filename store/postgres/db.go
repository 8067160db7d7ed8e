package postgres

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/address"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/standing"
)

// Config says where the database is, and how it is spoken to.
type Config = address.Config

// DB is a database that keeps [store.Index]. It is safe for concurrent use.
type DB struct {
	Plan  []string // what Open has done to the database or, in a dry run, would do
	Notes []string // of Settings

	config     Config
	unprepared bool
	pool       *pgxpool.Pool
	layout     *standing.Layout
	meter      *meter
	shares     shares
	late       Late
	ready      atomic.Bool           // calls get through
	closedFor  atomic.Pointer[error] // why they do not
	ended      context.Context       //nolint:containedctx // of what runs beside the calls, until Close
	close      func() error
	beside     sync.WaitGroup
}

// index is the group, and nothing but the roles that it is put together from.
type index struct {
	keyRole
	sessionRole
	recordingRole
	catalogueRole
	importRole
	eventRole
	adminTokenRole
	auditRole
	usageRole
	erasureRole
	callbackRole
	hookRole
	analyticsRole
	wholeRole
	io.Closer
}

// Index is the group of roles. Closing it closes the database.
func (db *DB) Index() store.Index {
	return index{
		keyRole: keyRole{db}, sessionRole: sessionRole{db}, recordingRole: recordingRole{db}, catalogueRole: catalogueRole{db},
		importRole: importRole{db}, eventRole: eventRole{db}, adminTokenRole: adminTokenRole{db}, auditRole: auditRole{db},
		usageRole: usageRole{db}, erasureRole: erasureRole{db}, callbackRole: callbackRole{db}, hookRole: hookRole{db},
		analyticsRole: analyticsRole{db}, wholeRole: wholeRole{db}, Closer: closer{db},
	}
}

type closer struct{ db *DB }

func (c closer) Close() error { return c.db.Close() }

// Open opens the database, and brings our schema in it to today's. An empty one gets Scalelite's tables, too. Several
// instances may do so at once. Its errors are [store.ErrAway] and [store.ErrNewerSchema] among others. Whoever opens it must
// close it.
func Open(ctx context.Context, c Config) (*DB, error) {
	db, err := connect(ctx, c, Late{})
	if err != nil {
		return nil, err
	}
	if err := db.takeUp(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	if !c.DryRun {
		db.beside.Go(db.maintain)
	}
	return db, nil
}

// OpenLate is Open for whoever goes on without the database while it is away.
func OpenLate(ctx context.Context, c Config, late Late) (*DB, error) {
	db, err := connect(ctx, c, late)
	if err != nil {
		return nil, err
	}
	switch err := db.takeUp(ctx); {
	case err == nil:
		db.beside.Go(db.maintain)
	case errors.Is(err, store.ErrAway):
		db.closedFor.Store(&err)
		db.beside.Go(db.comeBack)
	default:
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// connect makes a database that nobody has asked anything yet.
func connect(ctx context.Context, c Config, late Late) (*DB, error) {
	s, err := c.Parse()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, s.Pool)
	if err != nil {
		return nil, fault.Wrap(ctx, "open the database", fault.OfDB(err))
	}
	db := &DB{Notes: s.Notes, config: c, pool: pool, meter: newMeter(pool), late: late}
	db.unprepared = s.Pool.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeExec
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	db.ended = ended
	db.close = sync.OnceValue(func() error {
		end()
		db.beside.Wait()
		pool.Close()
		return nil
	})
	return db, nil
}

// Close ends what runs, and closes all connections. Closing again does nothing.
func (db *DB) Close() error { return db.close() }

// txn is one transaction.
type txn struct {
	pgx.Tx
	ctx context.Context //nolint:containedctx // the transaction's own deadline
	db  *DB
}

// read runs fn on the database as of one moment, which no write changes or waits for.
func (db *DB) read(ctx context.Context, op string, fn func(*txn) error) error {
	return db.run(ctx, op, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, fn)
}

// write runs fn in a transaction, perhaps several times, and returns when it is committed.
func (db *DB) write(ctx context.Context, op string, fn func(*txn) error) error {
	begun := db.config.Clock()
	err := db.run(ctx, op, pgx.TxOptions{}, fn)
	db.meter.wrote(db.config.Clock().Sub(begun), errors.Is(err, store.ErrAway), err)
	return err
}

const maxTries = 6

// run tries a transaction until nobody else was quicker, within one deadline.
func (db *DB) run(ctx context.Context, op string, options pgx.TxOptions, fn func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(ctx, op, err)
	}
	if err := db.there(ctx, op); err != nil {
		return err
	}
	own, cancel := context.WithTimeout(ctx, db.config.Longest())
	defer cancel()
	for try := 1; ; try++ {
		err := db.once(own, options, fn)
		if err == nil || try == maxTries || !fault.Again(err) || own.Err() != nil {
			return fault.Wrap(ctx, op, err)
		}
		select {
		case <-own.Done():
		case <-time.After(rand.N(time.Duration(try) * 10 * time.Millisecond)):
		}
	}
}

// once runs one transaction. Where it does not end well, also by a panic of fn, nothing of it stands.
func (db *DB) once(ctx context.Context, options pgx.TxOptions, fn func(*txn) error) error {
	tx, err := db.pool.BeginTx(ctx, options)
	if err != nil {
		return fault.OfDB(err)
	}
	committed := false
	defer func() {
		if !committed {
			back, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = tx.Rollback(back) // a connection that cannot do that is not used again
		}
	}()
	t := &txn{Tx: tx, ctx: ctx, db: db}
	if err := t.limit(); err != nil {
		return err
	}
	if err := fn(t); err != nil {
		return err
	}
	committed = true
	return fault.OfDB(tx.Commit(ctx))
}

// limit bounds what the server does for a transaction, where its connection could not be told at its start.
func (t *txn) limit() error {
	var b pgx.Batch
	t.db.queueLimits(&b)
	return t.send(&b)
}

// queueLimits does the same for a batch, whose statements are one transaction.
func (db *DB) queueLimits(b *pgx.Batch) {
	if !db.unprepared {
		return
	}
	for name, value := range db.config.Limits() {
		b.Queue("SELECT set_config($1, $2, true)", name, value)
	}
}

// send runs a batch in one round trip, with the callbacks of its queries.
func (t *txn) send(b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	return fault.Marked(t.SendBatch(t.ctx, b).Close())
}

// list runs one query and calls each for its rows.
func (t *txn) list(each func(pgx.Rows) error, sql string, args ...any) error {
	rows, err := t.Query(t.ctx, sql, args...)
	if err != nil {
		return fault.OfDB(err)
	}
	return fault.Marked(standing.Walk(rows, each))
}

// ask sends a batch of questions, which need no transaction, in one round trip.
func (db *DB) ask(ctx context.Context, op string, b *pgx.Batch) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(ctx, op, err)
	}
	own, cancel := context.WithTimeout(ctx, db.config.Longest())
	defer cancel()
	for try := 1; ; try++ {
		err := fault.Marked(db.pool.SendBatch(own, b).Close())
		if err == nil || try == maxTries || !fault.Again(err) || own.Err() != nil {
			return fault.Wrap(ctx, op, err)
		}
		select {
		case <-own.Done():
		case <-time.After(time.Millisecond):
		}
	}
}
