package assembly

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/scalelite"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/fsapi"
	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/api/reload"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/moving"
)

// This file has what is so where the state is shared: this instance may be one of several, of which one leads. Without a shared
// state none of it is so, and each of these functions does nothing.

// The names of the parts that tell, hear and report.
const (
	partLedger  = "ledger"
	partPoller  = "poller"
	partNotices = "notices"
)

// openInstance makes this process one of several, where they may be several. A command that opens the records itself does so
// only where no instance runs.
func (p *Pool) openInstance(ctx context.Context) (err error) {
	s := p.Stores
	switch {
	case s.Leases == nil:
		return nil
	case p.offline:
		_, release, err := moving.Hold(ctx, s)
		if err == nil {
			p.took(func() error { release(); return nil })
		}
		return err
	}
	p.Instance, err = instances.Open(ctx, instances.Parts{
		Config: p.options.Settings.Instances, Data: p.options.Data, Version: p.options.Version, Schema: store.Schema,
		Index: p.indexName(), IndexID: p.indexID(ctx), MaxBody: p.options.Settings.Gateway.MaxBody,
		Leases: s.Leases, Instances: s.Instances, Keys: p.peerKeys(), Dial: p.options.Dial, Log: p.log("instances"),
	})
	if err != nil {
		return err
	}
	p.took(unlessClosed(p.Instance.Close))
	p.Metrics.RegisterMetricsWriter(p.Instance.WriteMetrics)
	p.Instance.Lead(p.lead)
	return nil
}

// indexName names where recordings and history are, so that instances can tell whether they share them. A PostgreSQL may be
// known by other addresses elsewhere; a file is one machine's alone.
func (p *Pool) indexName() string {
	if p.options.Settings.Stores.DatabaseURL != "" {
		return "postgresql"
	}
	host, _ := os.Hostname()
	sum := sha256.Sum256([]byte(host + "\x00" + p.Stores.IndexAt))
	return "file " + hex.EncodeToString(sum[:8])
}

// indexKey names a key in the index that is there for its own sake: no two have the same, unless one is a copy of the other.
const indexKey = "index"

// indexIDTime bounds how long it is waited for.
const indexIDTime = 2 * time.Second

// indexID is what a PostgreSQL says that it is: two pools that have one Redis by mistake have one each. While it is away nobody
// knows.
func (p *Pool) indexID(ctx context.Context) string {
	if p.options.Settings.Stores.DatabaseURL == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, indexIDTime)
	defer cancel()
	fresh := make([]byte, 16)
	_, _ = rand.Read(fresh) // never fails
	key, err := p.Stores.Index.Key(ctx, indexKey, fresh)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// shareLedger has a ledger follow until this instance leads.
func (p *Pool) shareLedger(parts *placement.Parts) {
	if p.Instance == nil {
		return
	}
	parts.Follows = true
}

// share gives the instance the parts that tell others and hear from them.
func (p *Pool) share() {
	i := p.Instance
	if i == nil {
		return
	}
	i.Begins(p.caughtUp, p.copied)
	i.News(partLedger, p.Ledger)
	i.News(partPoller, p.Poller)
	i.News(partNotices, p.Notices)
	i.Reports(partLedger, p.Ledger)
	i.Reports(partPoller, p.Poller)
	i.Reports(partNotices, p.Notices)
	p.Backups.Leading, p.Usage.Still = i.Leading, i.Leading
	p.Ledger.Report = i.Report(partLedger)
	p.Poller.Reports, p.Poller.May = i.Report(partPoller), i.May
	p.Notices.Report = i.Report(partNotices)
	p.Notices.Parts[reload.Servers] = p.fresh(p.reloadServers)
	p.attachMirror()
	p.Recordings.Share(i.Highest, i.May, func() { p.Notices.Elsewhere(reload.Spool) })
}

// reloadServers has the poller know the servers that are stored, and no others.
func (p *Pool) reloadServers(ctx context.Context) error {
	list, err := p.Stores.State.Servers(ctx)
	if err != nil {
		return err
	}
	gone := map[string]bool{}
	for _, s := range p.Poller.Servers() {
		gone[s.ID] = true
	}
	for _, s := range list {
		delete(gone, s.ID)
		p.Poller.SetServer(s)
	}
	var errs []error
	for id := range gone {
		errs = append(errs, p.Poller.RemoveServer(ctx, id))
	}
	return errors.Join(errs...)
}

// shareAdmin has operators talk to the leader, whichever instance they ask.
func (p *Pool) shareAdmin() {
	if p.Instance == nil {
		return
	}
	p.Admin.Elsewhere = &frame.Elsewhere{Leader: p.Instance, ID: p.Instance.ID(), Why: p.Instance.Missing}
	p.Admin.Instances.Known = p.Instance
	p.Admin.Meetings.Endings.May = p.Instance.May // and the roster's, which are the same
}

// shareGateway has front ends' calls decided by the leader.
func (p *Pool) shareGateway() {
	if p.Instance == nil {
		return
	}
	p.Gateway.Elsewhere, p.Gateway.Peer, p.Gateway.May = p.Instance, instances.Handed, p.Instance.May
	p.Gateway.Heard, p.Gateway.Stored = p.Instance.Heard, p.stored
}

// storedWithin bounds a look at what is stored of a meeting.
const storedWithin = 500 * time.Millisecond

// stored has the ledger know where a meeting is stored to be: a leader that cannot be heard here may have made it, or moved it.
// That one is not stored says nothing, for the store may have lost it.
func (p *Pool) stored(ctx context.Context, key store.MeetingKey) bool {
	ctx, cancel := context.WithTimeout(ctx, storedWithin)
	defer cancel()
	return p.Ledger.Stored(func() (store.Claim, error) { return p.mirror.Stored(ctx, key) })
}

