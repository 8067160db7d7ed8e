package driver

import (
	"context"
	"fmt"

	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// Plan says what Open would do to the databases of a pool, in a sentence each, and changes nothing there.
func Plan(c Config) (list []string, err error) {
	if c.Data == "" {
		return nil, errNoData
	}
	if err := c.Validate(); err != nil {
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
		list = append(list, Place(c.RedisURL)+": nothing is to be done, it is used as it is")
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
