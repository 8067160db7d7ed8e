package stream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// Path is where an instance streams.
const Path = "/stream"

// FreshFor is how long news is gone by: what is older is stale.
const FreshFor = 500 * time.Millisecond

// limits of a follower.
const (
	silence   = time.Second           // without a byte a stream is taken for dead
	firstWait = 50 * time.Millisecond // before the second try
	lastWait  = time.Second
)

// Epochs is what is known of leaders: who it is, and how large epochs have become.
type Epochs interface {
	// Leader returns who leads, and a channel that is closed when that changes.
	Leader() (store.Lease, <-chan struct{})
	// Highest is the largest epoch that was heard of.
	Highest() uint64
	// Seen notes one.
	Seen(epoch uint64)
	// Look looks at once who leads.
	Look()
}

// Feed hears the news of the leader for the parts of a follower.
type Feed struct {
	Parts  map[string]News
	ID     string // of this instance, which does not follow itself
	Epochs Epochs
	Client http.RoundTripper
	Log    zerolog.Logger
	Now    func() time.Time // a clock that only goes forward; time.Now if nil

	hearing sync.Mutex // held while a part hears

	mu    sync.Mutex
	held  int
	epoch uint64    // of the leader that is heard
	asOf  time.Time // its news is known up to then; zero where nothing is heard
	last  time.Time // it was heard last, be it with old news
	cut   context.CancelFunc
	fault error // why the last stream ended, or did not begin
}

// Fresh tells whether everything that the leader knew half a second ago is known here.
func (f *Feed) Fresh() bool {
	age, epoch := f.age()
	return epoch > 0 && age <= FreshFor && epoch >= f.Epochs.Highest()
}

// Lag is how old the news is; false where there is none.
func (f *Feed) Lag() (time.Duration, bool) {
	age, epoch := f.age()
	return age, epoch > 0
}

func (f *Feed) age() (time.Duration, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asOf.IsZero() {
		return 0, 0
	}
	return f.now().Sub(f.asOf), f.epoch
}

// Heard is when a leader was heard last; the zero time before the first.
func (f *Feed) Heard() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// Fault is why nothing is heard; nil while something is.
func (f *Feed) Fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

// Hold ends the stream, and returns when no part hears any more. None does until release.
func (f *Feed) Hold() (release func()) {
	f.mu.Lock()
	f.held++
	f.asOf, f.epoch = time.Time{}, 0
	if f.cut != nil {
		f.cut()
	}
	f.mu.Unlock()
	f.hearing.Lock()
	defer f.hearing.Unlock()
	return sync.OnceFunc(func() {
		f.mu.Lock()
		f.held--
		f.mu.Unlock()
		f.Epochs.Look()
	})
}

// Run follows whoever leads, until ctx ends.
func (f *Feed) Run(ctx context.Context) error {
	wait := firstWait
	for ctx.Err() == nil {
		l, changed := f.Epochs.Leader()
		if l.Holder == "" || l.Holder == f.ID {
			f.rest(ctx, changed, time.Hour)
			wait = firstWait
			continue
		}
		began := time.Now()
		err := f.follow(ctx, l)
		f.over(err)
		f.Epochs.Look() // a stream that ends may mean that the lease was given back
		if time.Since(began) > lastWait {
			wait = firstWait
		}
		if now, changed := f.Epochs.Leader(); now.Holder == l.Holder && now.Epoch == l.Epoch {
			f.rest(ctx, changed, wait/2+rand.N(wait/2))
			wait = min(2*wait, lastWait)
		} else {
			wait = firstWait
		}
	}
	return nil
}

// rest waits for a time, or until something has changed.
func (f *Feed) rest(ctx context.Context, changed <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-timer.C:
	}
}

// over notes that nothing is heard any more.
func (f *Feed) over(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := f.fault == nil || !f.asOf.IsZero()
	if news && !errors.Is(err, context.Canceled) && !errors.Is(err, errOld) && !errors.Is(err, errHeld) && !errors.Is(err, errMute) {
		f.Log.Warn().Err(err).Msg("the stream of the leader has ended, or cannot be had")
	}
	f.asOf, f.epoch, f.cut, f.fault = time.Time{}, 0, nil, err
}

