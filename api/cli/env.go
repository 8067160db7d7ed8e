package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/store"
)

// Options say which pool is meant and how to print. They are flags of every command.
type Options struct {
	Data  string       `placeholder:"DIR" env:"BBBPOOL_DATA" help:"Data directory; $$STATE_DIRECTORY by default, else ./bbbpool-data."`
	Admin string       `placeholder:"URL" env:"BBBPOOL_ADMIN" help:"Address of a bbbpool to administrate from afar, with the token in BBBPOOL_ADMIN_TOKEN."`
	Token store.Secret `name:"admin-token" hidden:"" env:"BBBPOOL_ADMIN_TOKEN" help:"Token for administration from afar."`
	JSON  bool         `name:"json" help:"Print JSON."`
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
	Options  Options
	Version  string
	// Main runs another command of the same program, and returns its exit code.
	Main func(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int
	// Offline opens a data directory that nobody serves, and returns the administration of the pool in it.
	Offline func(ctx context.Context, dataDir string) (handler http.Handler, done func() error, err error)
}

// with connects to the pool and does something there. Errors come out fit for a terminal.
func (e *Env) with(do func(*connection) error) error {
	c, err := e.connect()
	if err == nil {
		err = errors.Join(do(c), c.done())
	}
	if err != nil {
		return printableError{err}
	}
	return nil
}

// connection is a way to the pool.
type connection struct {
	*admin.Client
	offline bool // nobody serves the pool
	done    func() error
}

func (e *Env) connect() (*connection, error) {
	nothing := func() error { return nil }
	if e.Options.Admin != "" {
		client, err := e.remote()
		return &connection{Client: client, done: nothing}, err
	}
	dir := e.Options.DataDir()
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("no bbbpool data in %s: start `bbbpool serve --data %s`, or pass --data", dir, dir)
	}
	answers, err := admin.SocketAnswers(dir)
	if err != nil {
		return nil, err
	}
	if answers {
		transport, err := admin.SocketTransport(dir)
		return &connection{Client: admin.NewClient(transport, "http://bbbpool", ""), done: nothing}, err
	}
	handler, done, err := e.Offline(e.Ctx, dir)
	if err != nil {
		return nil, err
	}
	client := admin.NewClient(admin.HandlerTransport(handler), "http://bbbpool", "")
	return &connection{Client: client, offline: true, done: done}, nil
}

func (e *Env) remote() (*admin.Client, error) {
	u, err := url.Parse(e.Options.Admin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("--admin: want https://HOST, where bbbpool serves")
	}
	if e.Options.Token == "" {
		return nil, errors.New("--admin needs the token of that bbbpool in BBBPOOL_ADMIN_TOKEN")
	}
	return admin.NewClient(http.DefaultTransport, e.Options.Admin, e.Options.Token), nil
}
