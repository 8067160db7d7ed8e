package recordings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/store"
)

var (
	errDropped = errors.New("all that is in it was deleted here: bbbpool recording import --force brings it back")
	errSame    = errors.New("all that is in it is here already")
	errDeleted = errors.New("deleted here before")
)

// arrival is a recording as it has come, and where from.
type arrival struct {
	store.Recording
	force bool // although it was deleted
}

// commit stores recordings and job in one transaction, without those that were deleted here: a late archive must not
// bring them back.
func (s *Service) commit(
	ctx context.Context, job store.Job, staging string, found []store.Recording, force bool,
) (store.Job, error) {
	for {
		arrivals, err := s.arrivals(ctx, job, found, force)
		if err != nil {
			job.Recordings = recordIDs(found)
			return job, err
		}
		placing := job
		placing.State, placing.Staging, placing.Reason, placing.Changed = store.JobPlacing, staging, "", s.Now()
		placing.Recordings = slices.Sorted(maps.Keys(arrivals))
		err = s.commitAll(ctx, placing, arrivals)
		switch {
		case err == nil:
			return placing, nil
		case !errors.Is(err, errDeleted): // else deleted in this very moment: look again
			return job, err
		}
	}
}

// commitAll commits while nobody else works on any of the recordings.
func (s *Service) commitAll(ctx context.Context, placing store.Job, arrivals map[string]arrival) error {
	for _, id := range placing.Recordings {
		defer s.locks.Hold(id)()
	}
	_, err := s.Index.Commit(ctx, placing, placing.Recordings, func(r *store.Recording) error {
		return s.merge(r, arrivals[r.RecordID])
	})
	return err
}

func recordIDs(list []store.Recording) (ids []string) {
	for _, r := range list {
		ids = append(ids, r.RecordID)
	}
	return ids
}

// arrivals completes what was found by what the pool knows of it, and leaves out what was deleted.
func (s *Service) arrivals(
	ctx context.Context, job store.Job, found []store.Recording, force bool,
) (map[string]arrival, error) {
	live, err := s.live(ctx)
	if err != nil {
		return nil, err
	}
	list, none := map[string]arrival{}, errDropped
	for _, r := range found {
		known, err := s.Index.Recording(ctx, r.RecordID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil && known.State == store.Deleted && !force {
			continue
		}
		session, err := s.session(ctx, r.RecordID, live)
		if err != nil {
			return nil, err
		}
		if err := s.foreign(ctx, job, session, r, known); errors.Is(err, errSame) {
			none = errSame
			continue
		} else if err != nil {
			return nil, err
		}
		if r, err = s.homed(ctx, session, job, r); err != nil {
			return nil, err
		}
		list[r.RecordID] = arrival{r, force}
	}
	if len(list) == 0 {
		return nil, none
	}
	return list, nil
}

// Metadata by which balancers mark whose a meeting is. They are no business of front ends.
const (
	ownTenant       = bbb.TenantKey
	scaleliteTenant = "tenant-id"
)

// live returns the sessions that go on, by internal ID, as far as they can be told before their ends. It is asked before
// the history: a meeting that ends in between is in both for a moment, and never in neither.
func (s *Service) live(ctx context.Context) (map[string]store.Session, error) {
	sessions := map[string]store.Session{}
	if s.Live == nil {
		return sessions, nil
	}
	claims, err := s.Live.Claims(ctx)
	for _, c := range claims {
		if c.InternalID != "" {
			sessions[c.InternalID] = store.Session{ID: c.InternalID, Tenant: c.Tenant, Server: c.Server}
		}
	}
	return sessions, err
}

// session is what is known of the meeting of a recording, from the history or while it goes on; empty for nothing.
func (s *Service) session(ctx context.Context, recordID string, live map[string]store.Session) (store.Session, error) {
	session, err := s.Index.Session(ctx, recordID)
	if errors.Is(err, store.ErrNotFound) {
		return live[recordID], nil
	}
	return session, err
}

// foreign refuses what a server has sent of another server's meeting, over or going on, as long as that is in the pool,
// of one that has not begun yet, or of one that is here from nobody knows where: who may upload must not be able to
// replace what others have made, or will make. What is here just so is no matter.
func (s *Service) foreign(ctx context.Context, job store.Job, session store.Session, r, known store.Recording) error {
	if job.Source != fromUpload || s.Pool == nil {
		return nil
	}
	maker := cmp.Or(session.Server, known.Server)
	switch {
	case maker == job.Server:
		return nil
	case maker == "" && s.future(r.RecordID):
		return refusal(r.RecordID, "is of a meeting that is yet to be created, and server %s has sent it", job.Server)
	case maker == "" && known.Imported.IsZero():
		return nil
	case maker == "" && sameFormats(r, known):
		return errSame
	case maker == "":
		return refusal(r.RecordID, "is here already, and nobody knows that server %s has made it", job.Server)
	}
	_, err := s.Pool.Server(ctx, maker)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it may have got another name
	}
	if err != nil {
		return err
	}
	return refusal(r.RecordID, "is a recording of server %s, and server %s has sent it", maker, job.Server)
}

// future tells whether a record ID names a moment that is yet to come: BigBlueButton ends it in the milliseconds at which
// its meeting was created.
func (s *Service) future(recordID string) bool {
	if !leading.MatchString(recordID) {
		return false
	}
	_, text, _ := strings.Cut(recordID, "-")
	created, err := strconv.ParseInt(text, 10, 64)
	return err == nil && created > s.Now().UnixMilli()
}

// refusal is the fault of an archive that somebody should look at.
func refusal(id, format string, args ...any) error {
	return &archive.Error{
		Member: id, What: fmt.Sprintf(format, args...) + "; if that is right: bbbpool recording import, of the file in quarantine",
	}
}

