package chaos_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// childEnv has the settings of an instance in a process of its own, which is this test program once more.
const childEnv = "BBBPOOL_TEST_CHAOS"

// instanceConfig is what an instance is started with.
type instanceConfig struct {
	children.Config

	Secret string
}

// gate lets connections to servers through, or does not: the network between one instance and one server.
type gate struct {
	mu  sync.Mutex
	cut map[string]bool // by host and port
}

var errCut = errors.New("the network is cut")

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if g.shut(addr) {
		return nil, errCut
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return gated{conn, g, addr}, nil
}

func (g *gate) shut(addr string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cut[addr]
}

// gated is a connection that breaks when its gate is shut.
type gated struct {
	net.Conn
	gate *gate
	addr string
}

func (c gated) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.gate.shut(c.addr) {
		return 0, errCut
	}
	return n, err
}

func (c gated) Write(b []byte) (int, error) {
	if c.gate.shut(c.addr) {
		return 0, errCut
	}
	return c.Conn.Write(b)
}

// obey does what the test says on the standard input: "cut ADDR", "heal".
func (g *gate) obey(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		verb, addr, _ := strings.Cut(lines.Text(), " ")
		g.mu.Lock()
		switch verb {
		case "cut":
			g.cut[addr] = true
		case "heal":
			clear(g.cut)
		}
		g.mu.Unlock()
	}
}

// child is an instance, until it is told to end.
func child(config string) int {
	var c instanceConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	set, err := assembly.Defaults()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	g := &gate{cut: map[string]bool{}}
	go g.obey(os.Stdin)
	transport := bbb.NewTransport(bbb.Timeouts{Connect: set.Poller.Connect})
	transport.Dial = g.dial
	set.Poller.Transport = transport
	set.Poller.Interval = time.Second
	set.HTTP.Listen, set.Gateway.Secret = c.Listen, store.Secret(c.Secret)
	set.Stores.RedisURL, set.Stores.DatabaseURL = store.Secret(c.Redis), store.Secret(c.Postgres)
	set.Instances.Listen, set.Instances.Address = c.Between, c.Address
	set.Recordings.Interval, set.Recordings.Rest, set.Recordings.Retry = time.Second, 0, time.Second
	set.Recordings.Root = filepath.Join(c.Shared, "recordings")
	log := zerolog.New(os.Stderr).With().Timestamp().Logger()
	pool, err := assembly.Open(ctx, assembly.Options{Settings: set, Data: c.Data, Log: log})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := pool.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
