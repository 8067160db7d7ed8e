package postgres

import "context"

// Count counts the recordings again at once.
func (db *DB) Count(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, "DELETE FROM bbbpool.meta WHERE name = 'counted'")
	if err != nil {
		return err
	}
	return db.recount(ctx)
}

// Schema is the version of the schema.
func Schema() int { return len(steps) }

// WithStep lets tests open databases with a schema that is one step younger. It returns what takes that back.
func WithStep(sql string) (back func()) {
	was := steps
	steps = append(append([]step{}, steps...), step{"a step of a test", sql})
	return func() { steps = was }
}