// sameFormats tells whether all that has come of a recording is here, of the same size.
func sameFormats(come, known store.Recording) bool {
	return !slices.ContainsFunc(come.Formats, func(f store.Format) bool {
		return !slices.ContainsFunc(known.Formats, func(k store.Format) bool { return k.Type == f.Type && k.Bytes == f.Bytes })
	})
}

// homed finds out which tenant and which server a recording belongs to: from the history of meetings, else from what it
// says itself or the operator says of it. A server that sends a recording of a meeting that nobody knows cannot say
// whose it is. A tenant that it names and that is not there is kept, so that it can be given to that one later.
func (s *Service) homed(
	ctx context.Context, session store.Session, job store.Job, r store.Recording,
) (store.Recording, error) {
	claims := []string{r.Meta[ownTenant], r.Meta[scaleliteTenant], job.Tenant}
	if job.Source == fromUpload {
		claims = nil
	}
	claimed, err := s.tenant(ctx, claims...)
	if err != nil {
		return r, err
	}
	r.Tenant = cmp.Or(session.Tenant, claimed)
	if r.Tenant == "" {
		r.Tenant, r.Claimed = store.DefaultTenant, shorten(cmp.Or(r.Meta[ownTenant], r.Meta[scaleliteTenant]))
	}
	r.Server = cmp.Or(session.Server, job.Server)
	disown(&r)
	return r, nil
}

// disown takes out of the metadata by what balancers mark whose a meeting is.
func disown(r *store.Recording) {
	r.Meta = maps.Clone(r.Meta)
	maps.DeleteFunc(r.Meta, func(key, _ string) bool { return key == ownTenant || key == scaleliteTenant })
}

// tenant returns the first of these names that is a tenant's, or "".
func (s *Service) tenant(ctx context.Context, names ...string) (string, error) {
	for _, name := range names {
		if name == "" {
			continue
		}
		t, err := s.Tenants.Tenant(ctx, name)
		if err == nil {
			return t.ID, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
	}
	return "", nil
}

// merge makes of a recording what it is with what has arrived. What people changed stays; formats that did not come
// again stay, too.
func (s *Service) merge(r *store.Recording, a arrival) error {
	if r.State == store.Deleted {
		if !a.force {
			return errDeleted
		}
		*r = store.Recording{RecordID: r.RecordID, Tenant: r.Tenant, Server: r.Server}
	}
	now := s.Now()
	first := r.Imported.IsZero()
	old := r.State
	switch {
	case r.Tenant == "":
		r.Tenant, r.Claimed = a.Tenant, a.Claimed
	case r.Claimed != "" && a.Tenant != store.DefaultTenant: // the one that it names is here by now
		r.Tenant, r.Claimed = a.Tenant, ""
	}
	r.Server = cmp.Or(r.Server, a.Server)
	describeBy(r, a.Recording)
	r.Formats = mergeFormats(r.Formats, a.Formats)
	if !r.Edits.State {
		r.State, r.Edits.State = a.State, a.Edits.State
		if s.Config.Hidden && (first || old == store.Unpublished) {
			r.State = store.Unpublished
		}
	}
	r.Imported = now
	if first && !r.Edits.Protected {
		r.Protected = s.Config.Protect
	}
	if r.State != old {
		r.Changed = now
	}
	delivered(r)
	return nil
}

// describeBy takes over what a description tells of a recording. What it does not tell stays as it was.
func describeBy(r *store.Recording, by store.Recording) {
	r.MeetingID, r.Name = cmp.Or(by.MeetingID, r.MeetingID), cmp.Or(by.Name, r.Name)
	r.Participants, r.RawSize = cmp.Or(by.Participants, r.Participants), cmp.Or(by.RawSize, r.RawSize)
	r.Breakout = cmp.Or(by.Breakout, r.Breakout)
	if !by.Start.IsZero() {
		r.Start = by.Start
	}
	if !by.End.IsZero() {
		r.End = by.End
	}
	if len(by.BreakoutRooms) > 0 {
		r.BreakoutRooms = by.BreakoutRooms
	}
	if len(by.Meta) > 0 {
		r.Meta = by.Meta
	}
	r.Meta = edited(r.Meta, r.Edits.Meta)
}

// edited is metadata with what people changed in it.
func edited(meta, edits map[string]string) map[string]string {
	all := maps.Clone(meta)
	if all == nil {
		all = map[string]string{}
	}
	for key, value := range edits {
		if value == "" {
			delete(all, key)
		} else {
			all[key] = value
		}
	}
	return all
}

func mergeFormats(old, arrived []store.Format) []store.Format {
	all := slices.Clone(arrived)
	for _, f := range old {
		if !slices.ContainsFunc(arrived, func(a store.Format) bool { return a.Type == f.Type }) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b store.Format) int { return strings.Compare(a.Type, b.Type) })
	return all
}

// delivered takes what has arrived off what is owed.
func delivered(r *store.Recording) {
	if r.Owed == nil {
		return
	}
	here := types(*r)
	r.Owed.Formats = slices.DeleteFunc(slices.Clone(r.Owed.Formats), func(f string) bool { return slices.Contains(here, f) })
	if r.Owed.Step == store.OwedPublished && len(r.Owed.Formats) == 0 {
		r.Owed = nil
	}
}

// types are the formats of a recording by name.
func types(r store.Recording) []string {
	list := make([]string, 0, len(r.Formats))
	for _, f := range r.Formats {
		list = append(list, f.Type)
	}
	return list
}

// size is what a recording takes in the library, in bytes.
func size(r store.Recording) (bytes int64) {
	for _, f := range r.Formats {
		bytes += f.Bytes
	}
	return bytes
}

func age(now, since time.Time) time.Duration { return max(0, now.Sub(since)) }
