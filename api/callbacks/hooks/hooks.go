// Package hooks is webhooks through the pool: front ends register them here as with bbb-webhooks, and hear of what happens in
// their own meetings, on whatever server these are.
//
// It owns the registry of hooks, the relays (hooks of ours at the servers, one for mapped events and one for raw ones, where
// anybody wants these), what is believed of what servers tell, whose it is, and how it is signed for a front end. It never calls
// a front end: events are rows of the outbox, which asks here how to send them. It decides about no meeting.
//
// # Where it happens
//
// One instance, the leader, registers hooks and relays and takes events in; others hand on to it, and know the registry well
// enough to list it. So events are told in the order in which they came.
//
// # Whose an event is
//
// A claim stands before a server is asked to create its meeting, so that what a server tells before it has answered finds its
// meeting. What is about a meeting that nobody knows is answered 503 for [unknownFor], and bbb-webhooks tells it again within
// fractions of a second, then seconds: until then the create is answered, or a poll has found the meeting. After that it is
// nobody's. So nothing waits here that a crash could lose.
//
// # What is kept
//
// Session tokens are taken out of events before anything is written: with one, whoever reads it is the person that it was given
// to. What else events tell of people is in the rows until they are delivered or dropped, and in no log.
package hooks

import (
	"context"
	"crypto/sha1" //nolint:gosec // what IDs are made with that name something
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// MaxPerTenant is how many hooks a tenant may have.
	MaxPerTenant = 1000
	// MaxURL is how long their addresses may be, in bytes.
	MaxURL = 4 << 10
	// maxWaiting is how many events may wait for one hook. What is more is dropped, so that one that hangs fills no outbox.
	maxWaiting = 10_000
)

// Why a hook is not registered.
var (
	// ErrTooMany is that a tenant has as many as it may.
	ErrTooMany = fmt.Errorf("a tenant may have %d webhooks", MaxPerTenant)
	// ErrTooLong is that an address, or the list of events, is too long.
	ErrTooLong = fmt.Errorf("the address of a webhook may have %d bytes", MaxURL)
)

// Server is a server of the pool.
type Server struct {
	ID       string
	Client   *bbb.Client
	Online   bool // it answers
	Disabled bool // it is not used at all
}

// Outbox is where events wait until they are delivered.
type Outbox interface {
	// RoomFor tells whether so many rows of a tenant, with so many bytes, fit. It has to leave some to others.
	RoomFor(tenant string, rows int, bytes int64) bool
	// OfHook is how many wait for a hook.
	OfHook(id string) int
	// Nudge says that rows were added.
	Nudge()
}

// Ledger knows which meetings there are.
type Ledger interface {
	// Meetings returns all of them.
	Meetings() []placement.Info
	// OnServers returns the meeting that servers know by an ID, or an error where there is none.
	OnServers(id string) (placement.Found, error)
	// Hash names a room in the history.
	Hash(key store.MeetingKey) string
}

// Index is what is read and written of the large half of the records.
type Index interface {
	store.Hooks
	// AddCallbacks adds rows to the outbox, each unless there is one by that ID.
	AddCallbacks(ctx context.Context, list ...store.Callback) error
	// Session returns a past meeting by the server's ID, or store.ErrNotFound.
	Session(ctx context.Context, id string) (store.Session, error)
	// Recording returns a recording, or store.ErrNotFound.
	Recording(ctx context.Context, recordID string) (store.Recording, error)
}

// Elsewhere is the rest of several instances, of which one, the leader, takes events in.
type Elsewhere interface {
	// Leading tells whether this instance decides.
	Leading() bool
	// HandOn hands a request to the leader, and writes the answer. It returns false where there is none: then nothing was
	// written.
	HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool
}

// Parts are what webhooks are made of. Their zero values are not good, but for those that say so.
type Parts struct {
	Index   Index
	Ledger  Ledger
	Outbox  Outbox
	Seal    *address.Sealer
	Base    func() string   // what addresses for servers begin with; "" where the pool has none
	Domain  func() string   // the pool's public host, as events name it
	Servers func() []Server // those of the pool
	// Record returns a server with its secrets, or store.ErrNotFound.
	Record func(ctx context.Context, id string) (store.Server, error)
	// Seen is a meeting as a poll has seen it; nil where nobody polls.
	Seen func(server string, key store.MeetingKey) (bbb.Meeting, bool)
	// Algorithms are those that front ends may sign with; none is all.
	Algorithms []bbb.Algorithm
	Elsewhere  Elsewhere // nil where there is but one instance
	Changed    func()    // has other instances read the hooks again; nil where there are none
	Now        func() time.Time
	Log        zerolog.Logger

	Every time.Duration // between two looks at a server's hooks; 0 is a minute
	Pulse time.Duration // between two looks at which servers there are; 0 is a second
}

// Hooks are the webhooks of a pool. Their methods are safe for concurrent use.
type Hooks struct {
	Parts

	known    atomic.Pointer[known] // nil until the hooks were read
	changing sync.Mutex            // held by the one that makes or removes a hook
	relays   relays
	memory   memory
	counts   counts
	lost     lost
	clock    clock
	places   places
}

// New makes the webhooks of a pool. They are read by Load.
func New(p Parts) *Hooks {
	h := &Hooks{Parts: p, places: newPlaces()}
	h.counts.of = map[string]uint64{}
	h.relays.open(h)
	return h
}

// known is the hooks as they were last read.
type known struct {
	byID     map[string]store.Hook
	byTenant map[string][]store.Hook // in the order of their creation
	want     wanted
}

