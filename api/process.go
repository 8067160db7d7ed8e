package api

import (
	"context"
	_ "embed" // for the unit file
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// Main runs a program until it ends, or until a signal tells it to: then its context is done. A second signal ends the
// process at once. What net/http says by itself, in the standard log, is dropped: it may quote what a server has sent, with
// the passwords in it, and says nothing that does not become an error of a call as well.
func Main(run func(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	stdlog.SetOutput(io.Discard)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// Runner is a part of the program.
type Runner interface {
	// Run works until ctx ends, and returns when all of its goroutines are gone.
	Run(ctx context.Context) error
}

// Run starts the parts in order. When ctx ends, or one of them returns, it stops them one by one in reverse order, each
// only when the one before has returned, so that no part loses what it leans on. A group that cancels all of its members at
// once, as errgroup does, would take the polls from a create that is still being answered. Run blocks until all have
// returned.
func Run(ctx context.Context, parts ...Runner) error {
	type running struct {
		stop context.CancelFunc
		done chan error
	}
	ended := make(chan struct{}, len(parts))
	list := make([]running, 0, len(parts))
	for _, part := range parts {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stop: stop, done: make(chan error, 1)}
		go func() {
			r.done <- part.Run(own)
			ended <- struct{}{}
		}()
		list = append(list, r)
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	var errs []error
	for _, r := range slices.Backward(list) {
		r.stop()
		errs = append(errs, <-r.done)
	}
	return errors.Join(errs...)
}

// Reloader reads again what can be read again when the process gets a SIGHUP, which never ends it. There is one signal for
// the whole process, so it belongs to the program and not to a pool, of which there may be several.
type Reloader struct {
	Log    zerolog.Logger
	Reload func(ctx context.Context) error // where it fails everything must stay as it was

	hangups chan os.Signal
}

// Take takes SIGHUP from now on; what comes before Run is done then, with the fields that are set by then.
func (r *Reloader) Take() {
	r.hangups = make(chan os.Signal, 1)
	signal.Notify(r.hangups, syscall.SIGHUP)
}

// Run reloads until ctx ends. The signal stays harmless until the process is over.
func (r *Reloader) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hangups:
			if err := r.Reload(ctx); err != nil {
				r.Log.Error().Err(err).Msg("reload: everything stays as it was")
				continue
			}
			r.Log.Info().Msg("reloaded: tenants and tokens; settings are read at the start alone")
		}
	}
}

// Unit is the systemd unit that runs bbbpool.
//
//go:embed bbbpool.service
var Unit string

// Systemd tells systemd that the process is up, alive and ending. Elsewhere it does nothing.
type Systemd struct {
	// Alive is called for each sign of life; where it blocks, systemd restarts the process.
	Alive func()
}

// Run says "ready" at once, a sign of life twice per watchdog interval, and "stopping" when ctx ends.
func (s Systemd) Run(ctx context.Context) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("systemd watchdog: %w", err)
	}
	if err := sayReady(ctx); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer func() { _ = notifySystemd(daemon.SdNotifyStopping) }() // systemd sees the exit anyway
	if interval == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(interval / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.Alive()
			_ = notifySystemd(daemon.SdNotifyWatchdog) // missing one is what the interval has room for
		}
	}
}

// sayReady tells systemd that the process is ready, as soon as it hears that: it waits for it.
func sayReady(ctx context.Context) error {
	for {
		err := notifySystemd(daemon.SdNotifyReady)
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case ctx.Err() != nil:
			return nil //nolint:nilerr // nobody waits for that any more
		}
	}
}

// Log is what is logged and how, as flags.
type Log struct {
	Level  string `name:"log-level" default:"info" env:"BBBPOOL_LOG_LEVEL,RAILS_LOG_LEVEL" help:"debug, info, warn or error."`
	Format string `name:"log-format" default:"auto" enum:"auto,json,text" env:"BBBPOOL_LOG_FORMAT" help:"json, text, or auto: text on a terminal."`
}

// Validate tells what cannot work.
func (l Log) Validate() error {
	if _, err := zerolog.ParseLevel(l.Level); err != nil || l.Level == "" {
		return fmt.Errorf("--log-level %q: want debug, info, warn or error", l.Level)
	}
	return nil
}

// New returns a logger that writes to w, one line per event.
func (l Log) New(w io.Writer) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(l.Level)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("--log-level: %w", err)
	}
	file, isFile := w.(*os.File)
	if l.Format == "text" || l.Format == "auto" && isFile && isatty.IsTerminal(file.Fd()) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000"}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
}
