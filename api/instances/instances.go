// Package instances makes one pool of several processes: one of them, the leader, decides; the others, the followers, know
// what it knows and hand on to it what they must not decide. It owns the lease by which one leads, who else there is, the
// connection between them, and what goes over it: the leader's news, the followers' reports, and requests.
//
// It knows no part of the pool. Parts are given to it by name, with what they tell and hear; what runs while this instance leads
// is one function; what answers a request that was handed on is one handler. It never reads or writes a record of the pool.
//
// # Design
//
// This is how Vault's standbys and rqlite's followers work, with the lease in Redis in the place of consensus among the
// instances: a pool of two must survive either, and Redis is there anyway. What a leader does that is none any more is not
// prevented here alone, for a process that was stopped believes what it believed: each write is compared with the lease where
// it is written.
package instances

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/lease"
	"github.com/bbbpool/bbbpool/api/instances/peers"
	"github.com/bbbpool/bbbpool/api/instances/relay"
	"github.com/bbbpool/bbbpool/api/instances/stream"
	"github.com/bbbpool/bbbpool/store"
)

// Parts are what an instance is made of.
type Parts struct {
	Config    Config
	Data      string // the data directory
	Version   string // of the program
	Schema    int    // the highest one of the records that it knows
	Index     string // names where recordings and history are, the same at all that share them; "" where that is not known
	IndexID   string // what those say that they are, whatever they are called; "" where that is not known
	MaxBody   int64  // the largest body that a front end may send, in bytes
	Leases    store.Leases
	Instances store.Instances
	Keys      peers.Keys
	Dial      peers.Dial // how connections to others are opened; as usual if nil
	Log       zerolog.Logger
}

// Instance is this process, as one of several. What it is given with News, Reports, Lead and Serve it has to be given before
// it runs.
type Instance struct {
	parts   Parts
	id      string
	started time.Time
	keeper  *lease.Keeper
	who     *peers.Identity
	server  *peers.Server
	client  *http.Transport // for what is short: reports, and how others are
	handing *http.Transport // for what is handed on, and may take long
	streams *http.Transport // for the news, which waits behind neither
	hub     *stream.Hub
	feed    *stream.Feed
	reports *stream.Reporter
	relay   *relay.Relay
	members members

	requests requests
	problems func(ctx context.Context) []string
	leaving  atomic.Bool
	start    start

	mu    sync.Mutex
	since time.Time // when a living leader was last known; zero before the first
	lost  reach     // of this instance to itself
}

// waitForLeader is how long a request waits for an instance that decides: as long as a create may.
const waitForLeader = 5 * time.Second

// openTime is how long the shared store may take to tell the key of the instances.
const openTime = 10 * time.Second

// Open makes an instance that is listened to, and runs nothing yet. Whoever opens it runs it, or closes it.
func Open(ctx context.Context, p Parts) (*Instance, error) {
	i := &Instance{parts: p, id: newID(), started: time.Now(), who: &peers.Identity{Keys: p.Keys}}
	opening, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if err := i.who.Refresh(opening); store.Ignore(err, store.ErrAway) != nil { // while that is so nobody can be talked to
		return nil, err
	}
	i.client, i.handing, i.streams = peers.Transport(i.who, p.Dial), peers.Transport(i.who, p.Dial), peers.Transport(i.who, p.Dial)
	i.keeper = &lease.Keeper{ID: i.id, Dir: p.Data, Leases: p.Leases, Time: p.Config.Lease, Log: p.Log}
	if err := i.keeper.Open(); err != nil {
		return nil, err
	}
	i.hub = &stream.Hub{Parts: map[string]stream.News{}, Mine: i.keeper.Mine, Log: p.Log}
	i.keeper.Told, i.keeper.Alone, i.keeper.Yields = i.hub.Bye, i.Alone, i.yields
	i.feed = &stream.Feed{Parts: i.hub.Parts, ID: i.id, Epochs: i.keeper, Client: i.streams, Log: p.Log}
	i.reports = &stream.Reporter{
		Parts: map[string]stream.Reports{}, ID: i.id, Epochs: i.keeper, Leading: i.keeper.Leading, Client: i.client, Log: p.Log,
	}
	i.reports.Open()
	i.relay = &relay.Relay{
		ID: i.id, Leaders: i.keeper, Client: i.handing, MaxBody: p.MaxBody, Wait: waitForLeader, Heard: i.feed.Heard,
		Log: p.Log,
	}
	i.members = members{Instance: i}
	err := i.apart(ctx)
	if store.Ignore(err, errUnseen) != nil {
		return nil, err
	}
	if i.server, err = peers.Listen(ctx, p.Config.listen(), i.who, i.routes(), p.Log); err != nil {
		return nil, err
	}
	i.keeper.Address = p.Config.address(i.server.Addr())
	return i, nil
}

// newID names a process. It is never that of another one, nor of this machine's last: what one has promised, no other keeps.
func newID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}
	if host = strings.Map(plain, host); host == "" || len(host) > 40 {
		host = "instance"
	}
	return host + "-" + hex.EncodeToString(b[:])
}

