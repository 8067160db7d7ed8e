// Package callbacks is where servers call back, and where it is decided what front ends are to be told: the end of a meeting, a
// recording that is there, who did what in a meeting.
//
// It owns the addresses that servers are given, what is believed of what comes in at them, and the rows of the outbox that
// follow. It never calls a front end: package outbox does. It decides about no meeting: that a meeting is over is the ledger's
// to enter, in which what is to be told is written together with the session.
//
// # What is told, and when
//
// Of the end of a meeting front ends are told once per session and address, whoever found out: the row is named by both
// ([store.CallbackID]), and written in the transaction of the session. Of a recording they are told once, in the transaction
// that commits its import. Analytics are told as they come.
package callbacks

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

// Config is what an operator may set, as flags.
type Config struct {
	URL           string        `name:"callback-url" env:"BBBPOOL_CALLBACK_URL" placeholder:"URL" help:"Address under which servers call the pool back, as https://pool.example.edu. By default the tenant's or the pool's public address."`
	Analytics     bool          `name:"analytics-store" env:"BBBPOOL_ANALYTICS_STORE" help:"Keep what servers tell of who did what in meetings, for all tenants."`
	AnalyticsKeep time.Duration `name:"analytics-keep" default:"2160h" env:"BBBPOOL_ANALYTICS_KEEP" help:"How long that is kept; 0s is for ever."`
	EachFormat    bool          `name:"callback-each-format" env:"BBBPOOL_CALLBACK_EACH_FORMAT" help:"Tell of a recording again when a later format has come."`
	PublicURL     string        `kong:"-"` // of the pool
	MarksWait     time.Duration `kong:"-"` // how long an end waits for what its server says of marks; 0 for 5 s
	HooksEvery    time.Duration `kong:"-"` // between two looks at the webhooks of a server; 0 is a minute
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
	if c.AnalyticsKeep < 0 {
		return fmt.Errorf("--analytics-keep %s: want 0s, which is for ever, or more", c.AnalyticsKeep)
	}
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	bare := err == nil && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
	if !bare || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--callback-url %q: want https://HOST, perhaps with a port and a path", c.URL)
	}
	return nil
}

// Base is what the addresses for servers begin with, for a tenant with a public address of its own or none; "" where the pool
// has no address that it could give.
func (c Config) Base(tenantURL string) string { return cmp.Or(c.URL, tenantURL, c.PublicURL) }

// Callbacks decides what front ends are told. Its exported fields must be set before Open, those of the second part before
// anything is called in.
type Callbacks struct {
	Config Config
	Index  store.Index
	Now    func() time.Time
	Log    zerolog.Logger

	// Key returns the key that addresses are sealed with; where there is none, fresh becomes it.
	Key func(ctx context.Context, fresh []byte) ([]byte, error)

	Claim   func(ctx context.Context, key store.MeetingKey) (store.Claim, bool) // where a meeting is, as far as this instance knows
	Hash    func(store.MeetingKey) string                                       // names a room in the history
	Tenants Tenants
	Room    func(tenant string, rows int, bytes int64) bool               // of a tenant in the outbox; nil where there always is
	EndSeen func(server string)                                           // hears of ends that were not called; nil for nobody
	Nudge   func()                                                        // says that something was added; nil for nobody
	Marked  func(ctx context.Context, sessionID string, marks bool) error // hears whether something was marked for recording

	Seal *address.Sealer // set by Open

	unresolved unresolved
	crowded    atomic.Int64 // rows that there was no room for
}

// Tenants knows the tenants.
type Tenants interface {
	// Tenant returns one, or store.ErrNotFound.
	Tenant(ctx context.Context, id string) (store.Tenant, error)
}

// KeyName is the name of the key that addresses are sealed with.
const KeyName = "callbacks"

// Open gets the key that addresses are sealed with, which is made on the first start.
func (c *Callbacks) Open(ctx context.Context) error {
	key, err := c.key(ctx)
	if err == nil {
		c.Seal, err = address.New(key)
	}
	return err
}

// Rekey gets the key again, where that was not to be had for certain: addresses are sealed with it from then on.
func (c *Callbacks) Rekey(ctx context.Context) error {
	key, err := c.key(ctx)
	if err != nil {
		return err
	}
	return c.Seal.Use(key)
}

func (c *Callbacks) key(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, address.KeySize)
	_, _ = rand.Read(fresh) // never fails, as crypto/rand documents
	key, err := c.Key(ctx, fresh)
	if err != nil {
		return nil, fmt.Errorf("load the key of the callback addresses: %w", err)
	}
	return key, nil
}

// nudge tells the outbox that there is something new.
func (c *Callbacks) nudge() {
	if c.Nudge != nil {
		c.Nudge()
	}
}

// hasRoom tells whether a tenant may have more in the outbox. What there is no room for is counted, and never told.
func (c *Callbacks) hasRoom(tenant string, kind store.CallbackKind, bytes int) bool {
	if c.Room == nil || c.Room(tenant, 1, int64(bytes)) {
		return true
	}
	c.crowded.Add(1)
	c.Log.Error().Str("tenant", tenant).Str("kind", string(kind)).Msg("a callback is dropped: the outbox is full")
	return false
}

// Crowded is how many callbacks there was no room for since the start.
func (c *Callbacks) Crowded() int64 { return c.crowded.Load() }

// goesTo tells whether somebody can be called at an address that a front end has given, and returns it: without blanks around
// it, absolute, of HTTP, and none of our own, which a front end can only have read somewhere.
func (c *Callbacks) goesTo(raw string) (string, bool) {
	raw = strings.TrimSpace(raw)
	return raw, len(raw) <= maxURL && c.Seal.Callable(raw)
}

// maxURL bounds an address, in bytes.
const maxURL = 8 << 10
