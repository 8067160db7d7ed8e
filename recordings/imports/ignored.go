package imports

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// JobIgnored is the state in which [Importer.Jobs] lists what lies in the spool and nothing takes. It is never stored.
const JobIgnored store.JobState = "ignored"

// packed are the names of what is packed in other ways than ours.
var packed = []string{".xz", ".txz", ".bz2", ".tbz", ".tbz2", ".lz", ".lz4", ".lzma", ".z", ".zip", ".7z", ".rar", ".gz", ".zst"}

// looksPacked tells whether a file seems to be an archive that we do not read.
func looksPacked(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains(packed, strings.ToLower(filepath.Ext(name)))
}

// unwanted tells why nothing takes what lies in the spool under a name; "" for what is taken, or none of our business.
func unwanted(name string, kind fs.FileMode) string {
	const want = "want .tar, .tar.gz, .tgz or .tar.zst"
	switch {
	case strings.HasPrefix(name, "."), kind.IsDir() && (name == quarantine || name == "lost+found"):
		return ""
	case kind&fs.ModeSymlink != 0:
		return "is a link: put the archive itself here"
	case kind.IsDir():
		return "is a directory: bbbpool recording import takes recordings in directories"
	case !kind.IsRegular():
		return "is no file"
	case isArchive(name):
		return ""
	case looksPacked(name):
		return "is packed as " + strings.ToLower(filepath.Ext(name)) + ", which bbbpool does not read: " + want
	}
	return "has not the name of an archive: " + want
}

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
		why := unwanted(e.Name(), e.Type())
		if why == "" || len(list) == record.MaxFindings { // a backlog costs no look at each of its archives
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		of := identityOf(info)
		list = append(list, store.Job{
			ID: e.Name(), Path: filepath.Join(i.Config.Spool, e.Name()), Source: fromSpool, State: JobIgnored, Reason: why,
			Bytes: of.size, Modified: of.modified, Created: of.modified, Changed: of.modified,
		})
	}
	return list
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
