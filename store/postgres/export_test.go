package postgres

import "context"

// Count counts the recordings again, when nobody else does.
func (db *DB) Count(ctx context.Context) error {
	for {
		if _, err := db.pool.Exec(ctx, "DELETE FROM bbbpool.meta WHERE name = 'counted'"); err != nil {
			return err
		}
		if mine, err := db.recount(ctx); mine || err != nil {
			return err
		}
	}
}

// WithStep lets tests open databases with a schema that is one step younger. It returns what takes that back.
func WithStep(sql string) (back func()) {
	was := steps
	steps = append(append([]step{}, steps...), step{"a step of a test", sql})
	return func() { steps = was }
}
