package recordings

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings/volume"
)

// Attendance looks after the disk in an instance that may or may not work on the recordings: it plays them, and takes uploads, in
// any case. Where there is but one instance, Run of the service does so itself.
type Attendance struct {
	Service *Service
	// ID and Word are written into each directory, so that other instances find out whether they have the same; "" for nothing.
	ID, Word string
}

// announceEvery is how often an instance writes into the directories that it has them.
const announceEvery = 10 * time.Second

// Attend has the disk looked after by an [Attendance], and not by each Run. It is called before the first of them.
func (s *Service) Attend(id, word string) Attendance {
	s.term.attended.Store(true)
	return Attendance{s, id, word}
}

// Run looks after the disk until ctx ends.
func (a Attendance) Run(ctx context.Context) error {
	a.Service.term.attended.Store(true)
	var group errgroup.Group
	group.Go(func() error { return a.Service.Disk.Run(ctx) })
	if a.ID != "" {
		go a.announce(ctx) // not waited for: the disk may keep it
	}
	return group.Wait()
}

// announce writes into the directories that this instance has them, as long as it runs.
func (a Attendance) announce(ctx context.Context) {
	for {
		if !a.Service.Disk.Gone() {
			for _, dir := range a.Service.Config.sharedDirs() {
				if err := volume.ProveShared(dir, a.ID, a.Word); err != nil {
					a.Service.Log.Debug().Err(err).Msg("others do not see that this instance has their directories")
				}
				_ = volume.ForgetInstances(dir, a.Service.Now()) // whose instances are gone for long: no harm
			}
		}
		if !pause(ctx, announceEvery) {
			return
		}
	}
}

// sharedDirs are the directories that all instances have to have.
func (c Config) sharedDirs() []string { return []string{c.Spool, c.Published, c.Unpublished, c.Trash} }

// Unshared tells which instances, by ID and word, do not have the directories that this one has, and why: nothing where all share
// them. It waits for the disk as long as ctx lasts.
func (s *Service) Unshared(ctx context.Context, instances map[string]string) (list []string, err error) {
	if s.Disk.Gone() {
		return nil, fmt.Errorf("%w: %s", ErrVolume, s.Disk.Problem())
	}
	type outcome struct {
		list []string
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		for _, dir := range s.Config.sharedDirs() {
			found, err := volume.Unshared(dir, instances)
			if err != nil {
				o.err = err
				break
			}
			o.list = append(o.list, found...)
		}
		done <- o
	}()
	select {
	case o := <-done:
		return o.list, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
