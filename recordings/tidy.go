package recordings

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

const (
	tidyEvery = day
	// catchUp is how soon files are looked after that have not followed the index.
	catchUp = time.Minute
	// keepJobs is how long jobs are remembered that are over.
	keepJobs = 7 * day
	// maxLogged is how many findings are logged one by one.
	maxLogged = 20
)

// tidy does what nobody waits for, at the start and then every day: it lets files follow the index where a crash or a
// full disk has kept them from it, removes leftovers, applies the retention, and forgets old jobs.
func (s *Service) tidy(ctx context.Context) {
	var last time.Time
	for ctx.Err() == nil {
		if age(s.Now(), last) >= tidyEvery || s.stats.behind.Swap(false) {
			if err := s.tidyOnce(ctx); err != nil && ctx.Err() == nil {
				s.Log.Error().Err(err).Msg("tidy up the recordings: tried again later")
				s.stats.behind.Store(true)
			} else {
				last = s.Now()
			}
		}
		if err := s.urge(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error().Err(err).Msg("let files follow the index: tried again later")
		}
		if !pause(ctx, catchUp) {
			return
		}
	}
}

func (s *Service) tidyOnce(ctx context.Context) error {
	v := &verification{Service: s, ctx: ctx, careful: true, options: VerifyOptions{Repair: true}, tell: func(Progress) {}}
	err := v.run()
	if s.Disk.Hung() {
		return err
	}
	for i, f := range v.report.Findings {
		if i == maxLogged {
			s.Log.Warn().Int("findings", len(v.report.Findings)).Msg("index and disk differ: see bbbpool recording verify")
			break
		}
		s.Log.Warn().Str("kind", f.Kind).Str("recordID", f.RecordID).Str("format", f.Format).Str("path", f.Path).
			Bool("repaired", f.Repaired).Msg(f.Text)
	}
	return errors.Join(err, s.retain(ctx), s.forgetJobs(ctx))
}

// forgetJobs forgets jobs that have been over for long.
func (s *Service) forgetJobs(ctx context.Context) error {
	jobs, err := s.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobDone, store.JobDropped}})
	errs := []error{err}
	for _, j := range jobs {
		if age(s.Now(), j.Changed) > keepJobs && (j.Reason == "" || j.State == store.JobDropped) {
			s.digests.remove(j)
			errs = append(errs, s.Index.DeleteJob(ctx, j.ID))
		}
	}
	return errors.Join(errs...)
}

// idFile is the file in the data directory that tells which volume is ours.
const idFile = "volume.id"

// VolumeDirs are the directories to be watched, with the mark that tells each from an empty mount point. On the first
// start they are marked; a volume that is marked already, by another program of the same pool, is taken as it is. With an
// error they have marks that no volume has: nothing is read from them or written to them.
func VolumeDirs(data string, c Config) ([]volume.Dir, error) {
	dirs := []volume.Dir{
		{Name: "published", Path: c.Published, Whole: true},
		{Name: "unpublished", Path: c.Unpublished, Whole: true},
		{Name: "spool", Path: c.Spool},
	}
	file := filepath.Join(data, idFile)
	text, err := os.ReadFile(file) //nolint:gosec // in the data directory that the operator has named
	id := strings.TrimSpace(string(text))
	if errors.Is(err, fs.ErrNotExist) || err == nil && id == "" {
		id, err = patiently(func() (string, error) { return firstMark(file, dirs) })
	}
	if err != nil {
		id, err = newMark(), fmt.Errorf("know the volume of the recordings again: %w", library.Explain(err))
	}
	for i := range dirs {
		dirs[i].Marker = id
	}
	return dirs, err
}

// markTime is how long the disk may take on the first start.
const markTime = 10 * time.Second

// patiently waits for a disk that may be hung, and not for ever.
func patiently(do func() (string, error)) (string, error) {
	type outcome struct {
		text string
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		text, err := do()
		done <- outcome{text, err}
	}()
	select {
	case o := <-done:
		return o.text, o.err
	case <-time.After(markTime):
		return "", fmt.Errorf("the disk has not answered for %s: start again when it does", markTime)
	}
}

// firstMark marks the directories, and then remembers the mark.
func firstMark(file string, dirs []volume.Dir) (string, error) {
	id, err := volume.MarkerOf(dirs[0].Path)
	if err != nil || id == "" {
		id = newMark()
	}
	for _, d := range dirs {
		if err := os.MkdirAll(d.Path, 0o755); err != nil { //nolint:gosec // nginx may be the one that reads it
			return "", err
		}
		if err := volume.Mark(d.Path, id); err != nil {
			return "", err
		}
	}
	return id, os.WriteFile(file, []byte(id+"\n"), 0o600)
}

func newMark() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return hex.EncodeToString(b[:])
}

// mark takes the volume that is mounted now for the right one.
func (s *Service) mark(ctx context.Context) error {
	dirs, err := VolumeDirs(s.Data, s.Config)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if err := volume.Mark(d.Path, d.Marker); err != nil {
			return library.Explain(err)
		}
	}
	s.Disk.Check(ctx)
	return nil
}
