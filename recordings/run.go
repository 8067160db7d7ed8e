package recordings

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Run imports what arrives, asks for what is owed and keeps index and disk together until ctx ends. It starts, and goes
// on, whatever the disk does: nobody's meeting waits for a recording. Where several instances share the recordings it is a term
// of the one that works on them, and can be called again for the next.
func (s *Service) Run(ctx context.Context) error {
	defer s.endTerm()
	renew := s.beginTerm()
	group, ctx := errgroup.WithContext(ctx)
	run := func(part func(context.Context)) {
		group.Go(func() error {
			part(ctx)
			return nil
		})
	}
	if !s.term.attended.Load() {
		group.Go(func() error { return s.Disk.Run(ctx) })
	}
	run(func(ctx context.Context) { s.debts.Run(ctx, s.Pool) })
	run(s.watchDisk)
	run(func(ctx context.Context) {
		if !s.begin(ctx, renew) {
			return
		}
		for _, part := range []func(context.Context){s.importer.Watch, s.importer.Dispatch, s.tidy} {
			run(part)
		}
	})
	return s.leave(ctx, group)
}

// stopTime is how long work on a disk that hangs is waited for when the program is told to end.
const stopTime = 10 * time.Second

// leave waits for the parts to end. What is stuck in a disk that does not answer is left there.
func (s *Service) leave(ctx context.Context, group *errgroup.Group) error {
	done := make(chan error, 1)
	go func() { done <- group.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(stopTime):
			if s.Disk.Hung() {
				return errors.New("the disk of the recordings does not answer: work on it was left")
			}
		}
	}
}

// diskEvery is how often it is looked whether the disk is well.
const diskEvery = time.Second

// watchDisk says when the disk can no longer be used, and when it can again; then it is looked what was missed.
func (s *Service) watchDisk(ctx context.Context) {
	for was := ""; pause(ctx, diskEvery); {
		now := s.Disk.Problem()
		switch {
		case now != "" && was == "":
			s.Log.Warn().Str("problem", now).Msg("recordings wait for the disk")
		case now == "" && was != "":
			s.Log.Info().Msg("the disk of the recordings is well again")
			s.files.LookAgain()
			s.importer.Look()
		}
		was = now
	}
}

// awayRetry is how soon it is tried again where the index is away: to ask costs nothing then.
const awayRetry = 2 * time.Second

// begin makes the directories ready and finishes what a crash has left, as soon as the disk lets it. It returns false if
// ctx ended before. Where another instance may have worked on them before, it is read anew what there is to do.
func (s *Service) begin(ctx context.Context, renew bool) bool {
	if !s.enter(ctx) {
		return false
	}
	told := false // that the index is away, which whoever watches it says as well
	for wait := s.Config.Retry; ; wait = min(2*wait, time.Minute) {
		err := s.files.Prepare(ctx)
		if err == nil && renew {
			err = s.importer.Renew(ctx)
		}
		if err == nil {
			err = s.importer.Settle(ctx)
		}
		if err == nil {
			return true
		}
		away := errors.Is(err, store.ErrAway)
		if !away || !told {
			s.Log.Error().Err(err).Msg("recordings cannot be worked on: tried again")
		}
		if told = away; away {
			wait = min(wait, awayRetry)
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

const (
	tidyEvery = 24 * time.Hour
	// catchUp is how soon files are looked after that have not followed the index.
	catchUp = time.Minute
)

// tidy does what nobody waits for, at the start and then every day. In between it lets files follow the index which could
// not do so before.
func (s *Service) tidy(ctx context.Context) {
	var last time.Time
	for ctx.Err() == nil {
		if record.Age(s.Now(), last) >= tidyEvery || s.files.TakeLookAgain() {
			if err := s.tidyOnce(ctx); err != nil && ctx.Err() == nil {
				s.Log.Error().Err(err).Msg("tidy up the recordings: tried again later")
				s.files.LookAgain()
			} else {
				last = s.Now()
			}
		}
		if err := s.files.Retry(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error().Err(err).Msg("let files follow the index: tried again later")
		}
		if !pause(ctx, catchUp) {
			return
		}
	}
}

// tidyOnce lets files follow the index where a crash or a full disk has kept them from it, removes leftovers, applies the
// retention, and forgets old jobs.
func (s *Service) tidyOnce(ctx context.Context) error {
	err := s.auditor.Tidy(ctx)
	if s.Disk.Hung() {
		return err
	}
	return errors.Join(err, s.retain(ctx), s.importer.ForgetOld(ctx))
}

// ErrEnding is that the program is about to end.
var ErrEnding = errors.New("bbbpool is stopping: try again when it runs")

// works are the long works that operators have asked for.
type works struct {
	mu      sync.Mutex
	running sync.WaitGroup
	ending  chan struct{} // closed when no more may begin, and those under way shall end
	term    chan struct{} // closed when those under way shall end, and others may begin
	over    bool
}

// begin begins a long work, which ends with its caller or with the program.
func (w *works) begin(ctx context.Context) (_ context.Context, done func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return nil, nil, ErrEnding
	}
	w.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	term := w.term
	go func() {
		select {
		case <-term:
			cancel()
		case <-w.ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		w.running.Done()
	}, nil
}

// end tells the works under way that they shall end, lets no more begin, and waits for them.
func (w *works) end() {
	w.mu.Lock()
	w.over = true
	close(w.ending)
	w.mu.Unlock()
	w.running.Wait()
}

// interrupt tells the works under way that they shall end, and waits for nobody.
func (w *works) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.term)
	w.term = make(chan struct{})
}

// LongCalls are the calls that take long: uploads, and the works of operators. They are a part of their own for the order
// in which a pool stops: they end before the HTTP server waits for its requests to be over.
type LongCalls struct{ Service *Service }

// sweepEvery is how often uploads are looked through that nobody goes on with.
const sweepEvery = time.Hour

// Run sweeps uploads now and then until ctx ends; then it ends what is under way, and waits for that.
func (l LongCalls) Run(ctx context.Context) error {
	s := l.Service
	for pause(ctx, sweepEvery) {
		if err := s.Uploads.Sweep(s.Now()); err != nil {
			s.Log.Warn().Err(err).Msg("look through the uploads")
		}
	}
	s.Uploads.Stop()
	s.works.end()
	return nil
}

// pause waits, and returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
