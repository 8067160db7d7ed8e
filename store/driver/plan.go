package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/redis"
)

// planRedis says what becomes of a Redis. It is asked, and nothing is written there.
func planRedis(c Config) (string, error) {
	ctx, place := context.Background(), Place(c.RedisURL)
	db, err := redis.Open(ctx, c.redis())
	if err != nil {
		return "", fmt.Errorf("open %s (REDIS_URL): %w", place, err)
	}
	is, err := db.Raised(ctx)
	err = errors.Join(err, db.Close())
	switch {
	case err != nil:
		return "", fmt.Errorf("look at %s (REDIS_URL): %w", place, err)
	case is == 0:
		return place + ": it is used as it is, with keys of ours beside what is there", nil
	case is < redis.Schema:
		return fmt.Sprintf("%s: schema %d becomes %d once all instances that are there know it; from then on the version before is "+
			"refused there, and nothing is copied: make a backup with that version first", place, is, redis.Schema), nil
	}
	return fmt.Sprintf("%s: schema %d, as it is to be", place, is), nil
}

// Plan says what Open would do to the databases of a pool, in a sentence each, and changes nothing there.
func Plan(c Config) (list []string, err error) {
	if c.Data == "" {
		return nil, errNoData
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkDir(c); err != nil {
		return nil, err
	}
	if c.RedisURL == "" || c.DatabaseURL == "" {
		text, err := bolt.Plan(c.Data)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	if c.RedisURL != "" {
		text, err := planRedis(c)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	if c.DatabaseURL == "" {
		return list, nil
	}
	dry := c.postgres()
	dry.DryRun = true
	db, err := postgres.Open(context.Background(), dry)
	if err != nil {
		return nil, fmt.Errorf("open %s (DATABASE_URL): %w", Place(c.DatabaseURL), err)
	}
	if len(db.Plan) == 0 {
		list = append(list, Place(c.DatabaseURL)+": the schema is as it is to be")
	}
	for _, text := range db.Plan {
		list = append(list, Place(c.DatabaseURL)+": "+text)
	}
	return list, db.Close()
}
