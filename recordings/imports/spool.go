package imports

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/imports/queue"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// sighting is an archive in the spool that may still be growing.
type sighting struct {
	edition.Identity
	since time.Time // when it was first seen like this
	taken bool      // there is a job for it
}

// spool finds archives in the directory where servers put them.
type spool struct {
	importer *Importer
	seen     map[string]sighting // by name
}

// Watch looks through the spool when something new is there, and every interval in case nobody tells, until ctx ends.
func (i *Importer) Watch(ctx context.Context) {
	s := spool{i, map[string]sighting{}}
	bell := s.bell(ctx)
	for {
		again := s.scan(ctx)
		timer := time.NewTimer(again)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-bell:
		case <-s.importer.look:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// Look has the spool looked through now.
func (i *Importer) Look() {
	select {
	case i.look <- struct{}{}:
	default:
	}
}

// settling is how long news from the spool is gathered: many come together.
const settling = 100 * time.Millisecond

// bell rings when something has appeared in the spool. Where the file system does not tell, it never does.
func (s *spool) bell(ctx context.Context) <-chan struct{} {
	bell := make(chan struct{})
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		err = watcher.Add(s.importer.Config.Spool)
	}
	if err != nil {
		s.importer.Log.Warn().Err(err).Str("spool", s.importer.Config.Spool).
			Msg("new archives are found by looking every --spool-interval")
		return bell
	}
	go func() {
		defer func() { _ = watcher.Close() }()
		for ctx.Err() == nil {
			select {
			case e := <-watcher.Events:
				if !e.Has(fsnotify.Create) || !edition.IsArchive(filepath.Base(e.Name)) || !pause(ctx, settling) {
					continue
				}
				drain(watcher.Events)
				select {
				case bell <- struct{}{}:
				case <-ctx.Done():
				}
			case err := <-watcher.Errors: // too many at once: the next look finds them all
				s.importer.Log.Debug().Err(err).Msg("news from the spool")
			case <-time.After(s.importer.Config.Interval): // another directory may have been mounted there
				if !s.importer.Disk.Hung() {
					_ = watcher.Add(s.importer.Config.Spool) // looking through it tells what is wrong
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

// scan looks through the spool once, makes jobs for what has come to rest, and returns when to look again.
func (s *spool) scan(ctx context.Context) time.Duration {
	if s.importer.Disk.Problem() != "" {
		return s.importer.Config.Interval // said by the volume itself
	}
	found, err := s.archives()
	if err != nil {
		s.importer.Log.Error().Err(err).Msg("look through the spool")
		return s.importer.Config.Interval
	}
	for name := range s.seen {
		if _, there := found[name]; !there {
			delete(s.seen, name)
		}
	}
	again, now := s.importer.Config.Interval, s.importer.Now() // what was seen together has rested together
	var rested []*queue.Ticket
	defer func() { s.importer.queue.Release(rested...) }() // all at once: their order matters
	for _, name := range byAge(found) {
		id := found[name]
		was, known := s.seen[name]
		if !known || was.Identity != id {
			was = sighting{Identity: id, since: now}
		}
		if left := s.importer.Config.Rest - now.Sub(was.since); left > 0 {
			again = min(again, left)
		} else if !was.taken || !s.importer.queue.Has(name) { // it may be back from quarantine
			var t *queue.Ticket
			if t, was.taken = s.enlist(ctx, name, id); t != nil {
				rested = append(rested, t)
			}
		}
		s.seen[name] = was
	}
	return max(again, settling)
}

// byAge are the names of archives, the oldest first. They are noted in this order: what a crash keeps from being noted
// must not be older than what was, and then have the last word about a recording.
func byAge(found map[string]edition.Identity) []string {
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(found[a].Modified.Compare(found[b].Modified), cmp.Compare(a, b))
	})
}

// archives returns what lies in the spool.
func (s *spool) archives() (map[string]edition.Identity, error) {
	entries, err := os.ReadDir(s.importer.Config.Spool)
	if err != nil {
		return nil, library.Explain(err)
	}
	found := map[string]edition.Identity{}
	for _, e := range entries {
		if !edition.IsArchive(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil { // else it has just gone
			found[e.Name()] = edition.Of(info)
		}
	}
	return found, nil
}

var errKnown = errors.New("known already")

// enlist makes a job for an archive that has come to rest, unless it has one. It returns whether it has one now, and the
// ticket for its first try, to be given up, if that is new.
func (s *spool) enlist(ctx context.Context, name string, id edition.Identity) (t *queue.Ticket, taken bool) {
	if t = s.importer.queue.Begin(name); t == nil {
		return nil, false // busy with the one before it, of the same name
	}
	path := filepath.Join(s.importer.Config.Spool, name)
	if info, err := os.Lstat(path); err != nil || edition.Of(info) != id {
		t.Done() // it was imported since it was seen, or is growing
		return nil, false
	}
	var known store.Job
	job, err := s.importer.Index.UpdateJob(ctx, name, func(j *store.Job) error {
		over := j.State == store.JobDone && j.Reason == "" || j.State == store.JobDropped ||
			j.State == store.JobFailed && j.Path != path // it went to quarantine, and has come back
		if j.State != "" && id.Equal(edition.OfJob(*j).Identity) && !over {
			known = *j
			return errKnown
		}
		if j.State == store.JobPlacing { // the one before it, which has to be finished first
			return ErrBusy
		}
		staging := j.Staging // tells whose it was
		*j = s.importer.newJob(name, path, fromSpool, id)
		j.Staging = staging
		return nil
	})
	if s.importer.Epoch != nil && errors.Is(err, errKnown) && slices.Contains(open, known.State) { // by another instance
		s.importer.digests.add(known)
		job, err = known, nil
	}
	if err == nil {
		t.Await(job)
		return t, true
	}
	t.Done()
	switch {
	case errors.Is(err, errKnown), errors.Is(err, ErrBusy):
	case errors.Is(err, store.ErrAway): // which is told once by whoever watches the database, and not of each archive
		s.importer.Log.Debug().Err(err).Str("archive", name).Msg("note an archive")
	default:
		s.importer.Log.Error().Err(err).Str("archive", name).Msg("note an archive")
	}
	return nil, errors.Is(err, errKnown)
}
