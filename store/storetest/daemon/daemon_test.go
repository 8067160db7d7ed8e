package daemon_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// Each test has a database of its own, which is there after the server was started again.
func TestServers(t *testing.T) {
	r := servers.Redis(t)
	options, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys, %v", n, err)
	}
	p := servers.Postgres(t)
	url := p.URL(t)
	p.Kill()
	p.Start(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "CREATE TABLE x ()"); err != nil {
		t.Error(err)
	}
	if servers.Redis(t) != r || servers.Postgres(t) != p {
		t.Error("there are two servers of a kind")
	}
}
