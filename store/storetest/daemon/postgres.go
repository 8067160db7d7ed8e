package daemon

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Postgres is a PostgreSQL server, whose one user is "postgres" and needs no password.
type Postgres struct {
	server

	next atomic.Int64
}

// Postgres returns the PostgreSQL server of these tests, and starts it where it is not running yet. What it has acknowledged
// survives its own crash, and not that of the machine.
func (s *Servers) Postgres(t testing.TB) *Postgres {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postgres == nil {
		p := NewPostgres(t)
		s.postgres, s.stop = p, append(s.stop, p.Remove)
	}
	return s.postgres
}

// NewPostgres starts a PostgreSQL server of one's own, which it is for the caller to Remove. Args are settings, as name=value.
func NewPostgres(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	const versions = "/usr/lib/postgresql/*/bin" // where Debian has them, outside of PATH
	p := &Postgres{server: server{
		program: find(t, "postgres", "postgresql", versions), stop: syscall.SIGINT, kill: syscall.SIGQUIT,
	}}
	initdb := find(t, "initdb", "postgresql", versions)
	var err error
	if p.who, err = unprivileged(); err != nil {
		t.Fatal(err)
	}
	p.dir = tempDir(t, p.who)
	args := []string{
		"-D", filepath.Join(p.dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
		"--no-sync", "--no-instructions",
	}
	cmd := exec.CommandContext(t.Context(), initdb, args...) //nolint:gosec // a program that was found, and our own words
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: p.who}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := FreePort(t)
	p.Addr = fmt.Sprintf("127.0.0.1:%d", port)
	p.args = []string{"-D", filepath.Join(p.dir, "data"), "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", p.dir}
	quick := []string{"fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB"}
	for _, set := range append(quick, settings...) {
		p.args = append(p.args, "-c", set)
	}
	p.Start(t)
	return p
}

// Start starts the server again after it was stopped, and returns when it answers.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	p.launch(t, func() error { return p.run(context.Background(), "SELECT 1") })
}

func (p *Postgres) run(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

func (p *Postgres) url(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s", p.Addr, database)
}

// URL returns the address of a fresh, empty database, in the form of DATABASE_URL.
func (p *Postgres) URL(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", p.next.Add(1))
	if err := p.run(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return p.url(name)
}

// Local returns the same database by the server's socket, as a database on the same machine is reached.
func (p *Postgres) Local(url string) string {
	name := url[strings.LastIndex(url, "/")+1:]
	_, port, _ := net.SplitHostPort(p.Addr)
	return fmt.Sprintf("postgres://postgres@/%s?host=%s&port=%s", name, p.dir, port)
}
