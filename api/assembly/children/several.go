package children

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// Config is where an instance finds what it needs.
type Config struct {
	Data, Shared     string // its own directory, and that of all
	Listen           string // for front ends
	Between, Address string // for other instances, and where they reach it
	Redis, Postgres  string
}

// Instance is one of several, and what is between it and the rest.
type Instance struct {
	*Process

	Config           Config
	ToRedis, ToIndex *toxiproxy.Proxy
	ToUs             *toxiproxy.Proxy // from other instances
}

// Several are instances of one pool, on one Redis and one PostgreSQL.
type Several struct {
	Redis     *daemon.Redis
	Postgres  *daemon.Postgres
	Instances []*Instance
}

// NewSeveral starts the databases, and makes n instances that are not started yet, with their directories and logs below one.
func NewSeveral(t testing.TB, n int, env, dir string) *Several {
	t.Helper()
	s := &Several{Redis: daemon.NewRedis(t, "--save", "", "--appendonly", "no"), Postgres: daemon.NewPostgres(t)}
	t.Cleanup(s.Redis.Remove)
	t.Cleanup(s.Postgres.Remove)
	database := s.Postgres.URL(t)
	_, path, _ := strings.Cut(strings.TrimPrefix(database, "postgres://postgres@"), "/")
	proxies := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	for i := range n {
		name := fmt.Sprint("instance", i+1)
		in := &Instance{Process: NewProcess(t, name, env, dir), Config: Config{
			Data: filepath.Join(dir, name), Shared: filepath.Join(dir, "shared"),
			Listen: fmt.Sprint("127.0.0.1:", daemon.FreePort(t)), Between: fmt.Sprint("127.0.0.1:", daemon.FreePort(t)),
		}}
		in.ToRedis = proxy(t, proxies, name+"-redis", s.Redis.Addr)
		in.ToIndex = proxy(t, proxies, name+"-postgres", s.Postgres.Addr)
		in.ToUs = proxy(t, proxies, name, in.Config.Between)
		in.Config.Redis = "redis://" + in.ToRedis.Listen + "/0"
		in.Config.Postgres = "postgres://postgres@" + in.ToIndex.Listen + "/" + path
		in.Config.Address = in.ToUs.Listen
		s.Instances = append(s.Instances, in)
	}
	return s
}

func proxy(t testing.TB, all *toxiproxy.ApiServer, name, upstream string) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(all, name, fmt.Sprint("127.0.0.1:", daemon.FreePort(t)), upstream)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// Stop ends all instances as operators do, and checks that none has ended for a reason of its own.
func (s *Several) Stop(t testing.TB) {
	t.Helper()
	for _, in := range s.Instances {
		in.Stop(t)
	}
	for _, in := range s.Instances {
		in.Sound(t)
	}
	for _, in := range s.Instances {
		in.Tell(t, 60)
	}
}

// Ready waits until every instance serves.
func (s *Several) Ready(t testing.TB) {
	t.Helper()
	for _, in := range s.Instances {
		for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			r, err := in.Get("/readyz", 2*time.Second)
			if err == nil && r.Status == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is not ready: %d %s %v", in.Name, r.Status, r.Body, err)
			}
		}
	}
}

// Leader is the instance that decides, as it says itself; nil where none does.
func (s *Several) Leader() *Instance {
	for _, in := range s.Instances {
		if r, err := in.Get("/metrics", time.Second); err == nil && strings.Contains(r.Body, "\nbbbpool_instance_leading 1") {
			return in
		}
	}
	return nil
}

// Restore starts an instance again, as often as it takes: what it needs may be away just then. It returns when the instance
// answers.
func (in *Instance) Restore(t testing.TB, settings func() any) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		in.Start(t, settings())
		for !in.Ended() {
			if r, err := in.Get("/healthz", time.Second); err == nil && r.Status == http.StatusOK {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	t.Errorf("%s does not start", in.Name)
}

// URL is where front ends find something.
func (in *Instance) URL(path string) string { return "http://" + in.Config.Listen + path }

// Get gets something.
func (in *Instance) Get(path string, patience time.Duration) (Reply, error) {
	return Ask(http.MethodGet, in.URL(path), nil, nil, patience)
}
