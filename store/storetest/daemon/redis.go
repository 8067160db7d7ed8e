package daemon

import (
	"context"
	"fmt"
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
	server

	next atomic.Int64
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
	r := &Redis{server: server{
		program: find(t, "redis-server", "redis-server"), dir: tempDir(t, nil), stop: syscall.SIGTERM, kill: syscall.SIGKILL,
	}}
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
	client := redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	r.launch(t, func() error { return client.Ping(context.Background()).Err() })
}

// Dir is where the server keeps its files.
func (r *Redis) Dir() string { return r.dir }
