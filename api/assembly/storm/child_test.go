package storm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/assembly"
)

// childEnv has the settings of the pool in a process of its own, which is this test program once more.
const childEnv = "BBBPOOL_TEST_STORM"

// childConfig is what the pool is started with.
type childConfig struct {
	Data, Spool, Listen string
	Epoch               int // how often it was killed before; it stands in the User-Agent of what it sends
}

// agent is what a process calls itself.
func agent(epoch int) string { return fmt.Sprint("storm-", epoch) }

// child is the pool, until it is killed. Its pauses are short, so that much happens in each of its lives.
func child(config string) int {
	var c childConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return failed(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	set, err := assembly.Defaults()
	if err != nil {
		return failed(err)
	}
	set.HTTP.Listen, set.Callbacks.URL = c.Listen, "http://"+c.Listen
	set.Callbacks.MarksWait = 500 * time.Millisecond
	set.Outbox.Allow = []string{"127.0.0.1"}
	set.Outbox.First, set.Outbox.Most = 50*time.Millisecond, 400*time.Millisecond
	set.Poller.Interval = time.Second
	set.Recordings.Spool = c.Spool
	set.Recordings.Interval, set.Recordings.Rest, set.Recordings.Retry = time.Second, 0, 200*time.Millisecond
	set.Recordings.Volume.MinFree = 0 // the disk is the machine's own business
	log := zerolog.New(os.Stderr).With().Timestamp().Int("epoch", c.Epoch).Logger()
	pool, err := assembly.Open(ctx, assembly.Options{Settings: set, Data: filepath.Clean(c.Data), Version: agent(c.Epoch), Log: log})
	if err != nil {
		return failed(err)
	}
	if err := pool.Run(ctx); err != nil {
		return failed(err)
	}
	return 0
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "the pool has failed:", err)
	return 1
}
