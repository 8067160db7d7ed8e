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

// adopt takes a format into the index that lies in the library and is not known. Where the recording is here already,
// this is one more format of it; else it is made from the file that describes it, and from what was noted beside it.
func (s *Service) adopt(ctx context.Context, f library.Found, o ImportOptions) error {
	tree, err := archive.Read(f.Dir)
	if err != nil {
		return err
	}
	known, err := s.Index.Recording(ctx, f.RecordID)
	missing := errors.Is(err, store.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	if !missing && here(&known) {
		return s.addFormat(ctx, known, tree)
	}
	r, err := s.newcomer(ctx, f, tree.Recording, o)
	if err != nil {
		return err
	}
	if missing {
		err = s.Index.CreateRecording(ctx, r)
	} else {
		r, err = s.Index.UpdateRecording(ctx, known.Tenant, r.RecordID, func(now *store.Recording) error {
			owed := now.Owed
			*now = r
			now.Owed = owed
			delivered(now)
			return nil
		})
	}
	if err != nil {
		return err
	}
	return s.follow(ctx, r)
}

// addFormat adds a format to a recording that is here. Of all formats presentation describes it best.
func (s *Service) addFormat(ctx context.Context, known store.Recording, tree archive.Tree) error {
	r, err := s.Index.UpdateRecording(ctx, known.Tenant, known.RecordID, func(r *store.Recording) error {
		found := tree.Recording
		disown(&found)
		if tree.Format == "presentation" {
			describeBy(r, found)
		}
		r.Formats = mergeFormats(r.Formats, found.Formats)
		delivered(r)
		return nil
	})
	if err != nil {
		return err
	}
	return s.follow(ctx, r)
}

// newcomer is a recording as its files, the notes and the history of meetings tell of it. That it lies elsewhere than
// its own description says was somebody's decision.
func (s *Service) newcomer(
	ctx context.Context, f library.Found, r store.Recording, o ImportOptions,
) (store.Recording, error) {
	r.Edits.State = r.State != f.State
	r.State = f.State
	s.noted(&r)
	noted, err := s.tenant(ctx, r.Tenant)
	if err != nil {
		return r, err
	}
	session, err := s.session(ctx, r.RecordID, nil)
	if err != nil {
		return r, err
	}
	if r, err = s.homed(ctx, session, store.Job{Server: r.Server, Tenant: o.Tenant}, r); err != nil {
		return r, err
	}
	if noted != "" && noted != store.DefaultTenant { // an operator may have given it to another one
		r.Claimed = ""
	}
	r.Tenant = cmp.Or(noted, r.Tenant)
	if r.Imported.IsZero() { // from before us
		r.Imported = s.Now().UTC().Truncate(time.Millisecond)
		r.Protected = s.Config.Protect
	}
	return r, nil
}
