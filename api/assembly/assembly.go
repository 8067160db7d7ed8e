// Package assembly puts the parts of a pool together, and runs them: what `serve` serves, what the commands open that find
// no process, and what tests start, is put together here and nowhere else.
//
// A reader who wants to know who gets what from whom reads [Open]. The package knows every part and no part knows it; it
// has no behaviour of its own, and no state beside its pools, so that several live in one process. What there is one of in
// a process stays with the program: signals, what systemd is told, the environment, the standard streams.
package assembly

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/scalelite"
	"github.com/bbbpool/bbbpool/api/backups"
	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/hooks"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/api/callbacks/receiver"
	"github.com/bbbpool/bbbpool/api/callbacks/silence"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/reload"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/poller/series"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/mirror"
	"github.com/bbbpool/bbbpool/store/waiting"
	"github.com/bbbpool/bbbpool/web"
)

// Options are what a pool is put together from. The zero value of each but Settings and Data will do.
type Options struct {
	Settings Settings
	Data     string       // the data directory
	Token    store.Secret // of administration over the network; empty for none
	Version  string
	Environ  []string // of the process, where it is a pool's own: what stands in it and means nothing is told to operators
	Log      zerolog.Logger
	Now      func() time.Time // time.Now if nil
	// Dial is how connections to other instances are opened; as usual if nil.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Patience is how long Open waits for a Redis that is away, where there is no copy of what was there: half a minute if 0.
	Patience time.Duration
}

// Pool is a bbbpool with all its parts.
type Pool struct {
	Stores     *driver.Stores
	Recordings *recordings.Service
	Ledger     *placement.Ledger
	Usage      *usage.Accounts
	Poller     *poller.Poller
	Gateway    *gateway.Gateway
	Admin      *admin.API
	Uses       *lastuse.Uses // when credentials were last used
	Tokens     *access.Tokens
	Audit      *access.Log
	Backups    *backups.Backups
	Callbacks  *callbacks.Callbacks
	Silence    *silence.Counters // of servers that never call
	Outbox     *outbox.Outbox    // what front ends are told
	Hooks      *hooks.Hooks      // their webhooks
	Problems   *problems.Registry
	Notices    *reload.Notices     // of changes of the records, for other instances and from them
	Instance   *instances.Instance // this one of several; nil where the state is nobody else's
	Metrics    *metrics.Set        // of this pool alone

	options  Options
	offline  bool // nobody is served
	pages    *web.Web
	playback *playback.Playback
	receiver *receiver.Receiver
	mirror   *mirror.Mirror // of a state that is elsewhere
	waiting  *waiting.Index // before an index that may be away
	late     late           // what could not be read yet
	http     *api.Server
	socket   *frame.Socket
	taken    []func() error // give back what was taken, in the order in which it was
}

// Open puts a pool together that is ready to Run: its store is open and read, and its addresses are listened on. What was
// taken before something failed, or ctx ended, is given back.
func Open(ctx context.Context, o Options) (*Pool, error) {
	return open(ctx, newPool(o, false), (*Pool).openState, (*Pool).openPlayback, (*Pool).openGateway, (*Pool).openHTTP)
}

// Offline opens the data of a pool that nobody runs, for administration alone: nobody is served, and nothing runs. Until
// it is closed, root acts as whoever owns the data directory, and that is the whole process.
func Offline(ctx context.Context, o Options) (*Pool, error) {
	return open(ctx, newPool(o, true), (*Pool).openState)
}

