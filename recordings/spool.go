package recordings

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// Where jobs come from.
const (
	fromSpool   = "spool"
	fromUpload  = "upload"
	fromCommand = "command"
)

// suffixes are the names that archives end in.
var suffixes = []string{".tar", ".tar.gz", ".tgz", ".tar.zst"}

// isArchive tells whether a file is one by its name. Hidden ones are being written by rsync, or taken away by us.
func isArchive(name string) bool {
	_, _, ok := cutSuffix(name)
	return ok && !strings.HasPrefix(filepath.Base(name), ".")
}

// cutSuffix cuts off what the name of an archive ends in, in whatever case.
func cutSuffix(name string) (stem, suffix string, ok bool) {
	for _, suffix := range suffixes {
		if n := len(name) - len(suffix); n >= 0 && strings.EqualFold(name[n:], suffix) {
			return name[:n], name[n:], true
		}
	}
	return name, "", false
}

// identity is what tells an archive from another one of the same name.
type identity struct {
	size     int64
	modified time.Time
}

func (i identity) is(j store.Job) bool { return i.size == j.Bytes && i.modified.Equal(j.Modified) }

// farthest is the latest time that a job can be written down with.
var farthest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func identityOf(info fs.FileInfo) identity {
	modified := info.ModTime().UTC()
	if modified.After(farthest) || modified.Year() < 1 {
		modified = farthest
	}
	return identity{info.Size(), modified}
}

// sighting is an archive in the spool that may still be growing.
type sighting struct {
	identity
	since time.Time // when it was first seen like this
	taken bool      // there is a job for it
}

// watch looks through the spool when something new is there, and every interval in case nobody tells.
func (s *Service) watch(ctx context.Context) {
	bell := s.bell(ctx)
	seen := map[string]sighting{}
	for {
		again := s.scan(ctx, seen)
		timer := time.NewTimer(again)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-bell:
		case <-s.look:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// settling is how long news from the spool is gathered: many come together.
const settling = 100 * time.Millisecond

// bell rings when something has appeared in the spool. Where the file system does not tell, it never does.
func (s *Service) bell(ctx context.Context) <-chan struct{} {
	bell := make(chan struct{})
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		err = watcher.Add(s.Config.Spool)
	}
	if err != nil {
		s.Log.Warn().Err(err).Str("spool", s.Config.Spool).Msg("new archives are found by looking every --spool-interval")
		return bell
	}
	go func() {
		defer func() { _ = watcher.Close() }()
		for ctx.Err() == nil {
			select {
			case e := <-watcher.Events:
				if !e.Has(fsnotify.Create) || !isArchive(filepath.Base(e.Name)) || !pause(ctx, settling) {
					continue
				}
				drain(watcher.Events)
				select {
				case bell <- struct{}{}:
				case <-ctx.Done():
				}
			case err := <-watcher.Errors: // too many at once: the next look finds them all
				s.Log.Debug().Err(err).Msg("news from the spool")
			case <-time.After(s.Config.Interval): // another directory may have been mounted there
				if !s.Disk.Hung() {
					_ = watcher.Add(s.Config.Spool) // looking through it tells what is wrong
				}
			case <-ctx.Done():
			}
		}
	}()
	return bell
}

// drain forgets the news that one look through the spool answers.
func drain(events <-chan fsnotify.Event) {
	for {
		select {
		case <-events:
		default:
			return
		}
	}
}

// scan looks through the spool once and returns when to look again. It remembers in seen what it has seen.
func (s *Service) scan(ctx context.Context, seen map[string]sighting) time.Duration {
	if s.Disk.Problem() != "" {
		return s.Config.Interval // said by the volume itself
	}
	found, err := s.archives()
	if err != nil {
		s.Log.Error().Err(err).Msg("look through the spool")
		return s.Config.Interval
	}
	for name := range seen {
		if _, there := found[name]; !there {
			delete(seen, name)
		}
	}
	again, now := s.Config.Interval, s.Now() // what was seen together has rested together
	var rested []*attempt
	defer func() { s.queue.release(rested...) }() // all at once: their order matters
	for _, name := range byAge(found) {
		id := found[name]
		was, known := seen[name]
		if !known || was.identity != id {
			was = sighting{identity: id, since: now}
		}
		if left := s.Config.Rest - now.Sub(was.since); left > 0 {
			again = min(again, left)
		} else if !was.taken || !s.queue.has(name) { // it may be back from quarantine
			var a *attempt
			if a, was.taken = s.notice(ctx, name, id); a != nil {
				rested = append(rested, a)
			}
		}
		seen[name] = was
	}
	return max(again, settling)
}

// byAge are the names of archives, the oldest first. They are noted in this order: what a crash keeps from being noted
// must not be older than what was, and then have the last word about a recording.
func byAge(found map[string]identity) []string {
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(found[a].modified.Compare(found[b].modified), cmp.Compare(a, b))
	})
}

// archives returns what lies in the spool.
func (s *Service) archives() (map[string]identity, error) {
	entries, err := os.ReadDir(s.Config.Spool)
	if err != nil {
		return nil, library.Explain(err)
	}
	found := map[string]identity{}
	for _, e := range entries {
		if !isArchive(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil { // else it has just gone
			found[e.Name()] = identityOf(info)
		}
	}
	return found, nil
}

// newJob is a job that waits for its first try.
func (s *Service) newJob(id, path, source string, of identity) store.Job {
	now := s.Now()
	return store.Job{
		ID: id, Path: path, Source: source, State: store.JobWaiting, Bytes: of.size, Modified: of.modified,
		Created: now, Changed: now,
	}
}

var errKnown = errors.New("known already")

// notice makes a job for an archive that has come to rest, unless it has one. It returns whether it has one now, and the
// attempt of its first try, to be given up, if that is new.
func (s *Service) notice(ctx context.Context, name string, id identity) (a *attempt, taken bool) {
	if a = s.queue.begin(name); a == nil {
		return nil, false // busy with the one before it, of the same name
	}
	path := filepath.Join(s.Config.Spool, name)
	if info, err := os.Lstat(path); err != nil || identityOf(info) != id {
		a.done() // it was imported since it was seen, or is growing
		return nil, false
	}
	job, err := s.Index.UpdateJob(ctx, name, func(j *store.Job) error {
		over := j.State == store.JobDone && j.Reason == "" || j.State == store.JobDropped ||
			j.State == store.JobFailed && j.Path != path // it went to quarantine, and has come back
		if j.State != "" && id.is(*j) && !over {
			return errKnown
		}
		if j.State == store.JobPlacing { // the one before it, which has to be finished first
			return ErrBusy
		}
		*j = s.newJob(name, path, fromSpool, id)
		return nil
	})
	if err == nil {
		a.await(job)
		return a, true
	}
	a.done()
	if !errors.Is(err, errKnown) && !errors.Is(err, ErrBusy) {
		s.Log.Error().Err(err).Str("archive", name).Msg("note an archive")
	}
	return nil, errors.Is(err, errKnown)
}
