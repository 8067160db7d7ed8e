// Command bbbpool makes a pool of BigBlueButton servers look like one.
//
// This file is what of the command line starts or opens a pool; its other commands are in api/cli/commands. How the parts of
// a pool are put together is in api/assembly.
package main

import (
	"context"
	"io"
	"net/http"
	"os"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/commands"
	"github.com/bbbpool/bbbpool/api/cli/demo"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

var version = "dev" // set by the linker for releases

func main() { os.Exit(api.Main(run)) }

// run is the program, but for signals and the exit.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	g := grammar{}
	env := &cli.Env{
		Ctx: ctx, In: in, Out: out, Err: errs, Version: version, Offline: offline, Leader: leader, Elsewhere: elsewhere,
		Plan: plan, Main: run,
	}
	return cli.Run(env, &g, &g.Options, args)
}

// grammar is the command line.
type grammar struct {
	cli.Options
	commands.All

	Check struct {
		Settings serve `embed:""`
		cli.CheckCmd
	} `cmd:"" help:"Test the configuration, the store and every server. Starts nothing."`
	Serve       serve             `cmd:"" help:"Run the pool."`
	Demo        demo.Cmd          `cmd:"" help:"Run the pool over simulated servers, in a temporary directory."`
	Simulator   demo.SimulatorCmd `cmd:"" help:"Run simulated BigBlueButton servers alone."`
	Version     cli.VersionCmd    `cmd:"" help:"Print the version."`
	SystemdUnit cli.UnitCmd       `cmd:"" name:"systemd-unit" help:"Print a unit for systemd."`
}

// serve is the pool itself: the settings of every part.
type serve struct {
	Settings assembly.Settings `embed:""`
	Log      api.Log           `embed:""`
}

// Run runs the pool until it is told to end.
func (s serve) Run(env *cli.Env) error {
	log, err := s.Log.New(env.Err)
	if err != nil {
		return err
	}
	reloader := api.Reloader{Log: log}
	reloader.Take() // from here on a SIGHUP does no harm
	data := env.Options.DataDir()
	p, err := assembly.Open(env.Ctx, assembly.Options{
		Settings: s.Settings, Data: data, Token: store.Secret(env.Options.Token), Version: version, Environ: os.Environ(), Log: log,
	})
	if err != nil {
		return err
	}
	reloader.Reload = p.Reload
	log.Info().Str("version", version).Str("data", data).Str("listen", p.Addr()).Msg("serving")
	return p.Run(env.Ctx, &reloader, api.Systemd{Alive: p.Alive})
}

// elsewhere tells whether serve would keep no record in the data directory.
func elsewhere() bool {
	var s driver.Settings
	return cli.Defaults(&s) == nil && s.RedisURL != "" && s.DatabaseURL != ""
}

// plan is what serve would do to the databases.
func plan(data string) ([]string, error) {
	c := driver.Config{Data: data}
	if err := cli.Defaults(&c.Settings); err != nil {
		return nil, err
	}
	return driver.Plan(c)
}

// leader is the administration of a pool that runs on other machines, with the settings that serve would have here.
func leader(ctx context.Context) (http.Handler, func() error, error) {
	var s serve
	if err := cli.Defaults(&s); err != nil {
		return nil, nil, err
	}
	return assembly.Leader(ctx, assembly.Options{Settings: s.Settings, Version: version, Log: zerolog.Nop()})
}

// offline is the administration of a pool that is not running, on its data, with the settings that serve would have.
func offline(ctx context.Context, data string) (http.Handler, func() error, error) {
	var s serve
	if err := cli.Defaults(&s); err != nil {
		return nil, nil, err
	}
	p, err := assembly.Offline(ctx, assembly.Options{
		Settings: s.Settings, Data: data, Version: version, Environ: os.Environ(),
		Log: zerolog.New(os.Stderr).Level(zerolog.ErrorLevel),
	})
	if err != nil {
		return nil, nil, err
	}
	return p.Administration(), p.Close, nil
}
