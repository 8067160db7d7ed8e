package admin

import (
	"context"
	"net/http"
	"os"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Backup hands out all records in one file.
type Backup struct{ Maker BackupMaker }

// BackupMaker makes backups. Package backups does.
type BackupMaker interface {
	// Open makes one, in a file that is gone when it is closed.
	Open(ctx context.Context) (*os.File, error)
	// Status is how the last ones went that the pool makes by itself; nil where it makes none.
	Status() *v1.BackupStatus
}

func (b *Backup) routes() frame.Routes {
	return frame.Routes{"GET /backup": frame.Whole(b.write, access.Admin)}
}

func (b *Backup) write(r *http.Request) (any, error) {
	if b.Maker == nil {
		return nil, v1.NotFound("nobody makes backups here")
	}
	file, err := b.Maker.Open(r.Context())
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	frame.Logger(r).Info().Int64("bytes", info.Size()).Msg("backup handed out")
	return frame.File{Content: file, Size: info.Size()}, nil
}
