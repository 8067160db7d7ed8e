package recordings

import (
	"context"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Erase deletes a recording of a tenant for good, whatever its state, one that is yet to come or in the trash included: its
// files go at once, and of what the index says the IDs and times are left, which keep a late archive from bringing it back.
func (s *Service) Erase(ctx context.Context, tenant, id string) error {
	return s.change(ctx, tenant, id, "erased", func(r *store.Recording) error {
		r.State, r.Changed = store.Deleted, s.Now()
		record.Strip(r)
		return nil
	})
}

// Clean changes what the index says of a recording of a tenant. Its files stay as they are, and so does what they tell.
func (s *Service) Clean(ctx context.Context, tenant, id string, change func(*store.Recording) error) error {
	return s.change(ctx, tenant, id, "cleaned", change)
}
