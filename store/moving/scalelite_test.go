package moving_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// scalelites is what a real Scalelite has left, in databases of its own.
func scalelites(t *testing.T) driver.Config {
	t.Helper()
	c, ctx := shared(t), t.Context()
	sql, err := os.ReadFile("../../testdata/scalelite/postgres.sql")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, c.DatabaseURL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.PgConn().Exec(ctx, string(sql)).ReadAll()
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	options, err := goredis.ParseURL(c.RedisURL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer func() { _ = client.Close() }()
	file, err := os.Open("../../testdata/scalelite/redis.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	pipe := client.Pipeline()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		put(t, pipe, lines.Bytes())
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// put puts a key as a line has it.
func put(t *testing.T, pipe goredis.Pipeliner, line []byte) {
	t.Helper()
	var entry struct {
		Key, Type string
		TTL       int
		Value     any
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	switch entry.Type {
	case "hash":
		pipe.HSet(ctx, entry.Key, entry.Value.(map[string]any))
	case "set":
		pipe.SAdd(ctx, entry.Key, entry.Value.([]any)...)
	case "zset":
		for _, m := range entry.Value.([]any) {
			pair := m.([]any)
			pipe.ZAdd(ctx, entry.Key, goredis.Z{Member: pair[0], Score: pair[1].(float64)})
		}
	default:
		pipe.Set(ctx, entry.Key, entry.Value, 0)
	}
	if entry.TTL > 0 {
		pipe.Expire(ctx, entry.Key, time.Duration(entry.TTL)*time.Second)
	}
}

// What a real Scalelite has left comes into a data directory, and from there into other databases, with nothing lost.
func TestMigrate_Scalelite(t *testing.T) {
	homes := []driver.Config{scalelites(t), {Data: t.TempDir(), Mover: true}, shared(t)}
	var want []string
	for i, c := range homes[1:] {
		from, to := open(t, homes[i]), open(t, c)
		if want == nil {
			want = dump(t, from)
		}
		if _, err := (moving.Migration{From: from, To: to, State: true, Index: true, Tell: quiet}).Run(t.Context()); err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		same(t, "there", dump(t, to), want)
		if err := errors.Join(from.Close(), to.Close()); err != nil {
			t.Fatal(err)
		}
	}
	kinds := map[string]int{}
	for _, r := range want {
		kind, _, _ := strings.Cut(r, " ")
		kinds[kind]++
	}
	if kinds["servers"] == 0 || kinds["tenants"] == 0 || kinds["recordings"] == 0 || kinds["claims"] == 0 {
		t.Errorf("records: %v", kinds)
	}
}
