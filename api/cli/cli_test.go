package cli_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/commands"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// pool is a pool in a data directory, with servers that look as they are told to.
type pool struct {
	dir     string
	api     *admin.API
	ledger  *placement.Ledger
	stores  *driver.Stores
	servers *poller.Poller
	seen    map[string]poller.Status
	closed  int

	problems problems.Registry

	handler http.Handler // answers instead of the API; nil where that answers itself
}

// looking shows servers as the test has seen them.
type looking struct {
	*poller.Poller
	ledger *placement.Ledger
	seen   map[string]poller.Status
}

func (l looking) dress(s poller.Status) poller.Status {
	if seen, ok := l.seen[s.ID]; ok {
		seen.Server, seen.Load = s.Server, s.Load
		return seen
	}
	return s
}

func (l looking) Servers() []poller.Status {
	list := l.Poller.Servers()
	for i := range list {
		list[i] = l.dress(list[i])
	}
	return list
}

func (l looking) Server(id string) (poller.Status, bool) {
	s, ok := l.Poller.Server(id)
	return l.dress(s), ok
}

// Problems are those of the servers as they are seen.
func (l looking) Problems(context.Context) (list []problems.Problem) {
	for _, s := range l.Servers() {
		if s.State != store.Disabled {
			list = append(list, s.Problems(now, l.ledger.Meetings)...)
		}
	}
	return list
}

// Events are those of one server.
func (l looking) Events(id string) []poller.Event {
	if id != "b" {
		return nil
	}
	return []poller.Event{
		{At: now.Add(-time.Hour), Kind: "online", Text: "it answers"},
		{At: now.Add(-90 * time.Second), Kind: "suspect", Text: "getMeetings: refused: \x1b]0;x\x07"},
	}
}

func newPool(t *testing.T) *pool {
	t.Helper()
	dir := t.TempDir()
	var set assembly.Settings
	set.Placement.Default = 10.25
	set.Poller = poller.Config{
		Interval: time.Second, Connect: time.Second, Response: time.Second, Unhealthy: 1, Healthy: 1, Failover: time.Second,
	}
	all, err := assembly.Offline(t.Context(), assembly.Options{
		Settings: set, Data: dir, Version: "1.2.3", Log: zerolog.Nop(), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.Close() })
	p := &pool{
		dir: dir, api: all.Admin, ledger: all.Ledger, stores: all.Stores, servers: all.Poller, seen: map[string]poller.Status{},
	}
	shown := looking{all.Poller, all.Ledger, p.seen}
	r := p.api.Servers.Roster
	p.api.Servers.Pool, r.Pool, r.Examiner.Pool = shown, shown, shown
	p.api.Meetings.Pool, p.api.Meetings.Endings.Pool, p.api.Pool.Servers = shown, shown, shown
	p.api.Recordings, p.api.Imports, p.api.Pool.Recordings, r.Debts, p.api.Servers.Script = nil, nil, nil, nil, nil
	p.problems.Report(all.Ledger, shown, p.api.Tenants)
	p.api.Pool.Problems = &p.problems
	return p
}

