package imports

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// JobIgnored is the state in which [Importer.Jobs] lists what lies in the spool and nothing takes. It is never stored.
const JobIgnored store.JobState = "ignored"

// ignored are what lies in the spool and nothing takes, with the reasons, by name. It reads the directory; where the disk
// cannot be read, that is said elsewhere.
func (i *Importer) ignored() (list []store.Job) {
	if i.Disk.Problem() != "" {
		return nil
	}
	entries, err := os.ReadDir(i.Config.Spool)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		why := edition.Unwanted(e.Name(), e.Type())
		if why == "" || len(list) == record.MaxFindings { // a backlog costs no look at each of its archives
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		of := edition.Of(info)
		list = append(list, store.Job{
			ID: e.Name(), Path: filepath.Join(i.Config.Spool, e.Name()), Source: fromSpool, State: JobIgnored, Reason: why,
			Bytes: of.Size, Modified: of.Modified, Created: of.Modified, Changed: of.Modified,
		})
	}
	return list
}

// Quarantined returns the archives in quarantine, by path. It reads the directory.
func (i *Importer) Quarantined() (paths []string, err error) {
	dir := filepath.Join(i.Config.Spool, edition.Quarantine)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if edition.IsArchive(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

// withIgnored adds to a page of jobs what is ignored, where that is asked for.
func (i *Importer) withIgnored(jobs []store.Job, f store.JobFilter) []store.Job {
	if len(f.States) > 0 && !slices.Contains(f.States, JobIgnored) {
		return jobs
	}
	last := ""
	if f.Limit > 0 && len(jobs) == f.Limit {
		last = jobs[len(jobs)-1].ID // of a full page
	}
	for _, j := range i.ignored() {
		known := slices.ContainsFunc(jobs, func(k store.Job) bool { return k.ID == j.ID })
		if j.ID > f.After && !known && (last == "" || j.ID < last) {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b store.Job) int { return cmp.Compare(a.ID, b.ID) })
	if f.Limit > 0 {
		jobs = jobs[:min(len(jobs), f.Limit)]
	}
	return jobs
}

// glance is what a look at the spool has found, for those who must not wait for a disk: one look is under way at a time, and
// one that a hung disk keeps is left alone.
type glance struct {
	mu    sync.Mutex
	found []store.Job
	back  chan struct{} // closed when the look under way has come back; nil while there is none
}

// glanceTime is how long a look at the spool is waited for.
const glanceTime = time.Second

// of looks, and returns what was found, or what was found before if the disk does not answer in time.
func (g *glance) of(ctx context.Context, look func() []store.Job) []store.Job {
	timeout := time.NewTimer(glanceTime)
	defer timeout.Stop()
	select {
	case <-g.begin(look):
	case <-timeout.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.found
}

// begin starts a look unless one is under way, and returns what is closed when that has come back.
func (g *glance) begin(look func() []store.Job) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.back != nil {
		return g.back
	}
	back := make(chan struct{})
	g.back = back
	go func() {
		found := look()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.found, g.back = found, nil
		close(back)
	}()
	return back
}
