package hooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/callbacks/hooks/event"
	"github.com/bbbpool/bbbpool/store"
)

// unknownFor is how long a server is asked to come again with what is about a meeting that nobody knows.
const unknownFor = 25 * time.Second

// maxTaken is what a delivery may become, in bytes: front ends read their own addresses in the place of ours, which may be
// longer.
const maxTaken = 4 * maxBody

// owner is whose an event is.
type owner struct {
	key   store.MeetingKey // of the meeting, or of the parent of a breakout room
	room  string           // the ID of the breakout room; "" where it is none
	alias string           // by which the server knows the meeting; "" where that is the front end's own ID
	back  *store.Back
}

var (
	// errUnknown is that nobody knows the meeting of an event.
	errUnknown = errors.New("no such meeting")
	// errNotRead is that it is not known yet which hooks there are.
	errNotRead = errors.New("the webhooks were not read yet")
)

// take adds what a server has delivered to the outbox, for each hook that wants it. When it returns without an error, and not
// early, that is durable.
func (h *Hooks) take(ctx context.Context, place address.Place, form string) (outcome string, err error) {
	text, ok := eventOf(form)
	if !ok {
		return outcomeMalformed, nil
	}
	events, err := event.Read(text)
	if err != nil {
		return outcomeMalformed, nil //nolint:nilerr // it will never be better
	}
	if h.known.Load() == nil {
		return "", errNotRead
	}
	outcome = outcomeUnwanted
	var rows []store.Callback
	size := 0
	for _, e := range events {
		of, err := h.owner(ctx, place.Server, e)
		switch {
		case errors.Is(err, errUnknown) && h.memory.early(place.Server, e.Internal, h.Now()):
			return outcomeEarly, nil
		case errors.Is(err, errUnknown):
			outcome = outcomeUnknown
			continue
		case err != nil:
			return "", err
		}
		list, err := h.rows(place, of, e)
		if err != nil {
			return outcomeMalformed, nil //nolint:nilerr // it will never be better
		}
		if rows = append(rows, list...); len(list) > 0 {
			size += len(list[0].Body) // which they share
		}
		if size > maxTaken {
			return outcomeLarge, nil
		}
	}
	if len(rows) == 0 {
		return outcome, nil
	}
	return h.add(ctx, rows)
}

// add writes rows, as far as there is room for them: in a hook, and with its tenant. One that has none left costs no other what
// has come along.
func (h *Hooks) add(ctx context.Context, rows []store.Callback) (string, error) {
	of := map[string]sum{}
	rows = slices.DeleteFunc(rows, func(c store.Callback) bool {
		full := h.Outbox.OfHook(c.Hook) >= maxWaiting
		if full {
			h.counts.add(outcomeFull)
			return true
		}
		s := of[c.Tenant]
		of[c.Tenant] = sum{s.rows + 1, s.bytes + int64(len(c.Body)+len(c.URL))}
		return false
	})
	for tenant, s := range of {
		if !h.Outbox.RoomFor(tenant, s.rows, s.bytes) {
			rows = slices.DeleteFunc(rows, func(c store.Callback) bool { return c.Tenant == tenant })
		}
	}
	if len(rows) == 0 {
		return outcomeFull, nil
	}
	if err := h.Index.AddCallbacks(ctx, rows...); err != nil {
		return "", err
	}
	h.Outbox.Nudge()
	return outcomeTaken, nil
}

// sum is what a delivery has for one tenant.
type sum struct {
	rows  int
	bytes int64
}

// rows are an event for each hook that wants it. Mapped events come over one relay and raw ones over the other.
func (h *Hooks) rows(place address.Place, of owner, e event.Event) (rows []store.Callback, err error) {
	raw := place.MeetingID == rawPlace
	var body []byte
	for _, hook := range h.all().byTenant[of.key.Tenant] {
		if hook.Raw != raw || !wants(hook, of, e) {
			continue
		}
		if body == nil {
			if body, err = e.For(h.front(of)); err != nil {
				return nil, err
			}
		}
		rows = append(rows, h.row(hook, place.Server, of, e, body))
	}
	return rows, nil
}

