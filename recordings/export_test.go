package recordings

import "context"

// Tidy is what is done every day.
func (s *Service) Tidy(ctx context.Context) error { return s.tidyOnce(ctx) }

// Pursue asks servers once for what they owe.
func (s *Service) Pursue(ctx context.Context) error { return s.pursueOnce(ctx) }

// Look has the spool looked through now.
func (s *Service) Look() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}
