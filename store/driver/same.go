package driver

import "context"

// mover is what moves records, in the list of who is connected to a PostgreSQL.
const mover = "bbbpool moving"

// IndexInUse tells whether a pool works on the Index, as far as a PostgreSQL knows that. A file has its lock, and a State that is
// shared its lease.
func (s *Stores) IndexInUse(ctx context.Context) (bool, error) {
	if s.postgres == nil {
		return false, nil
	}
	return s.postgres.InUse(ctx)
}

// SameIndex tells whether the Index of two is one, by whatever addresses: that of a PostgreSQL has several, and no lease.
func (s *Stores) SameIndex(ctx context.Context, other *Stores) (bool, error) {
	if s.postgres == nil || other.postgres == nil {
		return false, nil
	}
	one, err := s.postgres.Identity(ctx)
	if err != nil {
		return false, err
	}
	two, err := other.postgres.Identity(ctx)
	return err == nil && one == two, err
}
