package poller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// losses is the watch over servers that are offline for so long that nobody waits for them: what was on them is over.
type losses struct{ pool *pool }

// watch looks for such servers until ctx ends.
func (l losses) watch(ctx context.Context) {
	ticker := time.NewTicker(l.pool.config.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.look(ctx)
	}
}

// look closes what is claimed on servers that are lost.
func (l losses) look(ctx context.Context) {
	for _, s := range l.pool.sorted() {
		if ctx.Err() != nil || l.pool.network.blamed() {
			return
		}
		if s.lost() {
			l.close(ctx, s)
		}
	}
}

// lost tells whether a server has been offline for longer than anybody waits for it.
func (s *server) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.state.disabled() && s.state.health.OfflineFor() > s.config.LostAfter
}

// close closes what is claimed on a server, with what is to be told of that.
func (l losses) close(ctx context.Context, s *server) {
	n, err := s.ledger.LoseServer(ctx, s.id)
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, placement.ErrFollower): // the next leader does it
		return
	default:
		s.log.Error().Err(err).Str("server", s.id).Msg("close what is claimed on a server that is lost")
	}
	if n > 0 {
		s.log.Warn().Str("server", s.id).Int("meetings", n).Msg("the meetings of a server that has been offline for too long are over")
		s.addEvent(kindLost, n, fmt.Sprintf("offline for longer than %s: %s on it are over, unless it comes back with people in them",
			s.config.LostAfter, meetings(n)))
	}
}

func meetings(n int) string {
	if n == 1 {
		return "the meeting that was"
	}
	return fmt.Sprintf("the %d meetings that were", n)
}
