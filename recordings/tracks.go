package recordings

import (
	"context"
	"fmt"

	"github.com/bbbpool/bbbpool/store"
)

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
	if problem := s.Disk.Problem(); problem != "" {
		return fmt.Errorf("%w: %s", ErrVolume, problem)
	}
	defer s.locks.Hold(id)()
	if err := s.ofTenant(ctx, tenant, id); err != nil {
		return err
	}
	if err := s.Disk.Room(int64(len(vtt))); err != nil {
		return err
	}
	return s.Library.AddTrack(id, t, vtt)
}

// ofTenant returns store.ErrNotFound unless a recording is a tenant's, and here.
func (s *Service) ofTenant(ctx context.Context, tenant, id string) error {
	r, err := s.Index.Recording(ctx, id)
	if err == nil && (r.Tenant != tenant || !here(&r)) {
		err = store.ErrNotFound
	}
	return err
}
