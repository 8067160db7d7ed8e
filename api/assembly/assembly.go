// Package assembly puts the parts of a pool together, and runs them: what `serve` serves, what the commands open that find
// no process, and what tests start, is put together here and nowhere else.
//
// A reader who wants to know who gets what from whom reads [Open]. The package knows every part and no part knows it; it
// has no behaviour of its own, and no state beside its pools, so that several live in one process.
package assembly

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/web"
)

// Settings are those of every part, as flags.
type Settings struct {
	HTTP       api.Config        `embed:""`
	Poller     poller.Config     `embed:""`
	Placement  placement.Config  `embed:""`
	Gateway    gateway.Config    `embed:""`
	Recordings recordings.Config `embed:""`
	Playback   playback.Config   `embed:""`
	Pages      web.Config        `embed:""`
}

// Options are what a pool is put together from.
type Options struct {
	Settings Settings
	Data     string       // the data directory
	Token    store.Secret // of administration over the network; empty for none
	Version  string
	Log      zerolog.Logger
	Now      func() time.Time // time.Now if nil
}

// Pool is a bbbpool with all its parts.
type Pool struct {
	Stores     *driver.Stores
	Recordings *recordings.Service
	Ledger     *placement.Ledger
	Poller     *poller.Poller
	Gateway    *gateway.Gateway
	Admin      *admin.API

	options  Options
	metrics  *metrics.Set
	offline  bool // nobody is served
	pages    *web.Web
	playback *playback.Playback
	http     *api.Server
	socket   *admin.Socket
	reloader *api.Reloader
}

// Open puts a pool together that is ready to Run: its store is open and read, and its addresses are listened on. What was
// opened before something failed is closed again.
func Open(ctx context.Context, o Options) (*Pool, error) {
	p := newPool(o)
	p.reloader = api.NewReloader(p.options.Log, func(ctx context.Context) error { return p.Admin.Tenants.Reload(ctx) })
	for _, open := range []func(context.Context) error{p.openState, p.openPlayback, p.openGateway, p.openHTTP} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

// Offline opens the data of a pool that nobody runs, for administration alone: nobody is served, and nothing runs.
func Offline(ctx context.Context, o Options) (*Pool, error) {
	p := newPool(o)
	p.offline = true
	err := p.openState(ctx)
	if err == nil {
		err = p.Ledger.ReadHistory(ctx, p.Stores.Index)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func newPool(o Options) *Pool {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Pool{options: o, metrics: metrics.NewSet()}
}

// Administration is the way in of operators' commands, without asking who they are.
func (p *Pool) Administration() http.Handler { return p.Admin.Handler() }

// Addr is the address that front ends are listened to on.
func (p *Pool) Addr() string { return p.http.Addr().String() }

func (p *Pool) log(part string) zerolog.Logger {
	return p.options.Log.With().Str("component", part).Logger()
}

// openState makes what the records turn into: the recordings, the ledger, and the poller that knows every server. Servers
// come before claims, so that a claim on a server that is gone is found out.
func (p *Pool) openState(ctx context.Context) (err error) {
	o, set := p.options, p.options.Settings
	p.Stores, err = driver.Open(driver.Config{Data: o.Data, Owned: p.offline, Log: p.log("store"), Metrics: p.metrics})
	if err != nil {
		return err
	}
	state := p.Stores.State
	if p.Recordings, err = recordings.Open(ctx, recordings.Parts{
		Config: set.Recordings, Data: o.Data, Offline: p.offline, Index: p.Stores.Index, State: state,
		Log: p.log("recordings"), Metrics: p.metrics,
	}); err != nil {
		return err
	}
	p.Ledger = placement.New(set.Placement, state, p.Recordings, o.Now)
	p.Poller = poller.New(set.Poller, p.Ledger, p.log("poller"), o.Now)
	p.Recordings.Servers, p.Poller.Journal = p.Poller, p.Stores.Index
	p.Admin = admin.New(admin.Parts{
		Records: state, Tenants: state, Sessions: p.Stores.Index, Secrets: set.Gateway.FrontEndSecrets(), Poller: p.Poller,
		Ledger: p.Ledger, Recordings: p.Recordings, Script: upload.Script, Advice: set.HTTP.Advice, Version: o.Version,
		Token: o.Token, Now: o.Now, Log: p.log("admin"),
	})
	if err = errors.Join(p.Ledger.OpenHistory(ctx, p.Stores.Index), p.Poller.Load(ctx, state)); err != nil {
		return err
	}
	return p.Ledger.Load(ctx)
}

// openPlayback makes what viewers look at.
func (p *Pool) openPlayback(context.Context) error {
	set := p.options.Settings
	p.pages = web.New(set.Pages)
	p.playback = &playback.Playback{
		Config: set.Playback, Recordings: p.Stores.Index, Library: p.Recordings.Library, Tokens: p.Stores.State,
		Gone: p.Recordings.Disk.Gone, Page: p.pages.Problem, Log: p.log("playback"), Metrics: p.metrics,
	}
	return p.playback.Open(p.options.Data)
}

// openGateway makes what front ends talk to.
func (p *Pool) openGateway(ctx context.Context) error {
	set := p.options.Settings
	set.Gateway.Connect, set.Gateway.MaxRequests = set.Poller.Connect, set.HTTP.MaxRequests
	p.Gateway = &gateway.Gateway{
		Config: set.Gateway, Ledger: p.Ledger, Pool: p.Poller, Recordings: p.Recordings, Link: p.playback.Link,
		Tracks: p.Recordings, FileLink: p.playback.FileLink, Page: p.pages.Problem, Log: p.log("gateway"),
		Metrics: &gateway.Metrics{Set: p.metrics},
	}
	now := p.options.Now
	p.Admin.Tenants.Reload = func(ctx context.Context) error { return p.Gateway.LoadTenants(ctx, p.Stores.State, now()) }
	return p.Gateway.Open(ctx, p.Stores.State, now())
}

// openHTTP makes the ways in, and mounts on them what was made before.
func (p *Pool) openHTTP(ctx context.Context) (err error) {
	p.metrics.RegisterMetricsWriter(p.Poller.WriteMetrics)
	config := p.options.Settings.HTTP
	config.Version = p.options.Version
	if p.http, err = api.New(ctx, config, p.log("http"), p.metrics, p.Poller.Ready, p.Ledger.Ready); err != nil {
		return err
	}
	p.http.Note(p.Recordings.Disk.Problem)
	p.http.Mount(p.Gateway, p.Admin, p.Recordings.Uploads, p.playback, p.pages)
	p.Admin.Pool.Ready, p.Admin.Pool.Advice, p.Admin.Pool.Listen = p.http.Reasons, p.http.Advice, p.Addr()
	p.socket, err = admin.Listen(p.options.Data, p.Admin)
	return err
}

// Run runs the parts until ctx ends or one of them fails, and closes the pool. They stop in reverse: systemd hears of it
// first, uploads are told to come back, requests under way still find everything they need, and the store closes last.
func (p *Pool) Run(ctx context.Context) error {
	alive := api.Systemd{Alive: func() { _ = p.Ledger.Fault() }} // needs the lock that everything needs
	return errors.Join(api.Run(ctx, &placement.Keeper{Ledger: p.Ledger, Sessions: p.Stores.Index}, p.Poller, p.Recordings,
		p.http, p.socket, recordings.Doors{Service: p.Recordings}, p.reloader, alive), p.Close())
}

// Close gives back what Open or Offline has taken.
func (p *Pool) Close() error {
	_ = p.http.Close() // closed already if it ran
	return p.Stores.Close()
}
