package recordings

import (
	"context"
	"path/filepath"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Parts is what recordings are put together from.
type Parts struct {
	Config  Config
	Data    string // the data directory
	Offline bool   // nobody serves the pool: what it was served with last counts
	Index   Index
	State   interface {
		store.Tenants
		store.Servers
		store.Claims
	}
	Log     zerolog.Logger
	Metrics *metrics.Set
}

// Open puts the recordings of a pool together: the library in its directories, the guard of the disk that they are on,
// and the way in for archives. Servers must be set before Run.
func Open(ctx context.Context, p Parts) (*Service, error) {
	c := p.Config.In(p.Data)
	if p.Offline {
		last, err := c.Last(p.Data)
		if err != nil {
			return nil, err
		}
		c = last
	} else if err := c.remember(p.Data); err != nil {
		return nil, err
	}
	files, err := library.New(c.Dirs())
	if err != nil {
		return nil, err
	}
	dirs, err := VolumeDirs(p.Data, c)
	if err != nil { // no reason to keep anybody out of a meeting
		p.Log.Error().Err(err).Msg("recordings cannot be kept: mend it, and start again")
	}
	guard := volume.New(c.Volume, time.Now, dirs...)
	s := &Service{
		Config: c, Index: p.Index, Tenants: p.State, Pool: p.State, Live: p.State, Library: files, Disk: guard,
		Data: p.Data, Log: p.Log,
	}
	s.Init()
	p.Metrics.RegisterMetricsWriter(s.WriteMetrics)
	p.Metrics.RegisterMetricsWriter(guard.WriteMetrics)
	inSpool := func(bytes int64) error { return guard.RoomIn("spool", bytes) }
	s.Uploads = &upload.Handler{
		Config: c.Upload, Servers: p.State, Dir: filepath.Join(c.Spool, ".uploads"), Room: inSpool, Known: s.Known,
		Accept: s.Accept, Log: p.Log, Metrics: p.Metrics,
	}
	return s, s.Load(ctx)
}
