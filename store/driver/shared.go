package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/bbbpool/bbbpool/store/redis"
)

// openRedis opens the State where its address says.
func (s *Stores) openRedis(ctx context.Context, c Config) error {
	if c.RedisURL == "" {
		return nil
	}
	place := Place(c.RedisURL)
	db, err := redis.Open(ctx, c.redis())
	if err != nil {
		return fmt.Errorf("open %s (REDIS_URL): %w", place, err)
	}
	s.closes = append(s.closes, db.Close)
	if c.Metrics != nil {
		c.Metrics.RegisterMetricsWriter(db.WriteMetrics)
	}
	s.State, s.StateAt, s.Redis = db.State(), place, db
	s.Leases, s.Instances, s.Sequence = db.Leases(), db.Instances(), db.Sequence
	s.checks = append(s.checks, func(ctx context.Context) []Finding { return findings(ctx, place, db.Check) })
	return nil
}

func (s *Stores) openPostgres(_ context.Context, c Config) error {
	if c.DatabaseURL == "" {
		return nil
	}
	return errors.New("DATABASE_URL: not built in yet")
}

// findings are what a database says of itself.
func findings(ctx context.Context, place string, check func(context.Context) ([]string, error)) (list []Finding) {
	problems, err := check(ctx)
	if err != nil {
		return []Finding{{Wrong: true, Place: place, Text: err.Error()}}
	}
	for _, text := range problems {
		list = append(list, Finding{Wrong: true, Place: place, Text: text})
	}
	return list
}
