// Package driver opens the stores of a pool: it alone knows which adapters there are and which of them a
// configuration asks for. It never uses what it has opened.
package driver

import (
	"errors"
	"fmt"
	"os"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// Config says where the records are kept, and who hears of them.
type Config struct {
	Data    string         // the data directory; made for its owner alone if absent
	Owned   bool           // until it is closed, root acts as whoever owns the data directory
	Log     zerolog.Logger // told what others can get at; the zero value is not
	Metrics *metrics.Set   // gets the size of the stores, and how their writes go; may be nil
}

// Families are the metrics of all stores that can be opened.
var Families = bolt.Families

// Stores are both groups of roles, opened.
type Stores struct {
	State store.State
	Index store.Index
	close func() error
}

var errNoData = errors.New("no data directory: name one with --data")

// Open opens both groups. Its errors are those of the adapters, [store.ErrLocked] and [store.ErrNewerSchema] among
// them. Where a pool was and its database is missing it makes none.
func Open(c Config) (*Stores, error) {
	if c.Data == "" {
		return nil, errNoData
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if err := checkDir(c.Data); err != nil {
		return nil, err
	}
	back := func() error { return nil }
	if c.Owned {
		var err error
		if back, err = actAsOwner(c.Data); err != nil {
			return nil, err
		}
	}
	db, err := bolt.Open(c.Data)
	if err != nil {
		return nil, errors.Join(err, back())
	}
	for _, problem := range restrict(c.Data) {
		c.Log.Warn().Msg(problem)
	}
	if c.Metrics != nil {
		c.Metrics.RegisterMetricsWriter(db.WriteMetrics)
	}
	return &Stores{State: db.State(), Index: db.Index(), close: func() error { return errors.Join(db.Close(), back()) }}, nil
}

// Close closes both groups, which may be one database. Closing again does nothing, nor does closing what was never
// opened.
func (s *Stores) Close() error {
	if s == nil {
		return nil
	}
	return s.close()
}