// Load reads the hooks again.
func (h *Hooks) Load(ctx context.Context) error {
	list, err := h.Index.Hooks(ctx)
	if err != nil {
		return fmt.Errorf("read the webhooks: %w", err)
	}
	h.keep(list)
	return nil
}

func (h *Hooks) keep(list []store.Hook) {
	k := &known{byID: map[string]store.Hook{}, byTenant: map[string][]store.Hook{}}
	for _, one := range list {
		k.byID[one.ID] = one
		k.byTenant[one.Tenant] = append(k.byTenant[one.Tenant], one)
		k.want.raw = k.want.raw || one.Raw
		k.want.mapped = k.want.mapped || !one.Raw
	}
	for _, own := range k.byTenant {
		slices.SortStableFunc(own, func(a, b store.Hook) int { return a.Created.Compare(b.Created) })
	}
	if before := h.known.Swap(k); before == nil || before.want != k.want {
		h.relays.nudge()
	}
}

// all is the hooks as they were last read; none before they were.
func (h *Hooks) all() *known {
	if k := h.known.Load(); k != nil {
		return k
	}
	return &known{}
}

// Of returns the hooks of a tenant; of a meeting those that hear of it: that are for it, and for all meetings.
func (h *Hooks) Of(tenant, meetingID string) (list []store.Hook) {
	for _, one := range h.all().byTenant[tenant] {
		if meetingID == "" || one.MeetingID == "" || one.MeetingID == meetingID {
			list = append(list, one)
		}
	}
	return list
}

// List is Of for whoever has to know that there are no others: hooks that were not read yet, right after the start or while the
// index is away, are read first.
func (h *Hooks) List(ctx context.Context, tenant, meetingID string) ([]store.Hook, error) {
	if h.known.Load() == nil {
		h.changing.Lock()
		defer h.changing.Unlock()
		if err := h.Load(ctx); err != nil {
			return nil, err
		}
	}
	return h.Of(tenant, meetingID), nil
}

// settleTime is how long whoever makes a hook waits for the first relay at servers that answer.
const settleTime = 3 * time.Second

// Create registers a hook, or returns the one that the tenant has for the address already. When it returns, servers that answer
// quickly have a relay: what happens from then on is told.
func (h *Hooks) Create(ctx context.Context, want store.Hook) (made store.Hook, duplicate bool, err error) {
	if len(want.URL) > MaxURL || len(strings.Join(want.Events, ",")) > MaxURL {
		return made, false, ErrTooLong
	}
	made, duplicate, err = h.create(ctx, want)
	if err != nil || duplicate {
		return made, duplicate, err
	}
	h.changed()
	wait, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	h.relays.settle(wait)
	return made, false, nil
}

func (h *Hooks) create(ctx context.Context, want store.Hook) (made store.Hook, duplicate bool, err error) {
	h.changing.Lock()
	defer h.changing.Unlock()
	if err := h.Load(ctx); err != nil {
		return made, false, err
	}
	own := h.Of(want.Tenant, "")
	if i := slices.IndexFunc(own, func(o store.Hook) bool { return o.URL == want.URL }); i >= 0 {
		return own[i], true, nil
	}
	if len(own) >= MaxPerTenant {
		return made, false, ErrTooMany
	}
	want.ID, want.Created = nameOf(want.Tenant, want.URL), h.clock.next(h.Now())
	if err := h.Index.CreateHook(ctx, want); errors.Is(err, store.ErrExists) { // another instance has led meanwhile
		return want, true, h.Load(ctx)
	} else if err != nil {
		return made, false, err
	}
	return want, false, h.Load(ctx)
}

// Destroy removes a hook of a tenant, or returns store.ErrNotFound. What waits for it is not sent any more.
func (h *Hooks) Destroy(ctx context.Context, tenant, id string) error {
	h.changing.Lock()
	defer h.changing.Unlock()
	if err := h.Load(ctx); err != nil {
		return err
	}
	if one, ok := h.all().byID[id]; !ok || one.Tenant != tenant {
		return store.ErrNotFound
	}
	if err := h.Index.DeleteHook(ctx, id); err != nil {
		return err
	}
	err := h.Load(ctx)
	h.changed()
	return err
}

// Forget removes all hooks of a tenant, which leaves: another one by its ID must not find them.
func (h *Hooks) Forget(ctx context.Context, tenant string) error {
	h.changing.Lock()
	defer h.changing.Unlock()
	if err := h.Load(ctx); err != nil {
		return err
	}
	for _, one := range h.Of(tenant, "") {
		if err := h.Index.DeleteHook(ctx, one.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	err := h.Load(ctx)
	h.changed()
	return err
}

func (h *Hooks) changed() {
	if h.Changed != nil {
		h.Changed()
	}
}

// nameSpace is where the IDs of hooks are unique: a UUID like any other.
const nameSpace = "\x52\x0e\x4d\x1c\x0d\x6b\x4c\x5e\x9a\x3f\x6b\x2d\x9e\x71\x0a\x44"

// nameOf is the ID of a hook, a UUID of tenant and address: two instances that register one address at once make one hook.
func nameOf(tenant, url string) string {
	sum := sha1.Sum([]byte(nameSpace + tenant + "\x00" + url)) //nolint:gosec // see the import
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// clock gives times of which none comes twice, so that rows have an order.
type clock struct {
	mu   sync.Mutex
	last time.Time
}

func (c *clock) next(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now = now.UTC().Truncate(time.Microsecond)
	if !now.After(c.last) {
		now = c.last.Add(time.Microsecond)
	}
	c.last = now
	return now
}
