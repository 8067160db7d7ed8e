package moving

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

const (
	// stillness is how long the beat of a lease must have stood still before its holder counts as gone: more than two beats of
	// the longest lease time that an instance may have. One that hangs and comes back later finds itself fenced.
	stillness = 25 * time.Second
	glance    = 250 * time.Millisecond
	renewal   = 500 * time.Millisecond
	// parting is how long a database may go on listing whoever has just gone.
	parting = 1500 * time.Millisecond
)

// Hold takes the lease of stores that several instances may share, so that none of them works there meanwhile, and returns a
// context that ends when it is lost. Where an instance runs it is [ErrInUse]. Stores that are not shared are nobody else's as
// long as they are open. Release gives the lease back.
func Hold(ctx context.Context, s *driver.Stores) (held context.Context, release func(), err error) {
	if s.Leases == nil {
		return ctx, func() {}, nil
	}
	was, err := free(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	mine := store.Lease{
		Holder:  own() + strconv.FormatInt(time.Now().UnixNano(), 10),
		Address: "", Epoch: max(was.Epoch+1, uint64(time.Now().UnixMilli())), Beat: 1,
	}
	if err := s.Leases.TakeLease(ctx, was, mine); err != nil {
		if errors.Is(err, store.ErrConflict) {
			err = ErrInUse
		}
		return nil, nil, fmt.Errorf("%s: %w", s.StateAt, err)
	}
	held, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { renew(held, s.Leases, mine, cancel) })
	return held, func() {
		cancel(nil)
		renewing.Wait()
		last, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		_ = s.Leases.DropLease(last, mine) // where it fails others wait for a lease time
	}, nil
}

// take is Hold for what moves records: it looks for a pool that works on the Index, too, which has no lease of its own.
func take(ctx context.Context, s *driver.Stores) (held context.Context, release func(), err error) {
	held, release, err = Hold(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	if err := vacant(held, s); err != nil {
		release()
		return nil, nil, err
	}
	return held, release, nil
}

// vacant tells whether no pool works on the Index. One that has just gone may be listed for a moment.
func vacant(ctx context.Context, s *driver.Stores) error {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for began := time.Now(); ; {
		used, err := s.IndexInUse(ctx)
		switch {
		case err != nil || !used:
			return err
		case time.Since(began) > parting:
			return fmt.Errorf("%s: %w", s.IndexAt, ErrInUse)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// ours tells whether this process has the lease of stores already: they are those that it has opened before.
func ours(ctx context.Context, s *driver.Stores) bool {
	if s.Leases == nil {
		return false
	}
	lease, err := s.Leases.Lease(ctx)
	return err == nil && strings.HasPrefix(lease.Holder, own())
}

// holder begins what a command of this machine is called as the holder of a lease; its process follows.
func holder(host string) string { return "command/" + host + "/" }

// own begins what this process is called as one.
func own() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s%d/", holder(host), os.Getpid())
}

// dead tells whether a holder was a command of this machine that is there no more, as one that was killed.
func dead(name string) bool {
	host, err := os.Hostname()
	process, ours := strings.CutPrefix(name, holder(host))
	process, _, _ = strings.Cut(process, "/")
	pid, bad := strconv.Atoi(process)
	if err != nil || !ours || bad != nil || pid <= 0 {
		return false
	}
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// free waits until it is certain that no instance is there, and returns the lease as it stands then.
func free(ctx context.Context, s *driver.Stores) (store.Lease, error) {
	if s.Instances != nil {
		there, err := s.Instances.Instances(ctx)
		if err != nil {
			return store.Lease{}, err
		}
		if len(there) > 0 {
			return store.Lease{}, fmt.Errorf("%s: %w (instance %.100q at %.100q, %d in all; one that was killed is forgotten within "+
				"seconds)", s.StateAt, ErrInUse, there[0].ID, there[0].Address, len(there))
		}
	}
	was, err := s.Leases.Lease(ctx)
	if err == nil && dead(was.Holder) {
		return was, nil
	}
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for began := time.Now(); err == nil && was.Holder != "" && time.Since(began) < stillness; {
		select {
		case <-ctx.Done():
			return was, ctx.Err()
		case <-ticker.C:
		}
		var now store.Lease
		if now, err = s.Leases.Lease(ctx); err == nil && now.Holder != "" && now != was {
			return now, fmt.Errorf("%s: %w (%.100q has the lease)", s.StateAt, ErrInUse, now.Holder)
		}
		was = now
	}
	return was, err
}

// renew keeps the lease until ctx ends.
func renew(ctx context.Context, leases store.Leases, mine store.Lease, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(renewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := leases.RenewLease(ctx, mine); errors.Is(err, store.ErrFenced) {
			lost(err)
			return
		}
	}
}
