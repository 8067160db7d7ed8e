package reload_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/reload"
)

// part counts how often it was read.
type part struct {
	reads  atomic.Int64
	failed atomic.Int64  // how often it still fails
	hangs  chan struct{} // until this is closed, if there is one
}

func (p *part) read(context.Context) error {
	if p.hangs != nil {
		<-p.hangs
	}
	p.reads.Add(1)
	if p.failed.Add(-1) >= 0 {
		return errors.New("the database is away")
	}
	return nil
}

// instance is one of several that tell each other.
type instance struct {
	reload.Notices
	tenants, tokens part
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	i := &instance{}
	i.run(t)
	return i
}

// run runs an instance, for as long as the test does.
func (i *instance) run(t *testing.T) {
	t.Helper()
	i.Log = zerolog.Nop()
	i.Parts = map[string]func(context.Context) error{reload.Tenants: i.tenants.read, reload.Tokens: i.tokens.read}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// counts are how often tenants and tokens were read once all is quiet.
func (i *instance) counts() [2]int64 {
	synctest.Wait()
	return [2]int64{i.tenants.reads.Load(), i.tokens.reads.Load()}
}

// follow has one instance hear what another one tells.
func (i *instance) follow(t *testing.T, leader *instance) (stop func()) {
	t.Helper()
	first := true
	return leader.Tell(func(frame []byte) {
		if err := i.Hear(frame, first); err != nil {
			t.Error(err)
		}
		first = false
	})
}

func TestNotices_Follow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leader, follower := newInstance(t), newInstance(t)
		stop := follower.follow(t, leader)
		if got := follower.counts(); got != [2]int64{1, 1} {
			t.Errorf("whoever begins to listen has read %v, want all once", got)
		}
		leader.Changed(reload.Tenants)
		if got := follower.counts(); got != [2]int64{2, 1} {
			t.Errorf("after a change of tenants %v were read", got)
		}
		if got := leader.counts(); got != [2]int64{0, 0} {
			t.Errorf("what is in force was read again: %v", got)
		}
		if err := leader.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		if got, other := leader.counts(), follower.counts(); got != [2]int64{1, 1} || other != [2]int64{3, 2} {
			t.Errorf("a reload of all has read %v here and %v there", got, other)
		}
		stop()
		leader.Changed(reload.Tokens)
		if got := follower.counts(); got != [2]int64{3, 2} {
			t.Errorf("who does not listen any more has read %v", got)
		}
	})
}

// A read that fails is tried again until what is stored is in force; a reload that somebody waits for says that it has failed.
func TestNotices_StoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t)
		i.tenants.failed.Store(3)
		if err := i.Hear([]byte(`{"kind":"reload","what":["tenants"]}`), false); err != nil {
			t.Fatal(err)
		}
		for i.tenants.reads.Load() < 4 {
			<-time.After(time.Second)
		}
		<-time.After(time.Second)
		if got := i.counts(); got != [2]int64{4, 0} {
			t.Errorf("read %v: want three tries that fail, one that does not, and no more", got)
		}
		i.tokens.failed.Store(1)
		if err := i.Reload(t.Context(), reload.Tenants, reload.Tokens); err == nil || !strings.Contains(err.Error(), "tokens") {
			t.Errorf("a reload that fails says %v", err)
		}
		if got := i.counts(); got != [2]int64{5, 1} {
			t.Errorf("read %v", got)
		}
	})
}

// Instances of other versions tell of what is not known here, and whoever comes in may tell anything.
func TestNotices_Strange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t)
		for text, wrong := range map[string]bool{
			`{"kind":"reload","what":["cats"],"since":1}`: false,
			`{"kind":"weather","what":["tenants"]}`:       false,
			`{"kind":"reload"}`:                           false,
			`[]`:                                          true,
			``:                                            true,
			`{"kind":"reload","what":["` + strings.Repeat("x", 5000) + `"]}`: true,
		} {
			if err := i.Take([]byte(text)); (err != nil) != wrong {
				t.Errorf("%.40q: %v", text, err)
			}
		}
		if got := i.counts(); got != [2]int64{0, 0} {
			t.Errorf("read %v", got)
		}
	})
}

// What has come to be at an instance is told to the one that decides, if there is one.
func TestNotices_Elsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leader, follower := newInstance(t), newInstance(t)
		follower.Elsewhere(reload.Tokens)
		follower.Report = func(frame []byte) {
			if err := leader.Take(frame); err != nil {
				t.Error(err)
			}
		}
		follower.Elsewhere(reload.Tokens)
		if got := leader.counts(); got != [2]int64{0, 1} {
			t.Errorf("the one that decides has read %v", got)
		}
	})
}

// A part whose database hangs keeps nobody from reading another, and whoever waits for what was heard is told what was read.
func TestNotices_Hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &instance{tokens: part{hangs: make(chan struct{})}}
		i.run(t)
		i.Want(reload.Tokens)
		synctest.Wait()
		i.Want(reload.Tenants)
		if !i.Behind(reload.Tenants, reload.Tokens) {
			t.Error("nothing is behind that was heard just now")
		}
		if got := i.counts(); got != [2]int64{1, 0} || i.Behind(reload.Tenants) || !i.Behind(reload.Tokens, "cats") {
			t.Errorf("read %v; behind: %v", got, i.Behind(reload.Tenants))
		}
		i.Want(reload.Tokens) // changed once more, while it is read
		close(i.tokens.hangs)
		if got := i.counts(); got != [2]int64{1, 2} || i.Behind(reload.Tokens) {
			t.Errorf("read %v", got)
		}
		i.tenants.failed.Store(1)
		i.Want(reload.Tenants)
		if i.counts(); !i.Behind(reload.Tenants) {
			t.Error("what could not be read is not behind")
		}
	})
}
