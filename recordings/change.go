package recordings

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// atOnce is how many recordings of one call are changed at the same time: they share their commits.
const atOnce = 16

// shown are the states that somebody asks for, none being all, without those that front ends do not see.
func shown(states []store.RecordingState) []store.RecordingState {
	if len(states) == 0 {
		return []store.RecordingState{store.Processing, store.Processed, store.Published, store.Unpublished, store.Deleted}
	}
	states = slices.DeleteFunc(slices.Clone(states), func(s store.RecordingState) bool { return s == store.Awaited })
	if len(states) == 0 {
		return []store.RecordingState{""} // which none is in
	}
	return states
}

// Publish lets recordings of a tenant play, or no longer, and returns how many of them there are. Their files follow;
// viewers go by the index.
func (s *Service) Publish(ctx context.Context, tenant string, ids []string, publish bool) (int, error) {
	state, verb := store.Unpublished, "unpublished"
	if publish {
		state, verb = store.Published, "published"
	}
	return each(ids, func(id string) error {
		return s.change(ctx, tenant, id, verb, func(r *store.Recording) error {
			if !record.Here(r) {
				return store.ErrNotFound
			}
			if r.State != state {
				r.Changed = s.Now()
			}
			r.State, r.Edits.State = state, true
			return nil
		})
	})
}

// Update changes metadata of those recordings of a tenant whose IDs begin with one of these, and whether they are
// protected if protect is given. An empty value removes its key.
func (s *Service) Update(
	ctx context.Context, tenant string, prefixes []string, meta map[string]string, protect *bool,
) (int, error) {
	found, _, err := s.Index.Recordings(ctx, store.RecordingFilter{
		Tenant: tenant, RecordIDs: prefixes, States: []store.RecordingState{store.Published, store.Unpublished},
	})
	if err != nil {
		return 0, err
	}
	ids := make([]string, 0, len(found))
	for _, r := range found {
		ids = append(ids, r.RecordID)
	}
	first := func(*library.Held) {}
	if protect != nil && *protect {
		first = s.markFirst
	}
	return each(ids, func(id string) error {
		return s.changeAfter(ctx, tenant, id, "updated", first, func(r *store.Recording) error {
			if !record.Here(r) {
				return store.ErrNotFound
			}
			if err := edit(r, meta); err != nil {
				return err
			}
			if protect != nil {
				r.Protected, r.Edits.Protected = *protect, true
			}
			return nil
		})
	})
}

// What people may set in the metadata of one recording: whoever sets a thousand new keys a day must not grow the index
// without end.
const (
	maxEdits     = 500
	maxEditBytes = 64 << 10
)

// edit changes metadata, and remembers what was changed for the imports to come.
func edit(r *store.Recording, meta map[string]string) error {
	if len(meta) == 0 {
		return nil
	}
	edits := maps.Clone(r.Edits.Meta)
	if edits == nil {
		edits = map[string]string{}
	}
	maps.Copy(edits, meta)
	bytes := 0
	for key, value := range edits {
		bytes += len(key) + len(value)
	}
	if len(edits) > maxEdits || bytes > maxEditBytes {
		return fmt.Errorf("metadata of %s: %w: %d keys and %d bytes that were set", r.RecordID, store.ErrTooLarge,
			maxEdits, maxEditBytes)
	}
	r.Edits.Meta = edits
	r.Meta = record.Edited(r.Meta, meta)
	return nil
}

// Delete deletes recordings of a tenant in whatever state, and returns how many of them there were. What remains in the
// index keeps a late archive from bringing them back.
func (s *Service) Delete(ctx context.Context, tenant string, ids []string) (int, error) {
	return each(ids, func(id string) error {
		return s.change(ctx, tenant, id, "deleted", func(r *store.Recording) error {
			return markDeleted(r, s.Config.KeepDeleted > 0, s.Now())
		})
	})
}

// markDeleted makes a recording a deleted one, if it is here. What is not kept is stripped of what tells of people.
func markDeleted(r *store.Recording, keep bool, now time.Time) error {
	if !record.Here(r) {
		return store.ErrNotFound
	}
	r.State, r.Changed = store.Deleted, now
	if !keep {
		record.Strip(r)
	}
	return nil
}

// Restore brings a deleted recording back out of the trash, unpublished.
func (s *Service) Restore(ctx context.Context, id string) (store.Recording, error) {
	r, err := s.Index.Recording(ctx, id)
	if err != nil {
		return r, err
	}
	inTrash := func(places map[store.RecordingState][]string) bool {
		return r.State != store.Deleted || len(places[store.Deleted]) > 0
	}
	places, err := s.files.Places(id, inTrash)
	if err != nil {
		return r, err
	}
	if !inTrash(places) {
		return r, ErrNotInTrash
	}
	err = s.change(ctx, r.Tenant, id, "restored", func(r *store.Recording) error {
		if r.State != store.Deleted || len(r.Formats) == 0 {
			return ErrNotInTrash
		}
		r.State, r.Edits.State, r.Changed = store.Unpublished, true, s.Now()
		return nil
	})
	if err != nil {
		return r, err
	}
	return s.Index.Recording(ctx, id)
}

