package driver

import (
	"context"
	"errors"
)

func (s *Stores) openRedis(_ context.Context, c Config) error {
	if c.RedisURL == "" {
		return nil
	}
	return errors.New("REDIS_URL: not built in yet")
}

func (s *Stores) openPostgres(_ context.Context, c Config) error {
	if c.DatabaseURL == "" {
		return nil
	}
	return errors.New("DATABASE_URL: not built in yet")
}
