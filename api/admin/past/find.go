// Package past finds what the records tell of meetings, and of people, and takes out of them what somebody wants forgotten.
//
// A meeting is found by any of the IDs that it has been told by: its front end's, its server's, that of its recording. What
// front ends call a meeting is kept as a keyed hash once it is over, so that ID is hashed once for each tenant and looked up;
// nothing is searched through. What holds texts, recordings and the audit log, is searched through when a person is to be
// forgotten, and then alone.
//
// The package never guesses: it removes what it is told to and has shown before, and says what it has no access to.
package past

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Ledger knows the meetings that go on, and by what the others are kept.
type Ledger interface {
	// Meetings returns all meetings.
	Meetings() []placement.Info
	// Hash returns the name of a room in the history.
	Hash(key store.MeetingKey) string
}

// Recordings finds recordings.
type Recordings interface {
	// Recordings returns one page of the selected recordings, and how many were selected over all pages.
	Recordings(ctx context.Context, f store.RecordingFilter) ([]store.Recording, int, error)
	// Recording returns one recording, deleted or not, or store.ErrNotFound.
	Recording(ctx context.Context, id string) (store.Recording, error)
	// Counts returns how many there are, by tenant and state.
	Counts(ctx context.Context) ([]store.RecordingCount, error)
}

// Finder finds meetings.
type Finder struct {
	Tenants    store.Tenants
	Ledger     Ledger
	Sessions   store.Sessions
	Recordings Recordings // nil in a pool without
}

// Found is a meeting, or what is left of it.
type Found struct {
	Tenant     string
	MeetingID  string // as its front end calls it; "" where that is not known
	InternalID string // as its server does; "" where no server has answered yet
	Server     string
	Start      time.Time
	End        time.Time // zero while it goes on
	Running    bool
	People     int // now
	Peak       int
	Joins      int
	Reason     string // why it is over
	Recorded   bool
	Recording  *store.Recording // nil for none
}

const (
	// perTenant is how many past meetings of one name are found of each tenant, the last ones.
	perTenant = 50
	// most is how many are found in all.
	most = 500
)

// Find returns the meetings that are called so by a front end, a server or a recording, the last one first. Tenant is whose
// they must be, "" for anybody's.
func (f *Finder) Find(ctx context.Context, tenant, id string) ([]Found, error) {
	tenants, err := f.tenants(ctx, tenant)
	if err != nil {
		return nil, err
	}
	s := search{finder: f, id: id, tenant: tenant, found: map[string]int{}}
	s.running()
	err = errors.Join(s.session(ctx), s.recording(ctx))
	for _, one := range tenants {
		if err == nil {
			err = errors.Join(s.sessionsOf(ctx, one), s.recordingsOf(ctx, one))
		}
	}
	if err == nil {
		err = s.complete(ctx)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.list, func(x, y Found) int {
		return cmp.Or(y.Start.Compare(x.Start), strings.Compare(x.Tenant, y.Tenant), strings.Compare(x.InternalID, y.InternalID))
	})
	return s.list[:min(len(s.list), most)], nil
}

// tenants are those that there are, and those that have recordings still: a tenant may have been removed since.
func (f *Finder) tenants(ctx context.Context, only string) (ids []string, err error) {
	if only != "" {
		return []string{only}, nil
	}
	list, err := f.Tenants.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	ids = []string{store.DefaultTenant} // which need not be stored
	for _, t := range list {
		ids = append(ids, t.ID)
	}
	if f.Recordings != nil {
		counts, err := f.Recordings.Counts(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range counts {
			ids = append(ids, c.Tenant)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// search is a search that goes on.
type search struct {
	finder *Finder
	id     string
	tenant string // whose it must be; "" for anybody's
	list   []Found
	found  map[string]int // where a meeting is in the list, by internal ID
}

// wants tells whether a tenant's meetings are asked for.
func (s *search) wants(tenant string) bool { return s.tenant == "" || s.tenant == tenant }

// add enters a meeting, or completes the one that is there. A crash may have left a claim of a meeting that is over.
func (s *search) add(m Found) {
	if i, known := s.found[m.InternalID]; known && m.InternalID != "" {
		if old := &s.list[i]; old.Tenant == m.Tenant {
			old.MeetingID = cmp.Or(old.MeetingID, m.MeetingID)
			old.Recording = cmp.Or(old.Recording, m.Recording)
			return
		}
	}
	s.found[m.InternalID] = len(s.list)
	s.list = append(s.list, m)
}

func (s *search) running() {
	for _, m := range s.finder.Ledger.Meetings() {
		if s.wants(m.Tenant) && (m.MeetingID == s.id || m.InternalID == s.id) {
			s.add(Found{
				Tenant: m.Tenant, MeetingID: m.MeetingID, InternalID: m.InternalID, Server: m.Server, Start: m.Placed, Running: true,
				People: m.People, Peak: m.Peak, Joins: m.Joins, Recorded: m.Recorded,
			})
		}
	}
}

func (s *search) session(ctx context.Context) error {
	one, err := s.finder.Sessions.Session(ctx, s.id)
	if err == nil && s.wants(one.Tenant) {
		s.add(ofSession(one, ""))
	}
	return store.Ignore(err, store.ErrNotFound)
}

func (s *search) sessionsOf(ctx context.Context, tenant string) error {
	room := s.finder.Ledger.Hash(store.MeetingKey{Tenant: tenant, MeetingID: s.id})
	list, err := s.finder.Sessions.MeetingSessions(ctx, tenant, room, perTenant)
	for _, one := range list {
		s.add(ofSession(one, s.id))
	}
	return err
}

func ofSession(s store.Session, meetingID string) Found {
	return Found{
		Tenant: s.Tenant, MeetingID: meetingID, InternalID: s.ID, Server: s.Server, Start: s.Start, End: s.End, Peak: s.Peak,
		Joins: s.Joins, Reason: s.Reason, Recorded: s.Recorded,
	}
}

func (s *search) recording(ctx context.Context) error {
	if s.finder.Recordings == nil {
		return nil
	}
	r, err := s.finder.Recordings.Recording(ctx, s.id)
	if err == nil && s.wants(r.Tenant) {
		s.add(ofRecording(r))
	}
	return store.Ignore(err, store.ErrNotFound)
}

func (s *search) recordingsOf(ctx context.Context, tenant string) error {
	if s.finder.Recordings == nil {
		return nil
	}
	list, _, err := s.finder.Recordings.Recordings(ctx, store.RecordingFilter{
		Tenant: tenant, MeetingIDs: []string{s.id}, Limit: perTenant,
	})
	for _, r := range list {
		s.add(ofRecording(r))
	}
	return err
}

// ofRecording is a meeting of which nothing is left but its recording.
func ofRecording(r store.Recording) Found {
	return Found{
		Tenant: r.Tenant, MeetingID: r.MeetingID, InternalID: r.RecordID, Server: r.Server, Start: r.Start, End: r.End,
		Peak: r.Participants, Recorded: true, Recording: &r,
	}
}

// complete looks for the recordings of what was found by other names. A recording that was given to another tenant is that
// tenant's, and not shown to who asks for one.
func (s *search) complete(ctx context.Context) error {
	for i := range s.list {
		m := &s.list[i]
		if s.finder.Recordings == nil || m.Recording != nil || m.InternalID == "" || i >= most {
			continue
		}
		r, err := s.finder.Recordings.Recording(ctx, m.InternalID)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case s.wants(r.Tenant):
			m.Recording, m.MeetingID = &r, cmp.Or(m.MeetingID, r.MeetingID)
		}
	}
	return nil
}
