package api

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
)

// Main runs a program until it ends, or until a signal tells it to: then its context is done. A second signal ends the
// process at once. What net/http says by itself, in the standard log, is dropped: it may quote what a server has sent, with
// the passwords in it, and says nothing that does not become an error of a call as well.
func Main(run func(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	log.SetOutput(io.Discard)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// Reloader reads again what can be read again when the process gets a SIGHUP, which never ends it.
type Reloader struct {
	log    zerolog.Logger
	reload func(ctx context.Context) error
	hups   chan os.Signal
}

// NewReloader takes SIGHUP from now on; what comes before Run is done then. Where reload fails everything must stay as it
// was.
func NewReloader(log zerolog.Logger, reload func(ctx context.Context) error) *Reloader {
	r := &Reloader{log: log, reload: reload, hups: make(chan os.Signal, 1)}
	signal.Notify(r.hups, syscall.SIGHUP)
	return r
}

// Run reloads until ctx ends. The signal stays harmless until the process is over.
func (r *Reloader) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hups:
			if err := r.reload(ctx); err != nil {
				r.log.Error().Err(err).Msg("reload: everything stays as it was")
				continue
			}
			r.log.Info().Msg("reloaded: tenants; settings are read at the start alone")
		}
	}
}
