package recordings

import "context"

// Tidy is what is done every day.
func (s *Service) Tidy(ctx context.Context) error { return s.tidyOnce(ctx) }

// Pursue asks servers once for what they owe.
func (s *Service) Pursue(ctx context.Context) error { return s.pursueOnce(ctx) }

// Urge tries again what is due of files that have not followed the index.
func (s *Service) Urge(ctx context.Context) error { return s.urge(ctx) }

// Look has the spool looked through now.
func (s *Service) Look() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}