// open makes a pool step by step, or not at all.
func open(ctx context.Context, p *Pool, steps ...func(*Pool, context.Context) error) (*Pool, error) {
	for _, step := range steps {
		if err := step(p, ctx); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	p.report()
	return p, nil
}

func newPool(o Options, offline bool) *Pool {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Settings = bridged(o.Settings)
	p := &Pool{options: o, offline: offline, Metrics: metrics.NewSet()}
	p.late.log = p.log("late")
	p.Problems = &problems.Registry{Log: p.log("problems"), Now: o.Now}
	p.Notices = &reload.Notices{Parts: map[string]func(context.Context) error{}, Log: p.log("reload")}
	return p
}

// log is what a part writes to.
func (p *Pool) log(part string) zerolog.Logger {
	return p.options.Log.With().Str("component", part).Logger()
}

// Administration is the way in of operators' commands, without asking who they are.
func (p *Pool) Administration() http.Handler { return p.Admin.Handler() }

// Addr is the address that front ends are listened to on.
func (p *Pool) Addr() string { return p.http.Addr().String() }

// openState makes what the records turn into: the recordings, the ledger, and the poller that knows every server. Servers
// come before claims, so that a claim on a server that is gone is found out.
func (p *Pool) openState(ctx context.Context) (err error) {
	o, set := p.options, p.options.Settings
	p.Stores, err = driver.Open(driver.Config{
		Settings: set.Stores, Data: o.Data, Owned: p.offline, Log: p.log("store"), Metrics: p.Metrics, MayBeAway: !p.offline,
	})
	if err != nil {
		return err
	}
	p.took(p.Stores.Close)
	p.openBackups()
	if err = p.openInstance(ctx); err != nil {
		return err
	}
	if err = p.openMirror(ctx); err != nil {
		return err
	}
	state := p.Stores.State
	p.Backups.State = state
	p.Uses = &lastuse.Uses{Store: state, Shared: p.Instance != nil, Log: p.log("lastuse")}
	if err = p.Uses.Open(ctx); err != nil {
		return err
	}
	p.openUsage()
	if err = p.openCallbacks(ctx); err != nil {
		return err
	}
	if err = p.openOutbox(); err != nil {
		return err
	}
	if p.Recordings, err = recordings.Open(ctx, recordings.Parts{
		Config: set.Recordings, Data: o.Data, Offline: p.offline, State: state,
		Index: p.Callbacks.Nudging(p.Usage.Index(p.Stores.Index)), Tell: p.Callbacks.Ready, Meta: p.Callbacks.Meta,
		Proven: p.callBack().Proven, Noted: p.Stores.Noted,
		Log: p.log("recordings"), Metrics: p.Metrics,
	}); err != nil {
		return err
	}
	p.Notices.Parts[reload.Spool] = p.Recordings.Waiting
	if p.Ledger, err = p.openLedger(ctx); err != nil {
		return err
	}
	p.Poller = poller.New(set.Poller, p.Ledger, p.log("poller"), o.Now)
	p.Recordings.Pool, p.Poller.Journal = p.Poller, p.Stores.Index
	p.openHooks()
	p.share()
	if err = p.openAdmin(ctx); err != nil {
		return err
	}
	p.shareAdmin()
	if err = p.Poller.Load(ctx, state); err != nil {
		return err
	}
	if p.Poller.Forgetful() {
		p.late.add("events of servers", p.Poller.Recall)
	}
	return p.recollect(ctx)
}

// openAdmin makes what operators use, and what knows who they are and keeps what they do.
func (p *Pool) openAdmin(ctx context.Context) error {
	o, set, state := p.options, p.options.Settings, p.Stores.State
	rules, err := set.Gateway.Params.Pool()
	if err != nil && !p.offline { // whoever only looks at the records need not mend the settings of serve first
		return err
	}
	p.Tokens = &access.Tokens{Store: p.Stores.Index, Uses: p.Uses, Now: o.Now}
	if err = p.soon(p.Tokens.Load(ctx), "tokens of administration", p.Tokens.Load); err != nil {
		return err
	}
	p.Notices.Parts[reload.Tokens] = p.Tokens.Load
	p.Tokens.Changed = func() { p.Notices.Changed(reload.Tokens) }
	p.Audit = &access.Log{Config: set.Access, Store: p.Stores.Index, Now: o.Now, Log: p.log("audit")}
	p.Admin = admin.New(admin.Parts{
		Records: state, Roster: set.Servers, Tenants: state, Params: rules, Sessions: p.Stores.Index,
		Secrets: set.Gateway.FrontEndSecrets(), Poller: p.Poller, Ledger: p.Ledger, Recordings: p.Recordings,
		Usage: p.Usage, Backups: p.Backups, Stores: p.checkStores, Index: p.Stores.Index, Script: upload.Script, Problems: p.Problems,
		Callbacks: p.Outbox, Reach: p.callbackSite(),
		Tokens: p.Tokens, Audit: p.Audit, Uses: p.Uses, Version: o.Version, Token: o.Token, Now: o.Now, Log: p.log("admin"),
	})
	p.Admin.Servers.Roster.Records.Changed = func() { p.Notices.Changed(reload.Servers) }
	p.forgetHooks(p.Admin.Tenants.Tenancy)
	return nil
}

// openLedger tells the ledger of the servers, so that a claim on one that is gone is found out.
func (p *Pool) openLedger(ctx context.Context) (*placement.Ledger, error) {
	ids, err := p.serverIDs(ctx)
	if err != nil {
		return nil, err
	}
	parts := placement.Parts{
		Config: p.options.Settings.Placement, State: p.Stores.State, History: p.Stores.Index, Servers: ids, Pool: p.serverIDs,
		Remember: p.Usage.Counted(p.Stores.Index, p.Callbacks.Told(p.Recordings.Remember)), Sent: p.Usage.Joined, Offline: p.offline,
		Now: p.options.Now, Former: p.Stores.Index.Session,
	}
	p.shareLedger(&parts)
	return p.keyed(parts.History, func(h placement.History) (*placement.Ledger, error) {
		parts.History = h
		return placement.OpenLedger(ctx, parts)
	})
}

// serverIDs names all servers of the pool.
func (p *Pool) serverIDs(ctx context.Context) ([]string, error) {
	servers, err := p.Stores.State.Servers(ctx)
	ids := make([]string, 0, len(servers))
	for _, s := range servers {
		ids = append(ids, s.ID)
	}
	return ids, err
}

// openBackups makes what writes all records into a file. It reads the index as it is, with what tells of a write that waits
// whether it was done; the state it gets from the copy before it, once there is one: Redis may just have lost what it had.
func (p *Pool) openBackups() {
	s := p.Stores
	p.Backups = &backups.Backups{
		Config: p.options.Settings.Backups, Data: p.options.Data, State: s.State, Index: s.Index, Now: p.options.Now,
		Head: backup.Head{Version: p.options.Version, State: s.StateAt, Index: s.IndexAt}, Log: p.log("backup"),
	}
}

// checkStores asks the databases how they are set up, and whether all instances have the same directories.
func (p *Pool) checkStores(ctx context.Context) (wrong, advice []string) {
	for _, f := range p.Stores.Check(ctx) {
		if text := f.Place + ": " + f.Text; f.Wrong {
			wrong = append(wrong, text)
		} else {
			advice = append(advice, text)
		}
	}
	return append(wrong, p.unshared(ctx)...), advice
}

// openUsage makes the accounts, which all those report to that something is used of. They ask the ledger once it is there.
func (p *Pool) openUsage() {
	p.Usage = &usage.Accounts{
		Config: p.options.Settings.Usage, Store: p.Stores.Index, Tallies: p.tallies, Now: p.options.Now, Log: p.log("usage"),
	}
}

// tallies are what tenants have now, as the accounts count it.
func (p *Pool) tallies() map[string]usage.Tally {
	all := map[string]usage.Tally{}
	for _, m := range p.Ledger.Meetings() {
		if !m.Breakout {
			t := all[m.Tenant]
			all[m.Tenant] = usage.Tally{Meetings: t.Meetings + 1, People: t.People + m.People}
		}
	}
	return all
}

// openPlayback makes what viewers look at.
func (p *Pool) openPlayback(context.Context) error {
	set := p.options.Settings
	p.pages = web.New(set.Pages)
	p.playback = &playback.Playback{
		Config: set.Playback, Recordings: p.Stores.Index, Library: p.Recordings.Library, Marks: p.Recordings,
		Tokens: p.Stores.State,
		Gone:   p.Recordings.Disk.Gone, Page: p.pages.Problem, Now: p.options.Now, Log: p.log("playback"), Metrics: p.Metrics,
	}
	if p.Instance != nil {
		p.playback.Keys = p.Stores.Index // what one has signed, all verify
	}
	if p.Stores.Redis != nil {
		p.playback.Former = p.Stores.Redis
	}
	err := p.playback.Open(p.options.Data)
	if err == nil && p.playback.Unsure() {
		p.late.add("secret of playback", func(ctx context.Context) error { return p.playback.Learn(ctx, p.options.Data) })
	}
	return err
}

// openGateway makes what front ends talk to.
func (p *Pool) openGateway(ctx context.Context) error {
	set := p.options.Settings
	set.Gateway.Connect, set.Gateway.MaxRequests = set.Poller.Connect, set.HTTP.MaxRequests
	set.Gateway.Bridges = set.Placement.Bridges.On()
	set.Gateway.Multitenancy, set.Gateway.PoolHost = set.HTTP.Tenants(), set.HTTP.PoolHost
	p.Gateway = &gateway.Gateway{
		Config: set.Gateway, Ledger: p.Ledger, Servers: p.Poller, View: p.Poller, Page: p.pages.Problem,
		RecordingCalls: recordingcalls.Calls{
			Recordings: p.Recordings, Tracks: p.Recordings, Link: p.playback.Link, FileLink: p.playback.FileLink,
		},
		Hooks: p.Hooks, Uses: p.Uses, Log: p.log("gateway"), Metrics: &counts.Metrics{Set: p.Metrics},
	}
	p.Notices.Parts[reload.Tenants] = p.fresh(func(ctx context.Context) error {
		return p.Gateway.LoadTenants(ctx, p.Stores.State, p.options.Now())
	})
	p.Gateway.Back, p.Gateway.LRS = p.callBack(), p.learning()
	p.Poller.Known, p.Poller.Restored = p.Gateway.Known, p.Gateway.Restored
	p.Admin.Tenants.Reload = func(ctx context.Context) error { return p.Notices.Reload(ctx, reload.Tenants) }
	p.shareGateway()
	return p.Gateway.Open(ctx, p.Stores.State, p.options.Now())
}

// openHTTP makes the ways in, and mounts on them what was made before. They come last: who finds a door open may walk in.
func (p *Pool) openHTTP(ctx context.Context) (err error) {
	p.Metrics.RegisterMetricsWriter(func(w io.Writer) { series.Write(w, p.Poller) })
	p.Metrics.RegisterMetricsWriter(p.Problems.WriteMetrics)
	p.Metrics.RegisterMetricsWriter(p.Audit.WriteMetrics)
	p.Metrics.RegisterMetricsWriter(p.Usage.WriteMetrics)
	p.Metrics.RegisterMetricsWriter(p.Backups.WriteMetrics)
	if p.http, err = api.New(ctx, api.Parts{
		Config: p.options.Settings.HTTP, Version: p.options.Version, Environ: p.options.Environ, Log: p.log("http"),
		Metrics: p.Metrics, Page: exposition.New(families()...), Problems: p.Problems, Around: p.around(),
		Waits: p.Instance == nil,
	}); err != nil {
		return err
	}
	p.took(unlessClosed(p.http.Close))
	p.Gateway.Host = p.http.Called
	p.openReceiver()
	p.http.Mount(
		p.Gateway, p.Hooks, p.Admin, p.scalelite(), p.Recordings.Uploads, p.playback, p.receiver, p.pages,
	)
	p.mountPhones()
	p.serveInstances()
	p.Admin.Pool.Listen = p.Addr()
	if p.socket, err = frame.Listen(p.options.Data, p.Administration()); err != nil {
		return err
	}
	p.took(unlessClosed(p.socket.Close))
	return nil
}

// scalelite makes what the scripts of those talk to who come from Scalelite.
func (p *Pool) scalelite() *scalelite.API {
	set := p.options.Settings
	return &scalelite.API{
		Config: set.Scalelite, Multitenancy: set.HTTP.Tenants(),
		Algorithms: set.Gateway.ChecksumAlgorithms(), Pool: p.Poller, Roster: p.Admin.Servers.Roster,
		Tenants: p.Admin.Tenants.Tenancy, Door: p.Admin.Gate(), Log: p.log("scalelite"),
		Over: p.Admin.Elsewhere.Refusing(scalelite.Unreachable).Over,
	}
}

// Reload reads again what can be read again: tenants and tokens of administration. Where that fails everything stays as it was.
func (p *Pool) Reload(ctx context.Context) error { return p.Notices.Reload(ctx) }

// errSpent is for a pool that was closed, as it is when it has run, or that was never to serve anybody.
var errSpent = errors.New("this pool cannot run: it is closed, or was opened offline; open another")

// Run runs the parts until ctx ends or one of them returns, and closes the pool. Others, which are of the process and not
// of the pool, run with them. A pool runs once: what it has told others to stop does not start again.
//
// The parts start in the order in which they stand here and stop in reverse, each when the one behind it has stopped:
//   - what others say to the process, and it to them, stops first, so that nobody takes a pool that ends for one that hangs;
//   - long works of operators and uploads are told to come back, or the ways in would wait for them to the last moment;
//   - then the ways in close: what is under way there is answered, and finds everything it needs;
//   - recordings and polls stop when nobody can ask for more, and after those who rely on what they know;
//   - the ledger is the last that writes of meetings, and the accounts hear of all of it; then it is written when credentials
//     were used, and the store closes.
//
// One of several instances hands the lead on before the ways in close, see deciding in instances.go.
func (p *Pool) Run(ctx context.Context, others ...api.Runner) error {
	if p.offline || p.taken == nil {
		return errSpent
	}
	parts := append(append(p.mirroring(), p.Uses, p.Callbacks), p.deciding()...)
	parts = append(parts, p.Problems, p.http, p.socket, recordings.LongCalls{Service: p.Recordings}, p.Audit, p.Notices, p.Backups)
	parts = append(append(parts, p.handover()...), others...)
	return errors.Join(api.Run(ctx, parts...), p.Close())
}

// Alive returns when the pool has got the lock that everything needs. Where it does not return, the process is stuck.
func (p *Pool) Alive() { _ = p.Ledger.Count() }

// took keeps what gives something back that was taken just now. It stands right behind what takes it, so that no step which
// fails later has to know what the ones before it have taken.
func (p *Pool) took(giveBack func() error) { p.taken = append(p.taken, giveBack) }

// unlessClosed is the way to give a listener back that is closed already if the pool ran.
func unlessClosed(closing func() error) func() error {
	return func() error {
		if err := closing(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// Close gives back what a pool has taken, the last first, where it does not run; Run does so itself. Closing again does
// nothing.
func (p *Pool) Close() error {
	var errs []error
	for _, giveBack := range slices.Backward(p.taken) {
		errs = append(errs, giveBack())
	}
	p.taken = nil
	return errors.Join(errs...)
}
