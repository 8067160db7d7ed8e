// Command bbbpool makes a pool of BigBlueButton servers look like one.
//
// Read this file first: the grammar of the command line, and how the parts of `serve` are put together.
package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/cli"
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

var version = "dev" // set by the linker for releases

func main() { os.Exit(api.Main(run)) }

// run is the program, but for signals and the exit.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	g := grammar{}
	env := &cli.Env{Ctx: ctx, In: in, Out: out, Err: errs, Version: version, Offline: offline, Main: run}
	return cli.Run(env, &g, &g.Options, args)
}

// grammar is the command line.
type grammar struct {
	cli.Options
	cli.Commands

	Check struct {
		Settings serve `embed:""`
		cli.CheckCmd
	} `cmd:"" help:"Test the configuration, the store and every server. Starts nothing."`
	Serve       serve            `cmd:"" help:"Run the pool."`
	Demo        cli.DemoCmd      `cmd:"" help:"Run the pool over simulated servers, in a temporary directory."`
	Simulator   cli.SimulatorCmd `cmd:"" help:"Run simulated BigBlueButton servers alone."`
	Version     cli.VersionCmd   `cmd:"" help:"Print the version."`
	SystemdUnit cli.UnitCmd      `cmd:"" name:"systemd-unit" help:"Print a unit for systemd."`
}

// serve is the pool itself: the settings of every part.
type serve struct {
	HTTP       api.Config        `embed:""`
	Poller     poller.Config     `embed:""`
	Placement  placement.Config  `embed:""`
	Gateway    gateway.Config    `embed:""`
	Recordings recordings.Config `embed:""`
	Playback   playback.Config   `embed:""`
	Pages      web.Config        `embed:""`
	Log        api.Log           `embed:""`
}

// Run runs the pool until it is told to end.
func (s serve) Run(env *cli.Env) error {
	log, err := s.Log.New(env.Err)
	if err != nil {
		return err
	}
	p := &pool{data: env.Options.DataDir(), token: env.Options.Token, log: log, metrics: metrics.NewSet()}
	p.reloader = api.NewReloader(log, func(ctx context.Context) error { return p.admin.Reload(ctx) })
	for _, open := range []func(context.Context, *pool) error{s.openState, s.openPlayback, s.openGateway, s.openHTTP} {
		if err := open(env.Ctx, p); err != nil {
			return errors.Join(err, p.close())
		}
	}
	log.Info().Str("version", version).Str("data", p.data).Str("listen", p.admin.Listen).Msg("serving")
	return p.run(env.Ctx)
}

// pool is the running program.
type pool struct {
	data       string
	token      store.Secret
	offline    bool // nobody is served
	log        zerolog.Logger
	metrics    *metrics.Set
	stores     *driver.Stores
	recordings *recordings.Service
	ledger     *placement.Ledger
	poller     *poller.Poller
	pages      *web.Web
	playback   *playback.Playback
	gateway    *gateway.Gateway
	http       *api.Server
	admin      *admin.API
	socket     *admin.Socket
	reloader   *api.Reloader
}

func (p *pool) of(part string) zerolog.Logger { return p.log.With().Str("component", part).Logger() }

// openState makes what the records turn into: the recordings, the ledger, and the poller that knows every server. Servers
// come before claims, so that a claim on a server that is gone is found out.
func (s serve) openState(ctx context.Context, p *pool) (err error) {
	p.stores, err = driver.Open(driver.Config{Data: p.data, Owned: p.offline, Log: p.of("store"), Metrics: p.metrics})
	if err != nil {
		return err
	}
	state := p.stores.State
	if p.recordings, err = recordings.Open(ctx, recordings.Parts{
		Config: s.Recordings, Data: p.data, Offline: p.offline, Index: p.stores.Index, State: state,
		Log: p.of("recordings"), Metrics: p.metrics,
	}); err != nil {
		return err
	}
	p.ledger = placement.New(s.Placement, state, p.recordings, time.Now)
	p.poller = poller.New(s.Poller, p.ledger, p.of("poller"), time.Now)
	p.recordings.Servers, p.poller.Journal = p.poller, p.stores.Index
	p.admin = &admin.API{
		Servers: state, Tenants: state, Pool: p.poller, Meetings: p.ledger, EnvSecrets: s.Gateway.FrontEndSecrets(),
		Sessions: p.stores.Index, Recordings: p.recordings, Script: upload.Script, Version: version, Token: p.token,
		Advice: s.HTTP.Advice, Log: p.of("admin"),
	}
	if err = errors.Join(p.ledger.OpenHistory(ctx, p.stores.Index), p.poller.Load(ctx, state)); err != nil {
		return err
	}
	return p.ledger.Load(ctx)
}

