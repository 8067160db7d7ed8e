package recordings

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// JobIgnored is the state in which [Service.Jobs] lists what lies in the spool and nothing takes. It is never stored.
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

// ignored are what lies in the spool and nothing takes, with the reasons, by name. Where the disk cannot be read, that is
// said elsewhere.
func (s *Service) ignored() (list []store.Job) {
	if s.Disk.Problem() != "" {
		return nil
	}
	entries, err := os.ReadDir(s.Config.Spool)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		why := unwanted(e.Name(), e.Type())
		info, err := e.Info()
		if why == "" || err != nil || len(list) == maxFindings {
			continue
		}
		of := identityOf(info)
		list = append(list, store.Job{
			ID: e.Name(), Path: filepath.Join(s.Config.Spool, e.Name()), Source: fromSpool, State: JobIgnored, Reason: why,
			Bytes: of.size, Modified: of.modified, Created: of.modified, Changed: of.modified,
		})
	}
	return list
}

// withIgnored adds to a page of jobs what is ignored, where that is asked for.
func (s *Service) withIgnored(jobs []store.Job, f store.JobFilter) []store.Job {
	if len(f.States) > 0 && !slices.Contains(f.States, JobIgnored) {
		return jobs
	}
	last := ""
	if f.Limit > 0 && len(jobs) == f.Limit {
		last = jobs[len(jobs)-1].ID // of a full page
	}
	for _, j := range s.ignored() {
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

// passedOver says in words that something lies in the spool which nothing takes.
func (s *Service) passedOver() (list []string) {
	ignored := s.ignored()
	if len(ignored) == 0 {
		return nil
	}
	more := ""
	if n := len(ignored) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more (bbbpool recording jobs)", n)
	}
	return []string{fmt.Sprintf("in the spool, and nothing takes it: %s %s%s", ignored[0].ID, ignored[0].Reason, more)}
}
