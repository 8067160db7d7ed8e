package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Options say which pool is meant and how to print. They are flags of every command.
type Options struct {
	Data  string    `placeholder:"DIR" env:"BBBPOOL_DATA" help:"Data directory; $$STATE_DIRECTORY by default, else ./bbbpool-data."`
	Admin string    `placeholder:"URL" env:"BBBPOOL_ADMIN" help:"Address of a bbbpool to administrate from afar, with the token in BBBPOOL_ADMIN_TOKEN."`
	Token v1.Secret `name:"admin-token" hidden:"" env:"BBBPOOL_ADMIN_TOKEN" help:"Token for administration from afar."`
	JSON  bool      `name:"json" help:"Print JSON."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version, and do nothing."`
}

// DataDir returns the data directory: the one given, else the first of systemd's, else one here.
func (o Options) DataDir() string {
	first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":")
	return cmp.Or(o.Data, first, "bbbpool-data")
}

// Env is the world that a command runs in.
type Env struct {
	Ctx      context.Context
	In       io.Reader
	Out, Err io.Writer
	Terminal bool // somebody sits there who can be asked
	Watched  bool // somebody sees at once what is written to Err
	Shown    bool // and to Out
	Options  Options
	Version  string
	Now      func() time.Time // the clock; the system's by default
	// Main runs another command of the same program, and returns its exit code.
	Main func(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int
	// Offline opens a data directory that nobody serves, and returns the administration of the pool in it.
	Offline func(ctx context.Context, dataDir string) (handler http.Handler, done func() error, err error)
	// Leader returns the administration of a pool that runs on other machines, whose state is shared; nil where none does.
	Leader func(ctx context.Context) (handler http.Handler, done func() error, err error)
	// Elsewhere tells whether the records of a pool are all kept elsewhere, so that there is no database in its data directory;
	// nil where they never are.
	Elsewhere func() bool
	// Plan says what the next start would do to the databases of a pool, a sentence each.
	Plan func(dataDir string) ([]string, error)
}

// Time is the present time, by the clock that the command goes by.
func (e *Env) Time() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

// Sure is how scripts answer the question that somebody at a terminal is asked.
type Sure struct {
	Yes   bool `short:"y" help:"Do not ask. What the pool refuses it goes on refusing."`
	Force bool `help:"Do it even if the pool refuses it, and do not ask."`
}

// Confirm says what is about to be done, and returns nil if that is wanted. It blocks until somebody has answered.
func (e *Env) Confirm(sure Sure, what string) error {
	if sure.Yes || sure.Force {
		return nil
	}
	return e.prompt().Confirm(e.Ctx, what)
}

// Secret returns a secret that may have to be read first, so that it need not stand in the list of processes.
func (e *Env) Secret(given v1.Secret) (v1.Secret, error) {
	if given != "-" {
		return given, nil
	}
	text, err := e.prompt().Secret(e.Ctx)
	if errors.Is(err, terminal.ErrInterrupted) {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if text == "" {
		return "", grammar.Misused("--secret -: there is none on the standard input")
	}
	return v1.Secret(text), nil
}

func (e *Env) prompt() terminal.Prompt {
	return terminal.Prompt{In: e.In, Err: e.Err, Attended: e.Terminal}
}
