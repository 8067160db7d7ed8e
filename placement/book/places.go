package book

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// places are the servers, the meetings, and which of them is where.
type places struct {
	pages     map[string]*page // by server
	order     []*page          // by ID, so that a decision depends on nothing but what is known
	meetings  map[store.MeetingKey]*meeting
	live      map[forecast.Room]int // meetings by room
	breakouts int                   // meetings that are breakout rooms
	tenants   quota.Tenants         // what each of them has
	ids       index                 // meetings by the ID that servers know them by
	voices    index                 // and by their voice bridge
}

func newPlaces() places {
	w := places{
		pages: map[string]*page{}, meetings: map[store.MeetingKey]*meeting{}, live: map[forecast.Room]int{},
		tenants: quota.Tenants{},
	}
	w.ids, w.voices = w.newIndex(store.Claim.OnServer), w.newIndex(func(c store.Claim) string { return c.Voice })
	return w
}

// add enters a meeting that is new.
func (w *places) add(r forecast.Room, s stay) *meeting {
	m := &meeting{stay: s, room: r, tenant: w.tenants.Of(s.claim.Tenant)}
	w.meetings[s.claim.MeetingKey] = m
	w.live[r]++
	w.count(m, 1)
	w.attach(m)
	return m
}

// move gives a meeting another stay, on the page of its server.
func (w *places) move(m *meeting, s stay) {
	if m.page != nil {
		m.page.detach(m)
	}
	w.count(m, -1)
	m.stay = s
	w.count(m, 1)
	w.attach(m)
}

// rename gives a meeting the claim that stands now, of the same stay.
func (w *places) rename(m *meeting, c store.Claim) {
	w.count(m, -1)
	m.claim = c
	w.count(m, 1)
}

// attach puts a meeting on the page of its server, if that is in the pool.
func (w *places) attach(m *meeting) {
	if p, ok := w.pages[m.claim.Server]; ok {
		p.attach(m)
	}
}

// drop forgets a meeting. One that no server ever had was not begun either.
func (w *places) drop(m *meeting) {
	if m.claim.InternalID == "" {
		m.tenant.Begun.Remove(m.begun)
	}
	if m.page != nil {
		m.page.detach(m)
	}
	delete(w.meetings, m.claim.MeetingKey)
	w.count(m, -1)
	if w.live[m.room]--; w.live[m.room] == 0 {
		delete(w.live, m.room)
	}
}

// count counts a meeting for its tenant, or no more, and enters the names that no other may have meanwhile.
func (w *places) count(m *meeting, n int) {
	w.tally(m, n)
	if n > 0 {
		w.ids.Enter(m)
		w.voices.Enter(m)
		return
	}
	w.ids.Leave(m)
	w.voices.Leave(m)
}

// tally counts a meeting for its tenant, or no more.
func (w *places) tally(m *meeting, n int) {
	if m.claim.Breakout {
		w.breakouts += n
		m.tenant.Breakouts += n
	} else {
		m.tenant.Meetings += n
	}
	m.tenant.People += n * m.known()
}

// addServer enters a server, with the meetings that are claimed on it already.
func (w *places) addServer(p *page) {
	w.pages[p.ID] = p
	at, _ := slices.BinarySearchFunc(w.order, p.ID, func(p *page, id string) int { return strings.Compare(p.ID, id) })
	w.order = slices.Insert(w.order, at, p)
	for _, m := range w.claimedOn(p.ID) {
		p.attach(m)
	}
}

// removeServer forgets a server. Claims on it stand, on no page.
func (w *places) removeServer(p *page) {
	delete(w.pages, p.ID)
	w.order = slices.DeleteFunc(w.order, func(other *page) bool { return other == p })
	for _, m := range p.meetings {
		p.detach(m)
	}
}

// claimedOn returns the meetings that are claimed on a server, whether it is in the pool or not. They come in one order
// whoever asks, so that sums come out alike in every book.
func (w *places) claimedOn(server string) (list []*meeting) {
	for _, m := range w.meetings {
		if m.claim.Server == server {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(x, y *meeting) int { return CompareKeys(x.claim.MeetingKey, y.claim.MeetingKey) })
	return list
}

// byInternalID returns the meeting of a tenant that has that ID on its server, the one that was placed last if there are
// several, or nil. Of several that were placed at once it is the same one in every book.
func (w *places) byInternalID(tenant, internalID string, breakouts bool) (last *meeting) {
	for key, m := range w.meetings {
		if key.Tenant == tenant && internalID != "" && m.claim.InternalID == internalID && (m.claim.Breakout || !breakouts) &&
			(last == nil || m.placedAfter(last)) {
			last = m
		}
	}
	return last
}

func (m *meeting) placedAfter(other *meeting) bool {
	return cmp.Or(m.claim.Placed.Compare(other.claim.Placed), CompareKeys(other.claim.MeetingKey, m.claim.MeetingKey)) > 0
}

// CompareKeys is the order of meetings: by tenant and ID.
func CompareKeys(a, b store.MeetingKey) int {
	return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.MeetingID, b.MeetingID))
}