// ID names this process among the instances.
func (i *Instance) ID() string { return i.id }

// Word is what this process proves by that it was at a place: others know it.
func (i *Instance) Word() string { return word(i.started) }

func word(started time.Time) string { return strconv.FormatInt(started.UnixMilli(), 10) }

// settled is how long an instance has had the time to be everywhere.
const settled = 30 * time.Second

// Words are those of the other instances that have been there for a while, by their IDs.
func (i *Instance) Words() map[string]string {
	words := map[string]string{}
	list, _ := i.members.known()
	for _, one := range list {
		if one.ID != i.id && time.Since(one.Started) > settled {
			words[one.ID] = word(one.Started)
		}
	}
	return words
}

// Address is where others reach this one.
func (i *Instance) Address() string { return i.keeper.Address }

// News gives it a part that tells and hears what goes from the leader to followers.
func (i *Instance) News(name string, part stream.News) { i.hub.Parts[name] = part }

// Reports gives it a part that takes what followers notice.
func (i *Instance) Reports(name string, part stream.Reports) { i.reports.Parts[name] = part }

// Report returns what a part tells its like in the leader by, which may be here. It does not wait for another instance.
func (i *Instance) Report(name string) func(frame []byte) { return i.reports.Report(name) }

// Lead gives it what runs while it leads, until ctx ends. ready is to be called as soon as decisions can be made. An error
// gives the lead to others.
func (i *Instance) Lead(term func(ctx context.Context, epoch uint64, ready func()) error) {
	i.keeper.Term = func(ctx context.Context, t lease.Tenure) error {
		release := i.feed.Hold() // from here on nothing is heard: what was heard is what this instance begins with
		defer release()
		return term(ctx, t.Epoch, t.Ready)
	}
}

// WasAlone tells it whether no other instance was there when an earlier process of this data directory could last see that. It
// counts until this process can.
func (i *Instance) WasAlone(alone bool) { i.members.was.Store(alone) }

// Blank tells it how to find out whether this instance knows nothing of what the pool has, not even from a copy. Where others are
// there, or cannot have said so yet, it leaves what has vanished to them first.
func (i *Instance) Blank(blank func() bool) {
	i.keeper.Blank = func() bool {
		return blank() && (!i.members.alone() || i.keeper.Time < 2*announceEvery)
	}
}

// Serve gives it what answers requests that others hand on, and what is wrong here, in words.
func (i *Instance) Serve(here http.Handler, problems func(context.Context) []string) {
	i.relay.Here, i.problems = here, problems
}

// routes are what other instances can ask.
func (i *Instance) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+stream.Path, i.hub)
	mux.Handle("POST "+stream.ReportsPath, i.reports)
	mux.HandleFunc("POST "+stream.HeardPath, i.hub.ServeHeard)
	mux.Handle(relay.Path, i.relay)
	mux.HandleFunc("GET "+statePath, i.serveState)
	mux.HandleFunc("GET "+selfPath, i.serveSelf)
	mux.HandleFunc("POST "+stepDownPath, i.serveStepDown)
	return mux
}

// Close gives the address back if it never ran.
func (i *Instance) Close() error { return i.server.Close() }

// Run is this instance among others, until ctx ends: it is listened to, follows whoever leads, and reports.
func (i *Instance) Run(ctx context.Context) error {
	defer i.client.CloseIdleConnections()
	defer i.handing.CloseIdleConnections()
	defer i.streams.CloseIdleConnections()
	runs := []func(context.Context) error{i.server.Run, i.feed.Run, i.reports.Run, i.members.run, i.lookAtSelf}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, len(runs))
	for _, run := range runs {
		go func() {
			failed <- run(ctx)
			stop()
		}()
	}
	var errs []error
	for range runs {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// Runner is a part of what runs.
type Runner func(ctx context.Context) error

// Run runs it.
func (r Runner) Run(ctx context.Context) error { return r(ctx) }

// Keeper leads when it can, until ctx ends. Then the lease is given back.
func (i *Instance) Keeper() Runner { return i.keeper.Run }

// Handover hands the lead on when ctx ends, if there is anybody to take it: so that what asks this instance until it has ended
// is answered by the next leader. Where there is nobody, this instance leads to its end.
func (i *Instance) Handover() Runner {
	return func(ctx context.Context) error {
		<-ctx.Done()
		i.leaving.Store(true)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitForLeader)
		defer cancel()
		if !i.keeper.Leading() || !i.members.others(end) {
			return nil
		}
		_ = i.keeper.StepDown(end, i.requests.settle) // it does not lead any more
		i.awaitLeader(end)
		return nil
	}
}

// awaitLeader waits until another instance leads.
func (i *Instance) awaitLeader(ctx context.Context) bool {
	for {
		l, changed := i.keeper.Leader()
		if l.Holder != "" && l.Holder != i.id {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