// wants tells whether a hook is to hear of an event, but for whether it is raw. Raw events have no ID: who asks for some IDs and
// for raw events gets none, as with bbb-webhooks.
func wants(hook store.Hook, of owner, e event.Event) bool {
	meant := hook.MeetingID == "" || hook.MeetingID == of.key.MeetingID || of.room != "" && hook.MeetingID == of.room
	return meant && (len(hook.Events) == 0 || e.ID != "" && slices.Contains(hook.Events, e.ID))
}

func (h *Hooks) row(hook store.Hook, server string, of owner, e event.Event, body []byte) store.Callback {
	sum := sha256.Sum256([]byte(server + "\x00" + string(e.JSON)))
	subject := cmp.Or(e.ID, "raw")[:min(len(cmp.Or(e.ID, "raw")), 64)] + " " + hex.EncodeToString(sum[:16])
	now := h.clock.next(h.Now())
	return store.Callback{
		ID: store.CallbackID(store.CallbackEvent, subject, hook.ID), Kind: store.CallbackEvent, Tenant: hook.Tenant,
		MeetingID: of.key.MeetingID, Subject: subject, URL: hook.URL, Hook: hook.ID, Signer: hook.Signer, Body: body,
		Created: now, Changed: now, State: store.CallbackWaiting,
	}
}

// front is what a front end is to read in the place of what is ours.
func (h *Hooks) front(of owner) event.Front {
	f := event.Front{MeetingID: of.key.MeetingID, Original: func(value string) (string, bool, bool) {
		p, err := h.Seal.Read(value)
		if err != nil {
			return "", false, false
		}
		original, ok := originally(p, of.back)
		return original, ok, true
	}}
	if of.room == "" {
		f.Alias = of.alias
	}
	if of.back != nil {
		for _, m := range of.back.Meta {
			f.Meta = append(f.Meta, [2]string{m.Name, m.Value})
		}
	}
	return f
}

// originally is what the front end has given where a server was given an address of ours.
func originally(p address.Place, back *store.Back) (string, bool) {
	if back == nil {
		return "", false
	}
	switch p.Kind {
	case address.Marks:
		return back.Of(store.MetaEnd)
	case address.Analytics:
		return back.Of(store.MetaAnalytics)
	case address.Ready:
		return back.Ready(), back.Ready() != ""
	case address.Ended:
		return back.Ended, back.Ended != ""
	case address.Event:
	}
	return "", false
}

// owner finds out whose an event is.
func (h *Hooks) owner(ctx context.Context, server string, e event.Event) (owner, error) {
	if e.Internal == "" {
		return owner{}, errUnknown
	}
	if of, ok := h.memory.get(server, e.Internal); ok {
		return of, nil
	}
	if h.memory.looked(server, e, h.Now()) {
		return owner{}, errUnknown
	}
	of, err := h.find(ctx, server, e)
	if err == nil {
		h.memory.put(server, e.Internal, of)
	}
	return of, err
}

// find looks for the meeting of an event: among those that go on, by the server's ID; among those of the past; among those that
// are being created, by the ID that the server was given; and, for a breakout room, for its parent.
func (h *Hooks) find(ctx context.Context, server string, e event.Event) (owner, error) {
	for _, m := range h.Ledger.Meetings() {
		if m.Server == server && m.InternalID == e.Internal {
			return h.ofClaim(ctx, m.Claim), nil
		}
	}
	s, err := h.Index.Session(ctx, e.Internal)
	switch {
	case err == nil && s.Server == server:
		return h.ofSession(ctx, s, e), nil
	case err == nil:
		return owner{}, errUnknown // what a server says of another's meeting is nobody's
	case !errors.Is(err, store.ErrNotFound):
		return owner{}, err
	}
	if e.Parent != "" && e.Parent != e.Internal {
		of, err := h.owner(ctx, server, event.Event{Internal: e.Parent})
		of.room = cmp.Or(e.External, e.Internal)
		return of, err
	}
	found, err := h.Ledger.OnServers(e.External)
	if e.External != "" && err == nil && found.Claim.Server == server && found.Claim.InternalID == "" {
		return h.ofClaim(ctx, found.Claim), nil
	}
	return owner{}, errUnknown
}

