package daemon

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// redisDatabases is how many a test server has: one for each case.
const redisDatabases = 4096

// Redis is a Redis server.
type Redis struct {
	Addr string // host and port

	program, dir string
	args         []string
	process      *process
	next         atomic.Int64
}

// Redis returns the Redis server of these tests, and starts it where it is not running yet.
func (s *Servers) Redis(t testing.TB) *Redis {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.redis == nil {
		r := NewRedis(t)
		s.redis, s.stop = r, append(s.stop, r.Remove)
	}
	return s.redis
}

// NewRedis starts a Redis server of one's own, which it is for the caller to Remove. Args go before the options that make it
// a test's.
func NewRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r := &Redis{program: find(t, "redis-server", "redis-server"), dir: tempDir(t, nil)}
	port := FreePort(t)
	r.Addr = fmt.Sprintf("127.0.0.1:%d", port)
	r.args = append(args, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", r.dir, "--databases",
		strconv.Itoa(redisDatabases), "--daemonize", "no", "--loglevel", "warning")
	if len(args) == 0 {
		r.args = append(r.args, "--save", "", "--appendonly", "no")
	}
	r.Start(t)
	return r
}

// URL returns the address of a database that no other test has, in the form of REDIS_URL.
func (r *Redis) URL() string {
	return fmt.Sprintf("redis://%s/%d", r.Addr, r.next.Add(1)%redisDatabases)
}

// Start starts the server again after it was stopped, and returns when it answers.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	p, err := start(nil, r.dir, r.program, r.args...)
	if err != nil {
		t.Fatal(err)
	}
	r.process = p
	client := redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	p.await(t, r.dir, func() error { return client.Ping(context.Background()).Err() })
}

// Stop ends the server as an operator would.
func (r *Redis) Stop() { r.process.end(syscall.SIGTERM) }

// Kill ends the server at once.
func (r *Redis) Kill() { r.process.end(syscall.SIGKILL) }

// Pause makes the server hang, until Continue.
func (r *Redis) Pause() { r.process.signal(syscall.SIGSTOP) }

// Continue lets a server go on that hangs.
func (r *Redis) Continue() { r.process.signal(syscall.SIGCONT) }

// Dir is where the server keeps its files.
func (r *Redis) Dir() string { return r.dir }

// Remove ends the server, and takes away its files.
func (r *Redis) Remove() {
	r.Kill()
	_ = os.RemoveAll(r.dir)
}