// openPlayback makes what viewers look at.
func (s serve) openPlayback(_ context.Context, p *pool) error {
	p.pages = web.New(s.Pages)
	p.playback = &playback.Playback{
		Config: s.Playback, Recordings: p.stores.Index, Library: p.recordings.Library, Tokens: p.stores.State,
		Gone: p.recordings.Disk.Gone, Page: p.pages.Problem, Log: p.of("playback"), Metrics: p.metrics,
	}
	return p.playback.Open(p.data)
}

// openGateway makes what front ends talk to.
func (s serve) openGateway(ctx context.Context, p *pool) error {
	s.Gateway.Connect, s.Gateway.MaxRequests = s.Poller.Connect, s.HTTP.MaxRequests
	p.gateway = &gateway.Gateway{
		Config: s.Gateway, Ledger: p.ledger, Pool: p.poller, Recordings: p.recordings, Link: p.playback.Link,
		Tracks: p.recordings, FileLink: p.playback.FileLink, Page: p.pages.Problem, Log: p.of("gateway"),
		Metrics: &gateway.Metrics{Set: p.metrics},
	}
	p.admin.Reload = func(ctx context.Context) error { return p.gateway.LoadTenants(ctx, p.stores.State, time.Now()) }
	return p.gateway.Open(ctx, p.stores.State, time.Now())
}

// openHTTP makes the ways in, and mounts on them what was made before.
func (s serve) openHTTP(ctx context.Context, p *pool) (err error) {
	p.metrics.RegisterMetricsWriter(p.poller.WriteMetrics)
	s.HTTP.Version = version
	if p.http, err = api.New(ctx, s.HTTP, p.of("http"), p.metrics, p.poller.Ready, p.ledger.Ready); err != nil {
		return err
	}
	p.http.Note(p.recordings.Disk.Problem)
	p.http.Mount(p.gateway, p.admin, p.recordings.Uploads, p.playback, p.pages)
	p.admin.Ready, p.admin.Advice, p.admin.Listen = p.http.Reasons, p.http.Advice, p.http.Addr().String()
	p.socket, err = admin.Listen(p.data, p.admin)
	return err
}

// run runs the parts until ctx ends or one of them fails. They stop in reverse: systemd hears of it first, uploads are
// told to come back, requests under way still find everything they need, and the store closes last.
func (p *pool) run(ctx context.Context) error {
	alive := api.Systemd{Alive: func() { _ = p.ledger.Fault() }} // needs the lock that everything needs
	return errors.Join(api.Run(ctx, &placement.Keeper{Ledger: p.ledger, Sessions: p.stores.Index}, p.poller, p.recordings,
		p.http, p.socket, recordings.Doors{Service: p.recordings}, p.reloader, alive), p.close())
}

// close gives back what open has taken.
func (p *pool) close() error {
	_ = p.http.Close() // closed already if it ran
	return p.stores.Close()
}

// offline is the administration of a pool that is not running, on its data, with the settings that serve would have.
func offline(ctx context.Context, data string) (http.Handler, func() error, error) {
	var s serve
	p := &pool{data: data, offline: true, log: zerolog.New(os.Stderr).Level(zerolog.ErrorLevel), metrics: metrics.NewSet()}
	err := errors.Join(cli.Defaults(&s), s.openState(ctx, p))
	if err == nil {
		err = p.ledger.ReadHistory(ctx, p.stores.Index)
	}
	if err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	return p.admin.Handler(), p.close, nil
}