// around has calls wait until this instance knows what there is, and counts those that are under way.
func (p *Pool) around() func(http.Handler) http.Handler {
	if p.Instance == nil {
		return nil
	}
	p.Instance.Refusing(p.tooEarly)
	return func(next http.Handler) http.Handler { return p.Instance.Started(p.Instance.Counted(next), fsapi.Path) }
}

// errBeginning is told of calls that come before this instance knows what the pool has, for as long as they wait. The status is
// for balancers, which go to another instance for it.
var errBeginning = &bbb.Error{
	Key: "poolUnavailable", Status: http.StatusServiceUnavailable,
	Message: "This instance of the pool has just begun, or cannot reach the others. Please try again in a few seconds.",
}

// tooEarly says so in the form in which the caller is told of errors.
func (p *Pool) tooEarly(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, scalelite.Path):
		scalelite.Unreachable(w, r)
	case strings.HasSuffix(r.URL.Path, "/join") && strings.Contains(r.Header.Get("Accept"), "text/html"):
		p.pages.Problem(w, r, errBeginning.Status, "One moment, please",
			"Something is just being started here. Go back and try again in a few seconds.")
	default:
		bbb.WriteError(w, errBeginning)
	}
}

// serveInstances answers what other instances hand on: front ends' calls as if they had come in here, and operators' as the
// instance tells who they are.
func (p *Pool) serveInstances() {
	if p.Instance == nil {
		return
	}
	front, admin := p.http.Handler(), p.Admin.Peers()
	told := frame.Received(front) // of the address that a script has called from
	here := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, v1.Prefix+"/"):
			admin.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, scalelite.Path):
			told.ServeHTTP(w, r)
		default:
			front.ServeHTTP(w, r)
		}
	})
	p.Instance.Serve(here, func(ctx context.Context) (list []string) {
		for _, problem := range p.Problems.List(ctx) {
			list = append(list, problem.String())
		}
		return list
	})
}

// unshared tells which instances do not have the directories of recordings that this one has.
func (p *Pool) unshared(ctx context.Context) []string {
	if p.Instance == nil {
		return nil
	}
	list, err := p.Recordings.Unshared(ctx, p.Instance.Words())
	if err != nil {
		list = append(list, "whether all instances have the same directories of recordings is not known: "+err.Error())
	}
	return list
}

// decides are the parts that decide for the pool, in the order in which they start.
func (p *Pool) decides() []api.Runner {
	parts := []api.Runner{p.Usage, p.Ledger, p.Outbox, p.Poller, p.Admin.Handover, p.Recordings, p.Hooks}
	if p.Instance != nil {
		parts = append(parts, p.observing(), p.Instance.Raising(store.Schema, p.Stores.RaiseSchema))
	}
	return parts
}

// deciding is what runs before the ways in open, and after they have closed: the parts that decide, for ever or while this
// instance leads. What connects it to others is there before it leads, and after; so is the view of the disks.
func (p *Pool) deciding() []api.Runner {
	if p.Instance == nil {
		return p.decides()
	}
	return []api.Runner{p.Recordings.Attend(p.Instance.ID(), p.Instance.Word()), p.Instance, p.Instance.Keeper()}
}

// handover is what stops first of what concerns front ends: the lead goes to another instance, and then what comes in here is
// answered by that one, until nothing comes any more.
func (p *Pool) handover() []api.Runner {
	if p.Instance == nil {
		return nil
	}
	return []api.Runner{p.Instance.Handover()}
}

// lead is a term: this instance takes over from what it has heard and from the store, and decides until ctx ends.
func (p *Pool) lead(ctx context.Context, epoch uint64, ready func()) error {
	began := time.Now()
	_ = p.mirror.Refresh(ctx) // where the database is away again already, the copy counts
	if err := p.Stores.LookAgain(ctx); err != nil {
		return err
	}
	if err := p.reloadServers(ctx); err != nil {
		return err
	}
	if err := p.Ledger.Lead(ctx); err != nil {
		return err
	}
	defer p.Ledger.Follow()
	if err := p.Notices.Reload(ctx, reload.Tenants); err != nil { // the default tenant is the first leader's to make
		return err
	}
	p.Notices.Want(reload.Tokens, reload.Hooks) // which are in the index, without which one can lead
	begin := func() {
		log := p.log("instances")
		log.Info().Uint64("epoch", epoch).Int("meetings", p.Ledger.Count()).Dur("took", time.Since(began)).Msg("deciding for the pool")
		ready()
	}
	parts := p.decides()
	if life, is := p.mirror.Doubtful(ctx); is {
		parts = append(parts, sure{p, life, begin})
	} else {
		begin()
	}
	return api.Run(ctx, parts...)
}

// sureWithin bounds how long the servers are asked before a leader decides: who waits for it has 5 s.
const sureWithin = time.Second

// sure has all servers asked for their meetings before this instance decides: claims may be missing in the store, and nobody is
// left who knows of them (store/mirror).
type sure struct {
	pool  *Pool
	life  string // of the database that is in doubt
	begin func()
}

// Run begins the term once all have answered, or were given the time to.
func (s sure) Run(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, sureWithin)
	all := s.pool.Poller.Sweep(asking)
	cancel()
	if ctx.Err() == nil {
		s.begin()
	}
	if all {
		if err := s.pool.mirror.Vouch(ctx, s.life); err != nil {
			log := s.pool.log("instances")
			log.Info().Err(err).Msg("the next leader asks all servers again")
		}
	}
	<-ctx.Done()
	return nil
}
