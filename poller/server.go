package poller

import (
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/poller/seen"
	"github.com/bbbpool/bbbpool/store"
)

// server is one server of the pool. What is known of it is its state, which everybody looks at and changes with the lock
// alone; the methods of the state need none.
type server struct {
	*common

	id   string
	pool *pool
	wake chan struct{} // holds one element when the loop should look at its schedule again
	gone chan struct{} // closed when the server leaves the pool

	mu    sync.Mutex
	state state
}

// state is everything that is known of a server. It has no lock: it is inside a server, which has it.
type state struct {
	*common

	record   store.Server
	host     string      // of its address
	client   *bbb.Client // another one for every new address; nil once the server has left
	health   observed.Machine
	changed  chan struct{} // closed and replaced whenever the server begins or ceases to fail
	events   events
	schedule schedule
	traits   traits
	view     seen.View
	hearing  seen.Hearing
	news     counts // how often something has changed that is told where it is new
	told     bool   // the leader has told of it
}

func newServer(p *pool, record store.Server) *server {
	return &server{
		common: p.common, id: record.ID, pool: p, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		state: state{
			common: p.common, record: record, host: host(record.URL), client: p.client(record),
			health: observed.Machine{Is: Unknown}, changed: make(chan struct{}),
		},
	}
}

// same tells whether nothing about the server would be different with a record.
func (s *server) same(record store.Server) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.record == record
}

// set changes what is stored of the server, and tells the ledger.
func (s *server) set(record store.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	old, off := st.record, record.State == store.Disabled
	if s.pool.following.Load() {
		st.follow(record, s.pool.client)
		return
	}
	if off != st.disabled() || old.URL != record.URL || old.Checksum != record.Checksum || observed.Replaced(old, record) {
		st.replaceClient(s.pool.client(record))
	} else {
		st.rekey(record)
	}
	if off || old.URL != record.URL {
		st.view = seen.View{}
		st.news.meetings++
		st.news.copies++
	}
	st.record, st.host, st.schedule.due = record, host(record.URL), s.now()
	st.addChanges(old)
	s.ledger.SetServer(st.forLedger())
	s.touch()
}

// follow takes over what is stored of the server while another instance leads: how the server is by that, that one tells.
func (st *state) follow(record store.Server, newClient func(store.Server) *bbb.Client) {
	old := st.record
	if old.URL != record.URL || old.Checksum != record.Checksum || observed.Replaced(old, record) || st.client == nil {
		st.client = newClient(record)
	} else {
		switched := !record.Switched.IsZero() && !record.Switched.Equal(old.Switched)
		st.client.SetSecrets(bbb.Secret(record.Secret), bbb.Secret(record.Former), switched)
	}
	st.record, st.host = record, host(record.URL)
	st.ledger.SetServer(st.forLedger())
}

// takeOver begins a term. With what was heard of the server, one of so many, it is polled when it would have been, and not
// all that are late in the same instant. A ledger that follows is told of servers by another one, and by us from now on.
func (s *server) takeOver(heard bool, servers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, now := &s.state, s.now()
	s.ledger.SetServer(st.forLedger())
	if !heard {
		return
	}
	d := st.health.Pause(now, s.config.Thresholds())
	st.schedule.due = latest(st.schedule.began.Add(d+rand.N(d/10+1)), now.Add(rand.N(fresh(servers)+1)))
	st.hearing = seen.Hearing{}
	s.touch()
}

// leave ends what goes on with the server. Its poll is cut short, and whoever waits for it is told.
func (s *server) leave() {
	s.mu.Lock()
	s.state.replaceClient(nil)
	s.mu.Unlock()
	close(s.gone)
}

// host is the host of an address, "" where it has none.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// addChanges adds events of what people have changed about the server.
func (st *state) addChanges(old store.Server) {
	const follows = "; its health is unknown until it has answered"
	if old.URL != st.record.URL {
		st.addEvent(kindChanged, "its address is now "+brief(st.record.URL)+follows)
	}
	if observed.Replaced(old, st.record) {
		st.addEvent(kindChanged, "its secret is another one"+follows)
	} else if text := observed.Rekeyed(old, st.record); text != "" {
		st.addEvent(kindChanged, text)
	}
	if old.Checksum != st.record.Checksum {
		st.addEvent(kindChanged, "its checksums are made in another way"+follows)
	}
	if old.State != st.record.State {
		st.addEvent(kindState, string(st.record.State)+": "+decided[st.record.State])
	}
}

// decided says what follows from what people decided about a server.
var decided = map[store.ServerState]string{
	store.Enabled:  "it takes new meetings once it answers",
	store.Cordoned: "it takes no new meetings; those on it go on",
	store.Draining: "it takes no new meetings and is on its way out; those on it go on",
	store.Disabled: "it is not asked any more; what is on it is created elsewhere when somebody asks",
}

// replaceClient gives the server another client, with which it has to prove itself anew; nil where it leaves the pool.
// A poll with the former one is cut short.
func (st *state) replaceClient(client *bbb.Client) {
	st.client, st.health, st.traits = client, observed.Machine{Is: Unknown}, traits{}
	st.schedule.cutPoll()
	st.wakeWaiting()
}

// wakeWaiting wakes those that wait for the server to answer again.
func (st *state) wakeWaiting() {
	close(st.changed)
	st.changed = make(chan struct{})
}

func (st *state) disabled() bool { return st.record.State == store.Disabled }

func (st *state) failing() bool { return !st.health.Failing.IsZero() }

// forLedger is what the ledger is told of the server.
func (st *state) forLedger() placement.Server {
	return placement.Server{
		ID: st.record.ID, Weight: st.record.Weight, Capacity: st.record.Capacity, Hard: st.record.Hard,
		Tag: st.record.Tag, Standing: st.standing(), Slow: st.traits.slow.Level > observed.Brisk,
		Enabled: st.record.State == store.Enabled,
	}
}

// standing is what the server may be used for.
func (st *state) standing() placement.Standing {
	switch {
	case st.disabled() || st.health.Is == Offline:
		return placement.Gone
	case st.record.State == store.Cordoned || st.record.State == store.Draining:
		return placement.Held
	case st.health.Is == Online && st.traits.slow.Level < observed.Crawling:
		return placement.Open
	case !st.failing(): // not asked yet, on its way back, or slow beyond measure
		return placement.Unproven
	}
	return placement.Doubtful
}

// shown is the health that people are told, and why. A server that takes very long for its answers is called suspect, as
// new meetings avoid it as much, although none of its calls fails.
func (st *state) shown(now time.Time) (Health, string) {
	if st.health.Is == Online && st.traits.slow.Level == observed.Crawling {
		return Suspect, st.traits.slow.Words()
	}
	return st.health.Is, st.health.Why(now, st.config.Thresholds())
}