// put puts a server into the pool as it is seen.
func (p *pool) put(t *testing.T, record store.Server, seen poller.Status) {
	t.Helper()
	record.Created = now
	if err := p.stores.State.CreateServer(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	p.servers.SetServer(record)
	p.seen[record.ID] = seen
}

// meet places a meeting with some people.
func (p *pool) meet(t *testing.T, key store.MeetingKey, people int) {
	t.Helper()
	creation, err := p.ledger.Begin(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer creation.End()
	if _, err := creation.Place(t.Context(), placement.Wish{Recorded: people > 1}, nil); err != nil {
		t.Fatal(err)
	}
	if err := creation.Confirm(t.Context(), placement.Made{InternalID: "internal-" + key.MeetingID, CreateTime: now.UnixMilli()}); err != nil {
		t.Fatal(err)
	}
	for range people {
		p.ledger.Joined(key, 0)
	}
}

// typical fills a pool with one of each.
func (p *pool) typical(t *testing.T) {
	t.Helper()
	p.put(t, store.Server{
		ID: "a", URL: "https://a.example/bigbluebutton/api", Secret: "hidden-a", State: store.Enabled, Weight: 1.5,
		Capacity: 200, Hard: true, Checksum: "sha512", Admitted: now.Add(-time.Hour),
	}, poller.Status{
		Health: poller.Online, LastPoll: now.Add(-3 * time.Second), Latency: 12340 * time.Microsecond, Videos: 4,
		Largest: 2, ClockSkew: -7 * time.Second, CertificateExpires: now.Add(72 * time.Hour),
		Warnings: []poller.Warning{
			{Name: "clock", Text: "its clock is 7s behind"}, {Name: "certificate", Text: "its certificate expires in 3 days\x07"},
		},
	})
	p.meet(t, store.MeetingKey{Tenant: "default", MeetingID: "algebra"}, 2)
	p.meet(t, store.MeetingKey{Tenant: "default", MeetingID: "evil\x1b[2J\u009bid\nx"}, 1)
	p.put(t, store.Server{
		ID: "b", URL: "https://b.example/bigbluebutton/api", Secret: "hidden-b", State: store.Cordoned, Weight: 1,
		Tag: "big",
	}, poller.Status{
		Health: poller.Offline, Failing: now.Add(-90 * time.Second), Reason: "getMeetings: refused: \x1b]0;x\x07",
	})
	p.put(t, store.Server{
		ID: "c", URL: "https://c.example/bigbluebutton/api", Secret: "hidden-c", State: store.Disabled, Weight: 1,
	}, poller.Status{Health: poller.Unknown})
	_, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{
		ID: "default", Name: "Default", Secrets: []store.TenantSecret{{Name: "n1", Secret: "front-end-secret"}}, Created: now, Tag: "big", IgnoreHints: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outcome is what a command has printed and returned.
type outcome struct {
	out, err string
	failed   error
}

// run runs a command line on the pool, with somebody at the terminal who types the answer; "" is nobody.
func (p *pool) run(t *testing.T, answer string, args ...string) outcome {
	t.Helper()
	return p.in(t, answer, answer != "", args...)
}

func (p *pool) in(t *testing.T, input string, terminal bool, args ...string) outcome {
	t.Helper()
	var grammar struct {
		cli.Options
		commands.All
		Check cli.CheckCmd `cmd:""`
	}
	parser, err := kong.New(&grammar, kong.Name("bbbpool"))
	if err != nil {
		t.Fatal(err)
	}
	line, err := parser.Parse(append([]string{"--data", p.dir}, args...))
	if err != nil {
		return outcome{failed: err}
	}
	var out, errs bytes.Buffer
	env := &cli.Env{
		Ctx: t.Context(), In: strings.NewReader(input), Out: &out, Err: &errs, Terminal: terminal,
		Options: grammar.Options, Now: func() time.Time { return now },
		Offline: func(context.Context, string) (http.Handler, func() error, error) {
			if p.handler != nil {
				return p.handler, func() error { p.closed++; return nil }, nil
			}
			return p.api.Handler(), func() error { p.closed++; return nil }, nil
		},
	}
	failed := line.Run(env)
	text := func(b bytes.Buffer) string { return strings.ReplaceAll(b.String(), p.dir, "DIR") }
	return outcome{text(out), text(errs), failed}
}

// Every list and sheet looks as it should, in an empty pool and in one with trouble, and hides what has to be hidden.
func TestCommands_Golden(t *testing.T) {
	runGolden(t, map[string]func(*pool, *testing.T){
		"empty": func(*pool, *testing.T) {}, "typical": (*pool).typical,
	}, [][]string{
		{"status"},
		{"server", "list"},
		{"meeting", "list"},
		{"tenant", "list"},
		{"check"},
		{"server", "show", "a"},
		{"server", "show", "b"},
		{"server", "show", "c"},
		{"server", "show", "x"},
		{"meeting", "show", "algebra"},
		{"meeting", "list", "--tenant", "nobody"},
		{"tenant", "show", "default"},
		{"status", "--json"},
		{"server", "list", "--json"},
		{"meeting", "list", "--json"},
		{"tenant", "list", "--json"},
		{"tenant", "show", "default", "--json"},
		{"recording", "list"},
	})
}

// runGolden runs commands on pools, each with a golden file of its name.
func runGolden(t *testing.T, pools map[string]func(*pool, *testing.T), commands [][]string) {
	t.Helper()
	for name, prepare := range pools {
		t.Run(name, func(t *testing.T) {
			p := newPool(t)
			prepare(p, t)
			var got strings.Builder
			for _, args := range commands {
				if args[0] == "check" && name == "typical" {
					continue // it would look for these servers
				}
				o := p.run(t, "", args...)
				got.WriteString("$ bbbpool " + strings.Join(args, " ") + "\n" + o.out)
				if o.err != "" {
					got.WriteString("(stderr) " + o.err)
				}
				if o.failed != nil {
					got.WriteString("(failed) " + o.failed.Error() + "\n")
				}
				got.WriteString("\n")
			}
			golden(t, name+".txt", got.String())
			if strings.Contains(got.String(), "hidden") || strings.ContainsAny(got.String(), "\x1b\x07\u009b") {
				t.Error("a secret or a control character has come through")
			}
			if p.closed == 0 {
				t.Error("the data directory was not closed")
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// Data that is not there is not made up, and a data directory that cannot be opened says why.
func TestCommands_NoData(t *testing.T) {
	p := newPool(t)
	p.dir = filepath.Join(p.dir, "nowhere")
	o := p.run(t, "", "status")
	want := "no bbbpool data in " + p.dir + ": start `bbbpool serve --data " + p.dir + "`, or pass --data"
	if o.failed == nil || o.failed.Error() != want {
		t.Errorf("failed with %v, want %s", o.failed, want)
	}
	p.dir = t.TempDir()
	for _, args := range []string{"status", "check", "server list", "server remove a", "server set a --weight 2"} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed == nil ||
			!strings.HasPrefix(o.failed.Error(), "no bbbpool data in ") {
			t.Errorf("%s without a database: %v", args, o.failed)
		}
	}
	if o := p.run(t, "", "server", "add", fakeBBB(t), "--secret", "s3cret"); o.failed != nil {
		t.Errorf("the first server: %v", o.failed)
	}
}

// Data that cannot be opened says why, and what to do, naming the path once.
func TestCommands_NotOpened(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bbbpool.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	denied := &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	for want, failure := range map[string]error{
		store.ErrLocked.Error(): store.ErrLocked,
		path + ": permission denied: run this as root or as the user that bbbpool runs as": fmt.Errorf("open %s: %w", path,
			denied),
	} {
		env := &cli.Env{Ctx: t.Context(), Options: cli.Options{Data: dir}}
		env.Offline = func(context.Context, string) (http.Handler, func() error, error) { return nil, nil, failure }
		if err := new(cli.StatusCmd).Run(env); err == nil || err.Error() != want {
			t.Errorf("failed with %v, want %s", err, want)
		}
	}
	env := &cli.Env{Ctx: t.Context(), Options: cli.Options{Data: filepath.Join(path, "sub")}}
	if err := new(cli.StatusCmd).Run(env); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("below a file: %v", err)
	}
}

// The data directory is the one given, else systemd's, else one here.
func TestOptions_DataDir(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	if dir := (cli.Options{}).DataDir(); dir != "bbbpool-data" {
		t.Errorf("got %s", dir)
	}
	t.Setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
	if dir := (cli.Options{}).DataDir(); dir != "/var/lib/one" {
		t.Errorf("got %s", dir)
	}
	if dir := (cli.Options{Data: "x"}).DataDir(); dir != "x" {
		t.Errorf("got %s", dir)
	}
}