// ofClaim is the owner of a meeting that goes on. A breakout room is its parent's, as far as a poll has seen that.
func (h *Hooks) ofClaim(ctx context.Context, c store.Claim) owner {
	of := owner{key: c.MeetingKey, alias: c.Alias, back: c.Back}
	if !c.Breakout {
		return of
	}
	of.room = c.MeetingID
	if h.Seen == nil {
		return of
	}
	m, ok := h.Seen(c.Server, c.MeetingKey)
	if !ok || m.ParentID == "" || m.ParentID == c.InternalID {
		return of
	}
	if parent, ok := h.parent(ctx, c.Server, m.ParentID); ok && parent.key.Tenant == c.Tenant {
		parent.room = c.MeetingID
		return parent
	}
	return of
}

// parent is whose the meeting is that a server calls the parent of a breakout room. It asks for the parent of none: there are no
// rooms of rooms, and a server could have us go round in circles.
func (h *Hooks) parent(ctx context.Context, server, internal string) (owner, bool) {
	if of, ok := h.memory.get(server, internal); ok {
		return of, of.room == ""
	}
	for _, m := range h.Ledger.Meetings() {
		if m.Server == server && m.InternalID == internal {
			return owner{key: m.MeetingKey, alias: m.Alias, back: m.Back}, !m.Breakout
		}
	}
	s, err := h.Index.Session(ctx, internal)
	if err != nil || s.Server != server {
		return owner{}, false
	}
	return h.ofSession(ctx, s, event.Event{Internal: internal}), true
}

// ofSession is the owner of a meeting that is over, of which the history has a hash of the front end's ID alone: what is said of
// that is believed where the hash is the same.
func (h *Hooks) ofSession(ctx context.Context, s store.Session, e event.Event) owner {
	of := owner{key: store.MeetingKey{Tenant: s.Tenant, MeetingID: e.External}, back: s.Back}
	unscoped, _ := strings.CutPrefix(e.External, s.Tenant+"_")
	candidates := []string{e.External, unscoped, e.Named}
	if r, err := h.Index.Recording(ctx, e.Internal); err == nil && r.Tenant == s.Tenant {
		candidates = append(candidates, r.MeetingID)
	}
	for _, id := range candidates {
		if id == "" || h.Ledger.Hash(store.MeetingKey{Tenant: s.Tenant, MeetingID: id}) != s.Meeting {
			continue
		}
		of.key.MeetingID = id
		if id != e.External {
			of.alias = e.External
		}
		return of
	}
	return of
}

// memory knows whose the meetings of late are, for events of one come in great numbers, and which meetings nobody knows.
type memory struct {
	mu      sync.Mutex
	now     map[string]owner
	before  map[string]owner
	unknown map[string]time.Time // since when it is asked for
	last    map[string]time.Time // when it was looked for
}

// lookPause is between two looks for one meeting. A server that others use, too, tells of their meetings all the time, and a look
// goes through all of ours.
const lookPause = 200 * time.Millisecond

// looked tells whether a meeting was looked for a moment ago; where it was not, it is now. By another ID that servers have for it
// it may be found.
func (m *memory) looked(server string, e event.Event, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := strings.Join([]string{server, e.Internal, e.External, e.Parent}, "\x00")
	if last, ok := m.last[id]; ok && now.Sub(last) >= 0 && now.Sub(last) < lookPause {
		return true
	}
	if m.last == nil || len(m.last) >= maxMemory {
		m.last = map[string]time.Time{}
	}
	m.last[id] = now
	return false
}

// maxMemory is how many meetings are remembered, twice.
const maxMemory = 5000

func (m *memory) get(server, internal string) (owner, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := server + "\x00" + internal
	if of, ok := m.now[id]; ok {
		return of, true
	}
	of, ok := m.before[id]
	return of, ok
}

func (m *memory) put(server, internal string, of owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil || len(m.now) >= maxMemory {
		m.before, m.now = m.now, map[string]owner{}
	}
	m.now[server+"\x00"+internal] = of
}

// early tells whether it is too early to say that a meeting is nobody's.
func (m *memory) early(server, internal string, now time.Time) bool {
	if internal == "" {
		return false // it is about none
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := server + "\x00" + internal
	since, asked := m.unknown[id]
	if !asked {
		if m.unknown == nil || len(m.unknown) >= maxMemory {
			m.unknown = map[string]time.Time{}
		}
		since = now
		m.unknown[id] = now
	}
	return now.Sub(since) < unknownFor
}
