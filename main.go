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
	"os/signal"
	"syscall"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/web"
)

// version is set by the linker for releases.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

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
	HTTP      api.Config       `embed:""`
	Poller    poller.Config    `embed:""`
	Placement placement.Config `embed:""`
	Gateway   gateway.Config   `embed:""`
	Log       api.Log          `embed:""`
}

// Run runs the pool until it is told to end.
func (s serve) Run(env *cli.Env) error {
	log, err := s.Log.New(env.Err)
	if err != nil {
		return err
	}
	data := env.Options.DataDir()
	p, err := s.open(env.Ctx, data, env.Options.Token, log)
	if err != nil {
		return err
	}
	log.Info().Str("version", version).Str("data", data).Str("listen", p.admin.Listen).Msg("serving")
	return p.run(env.Ctx)
}

// pool is the running program.
type pool struct {
	stores  *driver.Stores
	ledger  *placement.Ledger
	poller  *poller.Poller
	gateway *gateway.Gateway
	http    *api.Server
	admin   *admin.API
	socket  *admin.Socket
}

// open puts everything together, the parts that others lean on first, and starts nothing.
func (s serve) open(ctx context.Context, data string, token store.Secret, log zerolog.Logger) (p *pool, err error) {
	p = &pool{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.stores, err = driver.Open(driver.Config{Data: data}); err != nil {
		return p, err
	}
	if err := s.openState(ctx, p, log); err != nil {
		return p, err
	}
	p.admin.Token = token
	set := metrics.NewSet()
	set.RegisterMetricsWriter(p.poller.WriteMetrics)
	if err := s.openGateway(ctx, p, set, log); err != nil {
		return p, err
	}
	p.http, err = api.New(ctx, s.HTTP, log.With().Str("component", "http").Logger(), set, p.poller.Ready, p.ledger.Ready)
	if err != nil {
		return p, err
	}
	p.admin.Ready, p.admin.Listen = p.http.Reasons, p.http.Addr().String()
	pages, err := web.New()
	if err != nil {
		return p, err
	}
	p.http.Mount(p.gateway, p.admin, pages)
	p.socket, err = admin.Listen(data, p.admin)
	return p, err
}

// openState makes what the records turn into: the ledger, and the poller that knows every server. Servers come before
// claims, so that a claim on a server that is gone is found out.
func (s serve) openState(ctx context.Context, p *pool, log zerolog.Logger) error {
	state := p.stores.State
	p.ledger = placement.New(s.Placement, state, p.stores.Index, time.Now)
	p.poller = poller.New(s.Poller, p.ledger, log.With().Str("component", "poller").Logger(), time.Now)
	servers, err := state.Servers(ctx)
	if err != nil {
		return err
	}
	for _, server := range servers {
		p.poller.SetServer(server)
	}
	p.admin = &admin.API{
		Servers: state, Tenants: state, Pool: p.poller, Meetings: p.ledger, EnvSecrets: s.Gateway.FrontEndSecrets(),
		Version: version, Log: log.With().Str("component", "admin").Logger(),
	}
	return p.ledger.Load(ctx)
}

// openGateway makes what front ends talk to.
func (s serve) openGateway(ctx context.Context, p *pool, set *metrics.Set, log zerolog.Logger) error {
	config := s.Gateway
	config.Connect = s.Poller.Connect
	p.gateway = &gateway.Gateway{
		Config: config, Ledger: p.ledger, Pool: p.poller, Recordings: p.stores.Index,
		Log: log.With().Str("component", "gateway").Logger(), Metrics: &gateway.Metrics{Set: set},
	}
	if err := p.gateway.Init(); err != nil {
		return err
	}
	return p.gateway.LoadTenants(ctx, p.stores.State, time.Now())
}

// run runs the parts until ctx ends or one of them fails. They stop in reverse: systemd hears of it first, requests
// under way still find everything they need, and the store closes last.
func (p *pool) run(ctx context.Context) error {
	alive := api.Systemd{Alive: func() { _ = p.ledger.Fault() }} // needs the lock that everything needs
	err := api.Run(ctx, p.poller, p.http, p.socket, alive)
	return errors.Join(err, p.close())
}

// close gives back what open has taken.
func (p *pool) close() error {
	if p.http != nil {
		_ = p.http.Close() // closed already if it ran
	}
	if p.stores == nil {
		return nil
	}
	return p.stores.Close()
}

// offline is the administration of a pool that is not running, straight on its data directory.
func offline(ctx context.Context, data string) (http.Handler, func() error, error) {
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		return nil, nil, err
	}
	p := &pool{stores: stores}
	s := serve{Poller: poller.Config{Connect: 2 * time.Second, Response: 10 * time.Second}}
	s.Gateway.Secret = store.Secret(os.Getenv("LOADBALANCER_SECRET"))
	s.Gateway.Secrets = store.Secret(os.Getenv("LOADBALANCER_SECRETS"))
	if err := s.openState(ctx, p, zerolog.New(os.Stderr).Level(zerolog.ErrorLevel)); err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	return p.admin.Handler(), p.close, nil
}
