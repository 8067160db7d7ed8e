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
	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/store"
)

// childEnv has the settings of a process of the pool's, which is this test program once more.
const childEnv = "BBBPOOL_TEST_STORM"

// childConfig is what a process is started with.
type childConfig struct {
	children.Config

	Spool string
	URL   string // where servers call back
	Epoch int    // which process it is, of all that were started; it stands in the User-Agent of what it sends
}

// agent is what a process calls itself.
func agent(epoch int) string { return fmt.Sprint("storm-", epoch) }

// leaseTime is how long a leader may say nothing: a takeover is to be no longer than need be.
const leaseTime = 2 * time.Second

// settings have short pauses, so that much happens in each life of a process.
func (c *childConfig) settings() (assembly.Settings, error) {
	set, err := assembly.Defaults()
	set.HTTP.Listen, set.Callbacks.URL = c.Listen, c.URL
	set.Callbacks.MarksWait = 500 * time.Millisecond
	set.Outbox.Allow = []string{"127.0.0.1"}
	set.Outbox.First, set.Outbox.Most = 50*time.Millisecond, 400*time.Millisecond
	set.Poller.Interval = time.Second
	set.Recordings.Spool = c.Spool
	set.Recordings.Interval, set.Recordings.Rest, set.Recordings.Retry = time.Second, 0, 200*time.Millisecond
	set.Recordings.Volume.MinFree = 0 // the disk is the machine's own business
	if c.Redis != "" {
		set.Stores.RedisURL, set.Stores.DatabaseURL = store.Secret(c.Redis), store.Secret(c.Postgres)
		set.Instances.Listen, set.Instances.Address, set.Instances.Lease = c.Between, c.Address, leaseTime
		set.Recordings.Root = filepath.Join(c.Shared, "recordings")
	}
	return set, err
}

// child is a process of the pool's, until it is killed.
func child(config string) int {
	var c childConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return failed(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	set, err := c.settings()
	if err != nil {
		return failed(err)
	}
	zerolog.TimeFieldFormat = time.RFC3339Nano // when a process has ceased to lead is compared with what it has sent
	log := zerolog.New(os.Stderr).With().Timestamp().Int("process", c.Epoch).Logger()
	pool, err := assembly.Open(ctx, assembly.Options{Settings: set, Data: filepath.Clean(c.Data), Version: agent(c.Epoch), Log: log})
	if err != nil {
		return failed(err)
	}
	if err := pool.Run(ctx); err != nil {
		return failed(err)
	}
	return 0
}

// failure is what stands in the log before why a process has ended by itself.
const failure = "the pool has failed: "

func failed(err error) int {
	fmt.Fprintln(os.Stderr, failure+err.Error())
	return 1
}
