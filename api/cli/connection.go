package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Intent is what a command has in mind, as far as that matters where nobody serves the pool.
type Intent int

// What commands have in mind.
const (
	Look   Intent = iota // show what is there: it may be old then
	Report               // the same, but the answer itself says that nobody serves the pool
	Change               // change what is there
	Begin                // change it, or be the first to
)

// agent is how our commands call themselves.
func (e *Env) agent() string { return v1.CommandLine + "/" + e.Version }

// With connects to the pool and does something there. Errors come out fit for a terminal.
func (e *Env) With(in Intent, do func(*Connection) error) error {
	c, err := e.connect(in)
	if err == nil {
		c.Agent, c.Heard = e.agent(), e.heard()
		err = errors.Join(do(c), c.done())
	}
	switch failed, ok := errors.AsType[*v1.Error](err); {
	case err == nil:
		return nil
	case ok && failed.Code == v1.CodeInvalid: // nothing but the command line can be wrong
		return grammar.UsageError{Err: terminal.PrintableError(err)}
	}
	return terminal.PrintableError(err)
}

// heard says once beside an answer that it is what an instance has last heard.
func (e *Env) heard() func(why string) {
	var once sync.Once
	return func(why string) {
		once.Do(func() {
			_ = terminal.Say(e.Err, "note: no leader: this is what this instance last heard, and it may be old; %s\n",
				terminal.Printable(why))
		})
	}
}

// Connection is a way to the pool.
type Connection struct {
	*v1.Client
	Stopped string // says that nobody serves the pool; "" where somebody does
	done    func() error
}

// Status returns the pool at a glance. That nobody serves it is its first problem.
func (c *Connection) Status(ctx context.Context) (v1.Status, error) {
	st, err := c.Pool.Status(ctx)
	if c.Stopped != "" {
		st.Problems = append([]string{c.Stopped}, st.Problems...)
	}
	return st, err
}

// Check asks every server who it is. It is not well with a pool that nobody serves.
func (c *Connection) Check(ctx context.Context) (v1.Check, error) {
	outcome, err := c.Pool.Check(ctx)
	if c.Stopped != "" {
		outcome.OK, outcome.Problems = false, append([]string{c.Stopped}, outcome.Problems...)
	}
	return outcome, err
}

// Show shows what a look at the servers finds, in JSON or as it is printed otherwise.
func Show[T any](env *Env, look func(*Connection) (T, error), otherwise func(*Env, T) error) error {
	return env.With(Look, func(pool *Connection) error {
		found, err := look(pool)
		if err == nil {
			err = pool.unpolled(env)
		}
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, found)
		}
		return otherwise(env, found)
	})
}

// unpolled says beside what a data directory tells of servers that it is nobody's look at them.
func (c *Connection) unpolled(env *Env) error {
	if c.Stopped == "" {
		return nil
	}
	return terminal.Say(env.Err, "note: not polled: bbbpool is not running, so health, people and room are not known\n")
}

func nothing() error { return nil }

func (e *Env) connect(in Intent) (*Connection, error) {
	if e.Options.Admin != "" {
		client, err := e.remote()
		return &Connection{Client: client, done: nothing}, err
	}
	dir := e.Options.DataDir()
	absent := exists(dir, dir)
	if absent == nil {
		answers, err := v1.SocketAnswers(dir)
		if err != nil {
			return nil, err
		}
		if answers {
			client, err := v1.NewSocketClient(dir)
			return &Connection{Client: client, done: nothing}, err
		}
	}
	if c, err := e.leader(); c != nil || err != nil {
		return c, err
	}
	if absent != nil {
		return nil, absent
	}
	return e.open(dir, in)
}

// leader reaches a pool that runs on other machines, as the shared databases tell; nil where none does.
func (e *Env) leader() (*Connection, error) {
	if e.Leader == nil {
		return nil, nil
	}
	handler, done, err := e.Leader(e.Ctx)
	if handler == nil || err != nil {
		return nil, err
	}
	return &Connection{Client: v1.NewClient(v1.HandlerTransport(handler), "http://bbbpool", ""), done: done}, nil
}

// database is the file that makes a directory a pool's.
const database = "bbbpool.db"

// open reaches a pool that nobody serves.
func (e *Env) open(dir string, in Intent) (*Connection, error) {
	path := filepath.Join(dir, database)
	if in != Begin && (e.Elsewhere == nil || !e.Elsewhere()) {
		if err := exists(path, dir); err != nil {
			return nil, err
		}
	}
	if in == Look {
		_, err := fmt.Fprintln(e.Err, "note: bbbpool does not run; this is what the data directory says")
		if err != nil {
			return nil, err
		}
	}
	told := e.patiently()
	handler, done, err := e.Offline(e.Ctx, dir)
	told()
	if err != nil {
		return nil, denied(path, err)
	}
	return &Connection{
		Client:  v1.NewClient(v1.HandlerTransport(handler), "http://bbbpool", ""),
		Stopped: fmt.Sprintf("bbbpool does not run on %s: start it with bbbpool serve --data %s", dir, dir),
		done:    done,
	}, nil
}

// patience is how long a command may take to open shared databases before it says what it waits for.
const patience = 2 * time.Second

// patiently says that a command waits, if it does for long, until the function that it returns is called. An instance that was
// killed has left its lease behind, and nobody may write before it is certain that it is gone.
func (e *Env) patiently() (end func()) { return e.Patiently(e.Elsewhere != nil && e.Elsewhere()) }

// Patiently says that a command waits for a lease, if it does for long and the databases are shared, until the function that it
// returns is called, once or more often.
func (e *Env) Patiently(shared bool) (end func()) {
	if !shared {
		return func() {}
	}
	ended, said := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(said)
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			_, _ = fmt.Fprintln(e.Err, "note: an instance has had the lead, and does not give it back: waiting until it is certain "+
				"that it is gone, 25 seconds at most")
		}
	}()
	return sync.OnceFunc(func() { close(ended); <-said })
}

// exists returns an error where a path in a data directory, or that itself, is not there or cannot be seen.
func exists(path, dir string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() != (path == dir) {
		return fmt.Errorf("no bbbpool data in %s: start `bbbpool serve --data %s`, or pass --data", dir, dir)
	}
	if err != nil {
		return denied(path, fmt.Errorf("look for the data: %w", err))
	}
	return nil
}

// denied tells what to do about a want of permission, and leaves other errors alone.
func denied(path string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		path = failed.Path
	}
	return fmt.Errorf("%s: %w: run this as root or as the user that bbbpool runs as", path, fs.ErrPermission)
}

func (e *Env) remote() (*v1.Client, error) {
	u, err := url.Parse(e.Options.Admin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return nil, grammar.Misused("--admin: want https://HOST, where bbbpool serves")
	}
	if e.Options.Token == "" {
		return nil, grammar.Misused("--admin needs the token of that bbbpool in BBBPOOL_ADMIN_TOKEN")
	}
	return v1.NewClient(http.DefaultTransport, e.Options.Admin, e.Options.Token), nil
}
