package driver

import (
	"context"
	"fmt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/redis"
)

// OpenShared opens what instances of a pool share, and nothing else: to see who is there, and to ask them. It returns nil where
// they share nothing.
func OpenShared(ctx context.Context, c Config) (*Stores, error) {
	if c.RedisURL == "" {
		return nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Stores{}
	return s, s.openRedis(ctx, c)
}

// openRedis opens the State where its address says.
func (s *Stores) openRedis(ctx context.Context, c Config) error {
	if c.RedisURL == "" {
		return nil
	}
	place := Place(c.RedisURL)
	config := c.redis()
	if c.MayBeAway {
		config.MayBeAway = true
		config.Refused = func(err error) { s.refuse(fmt.Errorf("%s (REDIS_URL) is there again: %w", place, err)) }
		config.Admit = func(ctx context.Context, state store.State) error { return stateMark(ctx, place, state) }
	}
	db, err := redis.Open(ctx, config)
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

// openPostgres opens the Index where its address says.
func (s *Stores) openPostgres(ctx context.Context, c Config) error {
	if c.DatabaseURL == "" {
		return nil
	}
	place := Place(c.DatabaseURL)
	db, err := s.reachPostgres(ctx, c, place)
	if err != nil {
		return fmt.Errorf("open %s (DATABASE_URL): %w", place, err)
	}
	s.closes = append(s.closes, db.Close)
	if c.Metrics != nil {
		c.Metrics.RegisterMetricsWriter(db.WriteMetrics)
	}
	s.Index, s.IndexAt, s.postgres = db.Index(), place, db
	s.checks = append(s.checks, func(ctx context.Context) []Finding { return ofPostgres(ctx, place, db) })
	return nil
}

// RaiseSchema has older versions refused by what is shared, from now on: all instances that are there know today's schema. Redis
// comes first, for it hears that from the leader alone.
func (s *Stores) RaiseSchema(ctx context.Context) error {
	if s.Redis != nil {
		if err := s.Redis.RaiseSchema(ctx); err != nil {
			return err
		}
	}
	if s.postgres == nil {
		return nil
	}
	return store.Ignore(s.postgres.RaiseSchema(ctx), store.ErrAway) // it is tried again, and others say that it is away
}

// Noted returns where Scalelite has noted that the front end of a meeting wants to be told of a recording, if it was here before;
// nil for nowhere.
func (s *Stores) Noted(ctx context.Context, meetingID, recordID string) (*store.Back, error) {
	if s.postgres == nil {
		return nil, nil //nolint:nilnil // nothing is what there nearly always is
	}
	return s.postgres.Noted(ctx, meetingID, recordID)
}

// reachPostgres opens the database, now or as soon as it is there, and says what was done to it.
func (s *Stores) reachPostgres(ctx context.Context, c Config, place string) (*postgres.DB, error) {
	config := c.postgres()
	if c.Mover {
		config.Name = mover
	}
	told := func(db *postgres.DB) {
		for _, done := range db.Plan {
			c.Log.Info().Str("database", place).Msg(done)
		}
	}
	if !c.MayBeAway {
		db, err := postgres.Open(ctx, config)
		if err == nil {
			told(db)
		}
		return db, err
	}
	return postgres.OpenLate(ctx, config, postgres.Late{
		Admit: func(ctx context.Context, db *postgres.DB) error {
			told(db)
			return indexMark(ctx, place, db.Index())
		},
		Refused: func(err error) { s.refuse(fmt.Errorf("%s (DATABASE_URL) is there again: %w", place, err)) },
	})
}

// ofPostgres are what a PostgreSQL says of itself, and what of its address means nothing here.
func ofPostgres(ctx context.Context, place string, db *postgres.DB) (list []Finding) {
	report, err := db.Check(ctx)
	if err != nil {
		return []Finding{{Wrong: true, Place: place, Text: err.Error()}}
	}
	for _, text := range report.Faults {
		list = append(list, Finding{Wrong: true, Place: place, Text: text})
	}
	for _, text := range append(report.Warnings, db.Notes...) {
		list = append(list, Finding{Place: place, Text: text})
	}
	return list
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