var (
	errHeld   = errors.New("this instance is about to lead, or does")
	errSilent = errors.New("the leader says nothing")
	errOld    = errors.New("the leader is not the newest one")
	errMute   = errors.New("the leader does not say how long the stream has gone on")
)

// follow hears one stream, until it ends, or another leads.
func (f *Feed) follow(ctx context.Context, l store.Lease) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.mu.Lock()
	if f.held > 0 {
		f.mu.Unlock()
		return errHeld
	}
	f.cut = func() { cancel(errHeld) }
	f.mu.Unlock()
	go f.watch(ctx, l, cancel)
	alive := time.AfterFunc(2*silence, func() { cancel(errSilent) }) // a connection takes longer than a beat
	defer alive.Stop()
	err := f.read(ctx, l, alive)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// watch ends a stream when another leads than the one that it is from.
func (f *Feed) watch(ctx context.Context, l store.Lease, cancel context.CancelCauseFunc) {
	for {
		now, changed := f.Epochs.Leader()
		if now.Holder != l.Holder || now.Epoch != l.Epoch {
			cancel(errOld)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// read asks for the stream, and hears what it says.
func (f *Feed) read(ctx context.Context, l store.Lease, alive *time.Timer) error {
	asking, asked := connected(ctx, f.now)
	r, err := http.NewRequestWithContext(asking, http.MethodGet, "https://"+l.Address+Path, nil)
	if err != nil {
		return fmt.Errorf("the address of the leader: %w", err)
	}
	resp, err := f.Client.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, which has the lease, answers %d", l.Address, resp.StatusCode)
	}
	in := bufio.NewReaderSize(lively{resp.Body, alive}, 64<<10)
	first, err := readFrame(in, 4<<10)
	if err != nil {
		return err
	}
	begin, ok := readSign(first)
	if !ok || begin.Kind != hello {
		return errFrame
	}
	f.Epochs.Seen(begin.Epoch)
	a := newAnswers(begin.Stream, l.Address, f.Client, &clock{began: *asked, windowBegan: *asked}, f.now)
	ctx, stop := context.WithCancel(ctx)
	var answering sync.WaitGroup
	answering.Go(func() { a.run(ctx) })
	answering.Go(func() { a.compare(ctx) })
	defer answering.Wait()
	defer stop()
	return f.hear(ctx, in, begin.Epoch, a)
}

// lively is a body that says nothing for too long only if its reader says so.
type lively struct {
	io.Reader

	alive *time.Timer
}

// Read tells the timer that something has come.
func (l lively) Read(b []byte) (int, error) {
	n, err := l.Reader.Read(b)
	if n > 0 {
		l.alive.Reset(silence)
	}
	return n, err
}

// hear hands on what a stream says.
func (f *Feed) hear(ctx context.Context, in io.Reader, epoch uint64, a *answers) error {
	for {
		fr, err := readFrame(in, maxFrame)
		if err != nil {
			return err
		}
		if epoch < f.Epochs.Highest() {
			return errOld
		}
		if fr.part != "" {
			if err := f.give(ctx, fr); err != nil {
				return err
			}
			continue
		}
		switch s, _ := readSign(fr); s.Kind {
		case bye:
			f.Epochs.Look()
			return errOld
		case question:
			a.give(s.Number)
		case beat:
			if s.Epoch != epoch {
				return errOld
			}
			if a.clock.unheard(f.now()) { // a leader of the version before never says it: the next stream begins with a bound of its own
				return errMute
			}
			f.fresh(epoch, a.clock.sent(time.Duration(s.At)*time.Millisecond, f.now()))
		}
	}
}

// give has a part hear a frame. What no part here knows, a newer leader has told.
func (f *Feed) give(ctx context.Context, fr frame) error {
	part, known := f.Parts[fr.part]
	if !known {
		return nil
	}
	f.hearing.Lock()
	defer f.hearing.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := part.Hear(fr.body, fr.first); err != nil {
		return fmt.Errorf("the news of %s: %w", fr.part, err)
	}
	return nil
}

// fresh notes up to when everything is known.
func (f *Feed) fresh(epoch uint64, asOf time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last = f.now(); f.held == 0 {
		f.epoch, f.asOf, f.fault = epoch, asOf, nil
	}
}

func (f *Feed) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

func readSign(f frame) (s sign, ok bool) {
	return s, f.part == "" && json.Unmarshal(f.body, &s) == nil && s.At >= 0
}