// Errors for operators.
var (
	// ErrNotInTrash: the recording was not deleted, or its files are gone.
	ErrNotInTrash = errors.New("not in the trash")
	// ErrNoTenant: there is no such tenant.
	ErrNoTenant = errors.New("there is no such tenant")
)

// Assign gives a recording to another tenant.
func (s *Service) Assign(ctx context.Context, id, tenant string) (store.Recording, error) {
	if _, err := s.Tenants.Tenant(ctx, tenant); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			err = ErrNoTenant
		}
		return store.Recording{}, err
	}
	r, err := s.Index.Recording(ctx, id)
	if err != nil {
		return r, err
	}
	err = s.change(ctx, r.Tenant, id, "assigned", func(r *store.Recording) error {
		r.Tenant = tenant
		record.Settle(r)
		return nil
	})
	if err != nil {
		return r, err
	}
	return s.Index.Recording(ctx, id)
}

// each works on every recording of a list, and counts those that are there.
func each(ids []string, do func(id string) error) (int, error) {
	var found atomic.Int64
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, id := range ids {
		group.Go(func() error {
			err := do(id)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			found.Add(1)
			return err
		})
	}
	err := group.Wait()
	return int(found.Load()), err
}

// change holds a recording, changes it in the index, logs what was done, unless that is "", and lets the files follow. Once
// the index has it the change stands: what the disk could not do now is work to be done, see Behind.
func (s *Service) change(
	ctx context.Context, tenant, id, what string, change func(*store.Recording) error,
) error {
	return s.changeAfter(ctx, tenant, id, what, func(*library.Held) {}, change)
}

// markFirst marks the files of a recording that is about to be protected: whoever cannot ask the index goes by the marks. What
// the disk does not let it do now is tried again with all that follows the index.
func (s *Service) markFirst(held *library.Held) {
	if s.Disk.Hung() {
		return
	}
	if err := s.Library.Protect(held, true); err != nil {
		s.Log.Warn().Err(err).Str("recordID", held.ID).Msg("mark a recording as protected: tried again later")
		s.files.LookAgain()
	}
}

// changeAfter is change with something that is done before, by whoever holds the recording.
func (s *Service) changeAfter(
	ctx context.Context, tenant, id, what string, first func(*library.Held), change func(*store.Recording) error,
) error {
	if err := s.decide(ctx); err != nil {
		return err
	}
	held := s.files.Hold(id)
	defer held.Release()
	first(held)
	r, err := s.Index.UpdateRecording(ctx, tenant, id, change)
	if err != nil {
		return err
	}
	if what != "" {
		s.Log.Info().Str("recordID", id).Str("meetingID", r.MeetingID).Str("internalMeetingID", id).Str("tenant", r.Tenant).
			Str("state", string(r.State)).Bool("protected", r.Protected).Msg("recording " + what)
	}
	_ = s.files.Follow(ctx, held, r) // noted and logged there
	return nil
}

// TextTracks returns the text tracks of a tenant's recording, or store.ErrNotFound.
func (s *Service) TextTracks(ctx context.Context, tenant, id string) ([]store.TextTrack, error) {
	if err := s.ofTenant(ctx, tenant, id); err != nil {
		return nil, err
	}
	if s.Disk.Gone() {
		return nil, fmt.Errorf("%w: %s", ErrVolume, s.Disk.Problem())
	}
	return s.Library.Tracks(id)
}

// AddTextTrack adds a text track to a tenant's recording, in the place of the one of that kind and language. It returns
// store.ErrNotFound where there is no such recording, fs.ErrNotExist where that has no presentation, and
// store.ErrTooLarge for what is too much of it.
func (s *Service) AddTextTrack(ctx context.Context, tenant, id string, t store.TextTrack, vtt []byte) error {
	if err := volume.Unusable(s.Disk.Problem()); err != nil {
		return err
	}
	if err := s.decide(ctx); err != nil {
		return err
	}
	held := s.files.Hold(id)
	defer held.Release()
	if err := s.ofTenant(ctx, tenant, id); err != nil {
		return err
	}
	if err := s.Disk.Room(int64(len(vtt))); err != nil {
		return err
	}
	return s.Library.AddTrack(held, t, vtt)
}

// ofTenant returns store.ErrNotFound unless a recording is a tenant's, and here.
func (s *Service) ofTenant(ctx context.Context, tenant, id string) error {
	r, err := s.Index.Recording(ctx, id)
	if err == nil && (r.Tenant != tenant || !record.Here(&r)) {
		err = store.ErrNotFound
	}
	return err
}
