package recordings

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// adopt takes a format into the index that lies in the library and is not known. Where the recording is known, this is
// one more format of it; else it is made from the file that describes it, and from what was noted beside it.
func (s *Service) adopt(ctx context.Context, f library.Found) error {
	tree, err := archive.Read(f.Dir)
	if err != nil {
		return err
	}
	r, err := s.Index.Recording(ctx, f.RecordID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return s.adoptNew(ctx, f, tree.Recording)
	case err != nil:
		return err
	}
	updated, err := s.Index.UpdateRecording(ctx, r.Tenant, r.RecordID, func(r *store.Recording) error {
		if !here(r) {
			*r = newcomer(*r, tree.Recording, f.State)
			r.Imported = s.Now().UTC().Truncate(time.Millisecond)
		}
		if f.Format == "presentation" {
			describeBy(r, tree.Recording)
		}
		r.Formats = mergeFormats(r.Formats, tree.Recording.Formats)
		delivered(r)
		return nil
	})
	if err != nil {
		return err
	}
	return s.follow(updated)
}

// newcomer is a recording that was only owed so far.
func newcomer(owed, found store.Recording, state store.RecordingState) store.Recording {
	found.Tenant, found.Owed, found.State = owed.Tenant, owed.Owed, state
	found.Server = owed.Server
	found.Formats = nil
	return found
}

func (s *Service) adoptNew(ctx context.Context, f library.Found, r store.Recording) error {
	r.State = f.State
	s.noted(&r)
	tenant, err := s.tenant(ctx, r.Tenant)
	if err != nil {
		return err
	}
	if r, err = s.homed(ctx, store.Job{Server: r.Server}, r); err != nil {
		return err
	}
	r.Tenant = cmp.Or(tenant, r.Tenant) // an operator may have given it to another one
	if r.Imported.IsZero() {            // from before us
		r.Imported = s.Now().UTC().Truncate(time.Millisecond)
		r.Protected = s.Config.Protect
	}
	if err := s.Index.CreateRecording(ctx, r); err != nil {
		return err
	}
	return s.note(r)
}

// describeBy lets one format's description of the recording win over the others'.
func describeBy(r *store.Recording, by store.Recording) {
	r.MeetingID, r.Name, r.Start, r.End, r.Participants = by.MeetingID, by.Name, by.Start, by.End, by.Participants
	r.Breakout, r.BreakoutRooms = by.Breakout, by.BreakoutRooms
	if by.RawSize > 0 {
		r.RawSize = by.RawSize
	}
	r.Meta = edited(by.Meta, r.Edits.Meta)
}
