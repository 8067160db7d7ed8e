package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis/address"
)

// DB is a Redis, or what sentinels say is one now. It is safe for concurrent use, and for that of several processes.
type DB struct {
	client *goredis.Client
	config Config
	prefix string
	words  words // set before ready is
	meter  *meter
	close  func() error

	mine    atomic.Pointer[held] // the lease that lets this store write; nil without one
	seen    atomic.Uint64        // the highest sequence since the last loss
	written atomic.Uint64        // the highest one that was written with the lease, since then
	lost    atomic.Uint64        // how often the sequence went back
	done    atomic.Bool          // it was closed
	ready   atomic.Bool          // calls get through
	opening sync.Mutex           // held by whoever looks whether they may
}

// held is what of a lease stays while it is held.
type held struct{ holder, epoch string }

// state is the group of roles, and nothing but those that it is put together from.
type state struct {
	serverRole
	tenantRole
	tokenRole
	claimRole
	endingRole
	useRole
	waitRole
	wholeRole
	io.Closer
}

// State is the small group of roles. Closing it closes the database.
func (db *DB) State() store.State {
	return state{
		serverRole{db}, tenantRole{db}, tokenRole{db}, claimRole{db}, endingRole{db}, useRole{db}, waitRole{db}, wholeRole{db}, db,
	}
}

// Leases is the lease, which all writes of servers, tenants, claims and endings are compared with.
func (db *DB) Leases() store.Leases { return leaseRole{db} }

// Instances tells which processes share this database.
func (db *DB) Instances() store.Instances { return instanceRole{db} }

// Open makes a store of a Redis that answers. Its error is [store.ErrAway] where it does not, and [store.ErrNewerSchema] where
// a newer version has written it. Whoever opens it must close it.
func Open(ctx context.Context, c Config) (*DB, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.filled()
	at, err := address.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	quiet()
	db := &DB{client: newClient(at, c), config: c, prefix: c.prefix(), meter: newMeter()}
	db.close = sync.OnceValue(db.shutdown)
	if err = db.takeUp(ctx); err != nil && (!c.MayBeAway || !errors.Is(err, store.ErrAway)) {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// passing marks the context of what is asked before others may use the database.
type passing struct{}

// takeUp looks whether the database may be used, and lets calls through.
func (db *DB) takeUp(ctx context.Context) error {
	ctx = context.WithValue(ctx, passing{}, true)
	if _, err := db.Sequence(ctx); err != nil {
		return err
	}
	err := db.checkSchema(ctx)
	if err != nil {
		return err
	}
	if db.words, err = db.readWords(ctx); err != nil {
		return err
	}
	if db.config.Admit != nil {
		if err := db.config.Admit(ctx, db.State()); err != nil {
			return err
		}
	}
	db.ready.Store(true)
	return nil
}

// there is an error until the database may be used. Of one that was away when it was opened the first call finds that out,
// and those that come meanwhile are told that it is away.
func (db *DB) there(ctx context.Context) error {
	if db.ready.Load() || ctx.Value(passing{}) != nil {
		return nil
	}
	if !db.opening.TryLock() {
		return fmt.Errorf("%w: it has not answered yet since this process began", store.ErrAway)
	}
	defer db.opening.Unlock()
	if db.ready.Load() {
		return nil
	}
	err := db.takeUp(ctx)
	if err == nil || errors.Is(err, store.ErrAway) || ctx.Err() != nil {
		return err
	}
	if db.config.Refused != nil && !db.done.Load() {
		db.config.Refused(err)
	}
	return fmt.Errorf("%w: %w", store.ErrAway, err)
}

// checkSchema refuses what a newer version has written.
func (db *DB) checkSchema(ctx context.Context) error {
	is, err := db.Raised(ctx)
	if err == nil && is > Schema {
		return fmt.Errorf("%w: Redis has schema %d, this version knows up to %d: upgrade bbbpool; or, to go back, take away "+
			"the keys that begin with %s there, and restore a backup that this version has made, with bbbpool restore --force",
			store.ErrNewerSchema, is, Schema, db.key(oursPrefix))
	}
	return err
}

// Raised is the schema of our keys, 0 where there are none.
func (db *DB) Raised(ctx context.Context) (is uint64, err error) {
	err = db.within(ctx, 1, "read the schema", func(ctx context.Context) error {
		list, _, err := db.look(ctx, commandList([]string{"GET", db.key(schemaKey)}), false)
		is = number(part(list, 0))
		return err
	})
	return is, err
}

// RaiseSchema says that older versions must not write here any more: all instances know today's schema. It needs the lease.
func (db *DB) RaiseSchema(ctx context.Context) error {
	return db.within(ctx, 1, "raise the schema", func(ctx context.Context) error {
		return db.raiseTo(ctx, db.key(schemaKey), Schema)
	})
}

// quiet keeps the client from writing to standard error itself: whoever calls hears of each error.
var quiet = sync.OnceFunc(func() { goredis.SetLogger(nobody{}) })

// nobody listens.
type nobody struct{}

func (nobody) Printf(context.Context, string, ...any) {}

// newClient makes the client. It repeats nothing by itself: what was sent may have been done.
func newClient(a address.Address, c Config) *goredis.Client {
	if a.Network == "sentinel" {
		return goredis.NewFailoverClient(&goredis.FailoverOptions{
			MasterName: a.Master, SentinelAddrs: a.Hosts, SentinelPassword: a.Sentinels.Reveal(),
			Username: a.Username, Password: a.Password.Reveal(), DB: a.Database, TLSConfig: a.TLS,
			Protocol: 2, MaxRetries: -1, DialTimeout: c.Timeout, DialerRetries: 1, ReadTimeout: -1, WriteTimeout: -1,
			ContextTimeoutEnabled: true, PoolSize: c.Pool, PoolTimeout: c.Timeout, ConnMaxIdleTime: idle,
		})
	}
	return goredis.NewClient(&goredis.Options{
		Network: a.Network, Addr: a.Hosts[0],
		Username: a.Username, Password: a.Password.Reveal(), DB: a.Database, TLSConfig: a.TLS,
		Protocol: 2, MaxRetries: -1, DialTimeout: c.Timeout, DialerRetries: 1, ReadTimeout: -1, WriteTimeout: -1,
		ContextTimeoutEnabled: true, PoolSize: c.Pool, PoolTimeout: c.Timeout, ConnMaxIdleTime: idle,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// idle is how long a connection is kept that nobody uses.
const idle = 5 * time.Minute

// Close ends all connections; calls that run fail, and so do all later ones. Closing again does nothing.
func (db *DB) Close() error { return db.close() }

func (db *DB) shutdown() error {
	db.done.Store(true)
	return db.client.Close()
}
