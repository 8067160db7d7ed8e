// Package scalelite plays Scalelite for tests: it fills a Redis and a PostgreSQL as Scalelite does, and reads them by
// Scalelite's rules alone, so that what is left behind can be told from what it could go on with. It knows nothing of the
// adapters and takes nothing of them, or a mistake of theirs would be one of the judge's, too.
//
// What it reads is judged strictly: a field in a hash of Scalelite's that Scalelite would raise on, a value that it could not
// read, a set that names what is not there, each is a [Site] problem.
package scalelite

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// maxLine is how long a line of a fixture may be.
const maxLine = 16 << 20

// key is a line of a fixture of Redis.
type key struct {
	Key   string          `json:"key"`
	Type  string          `json:"type"`
	TTL   int64           `json:"ttl"` // seconds; -1 for none
	Value json.RawMessage `json:"value"`
}

// LoadRedis writes the keys of a fixture, dir/redis.ndjson, into an empty Redis. Edit may change each line before; nil
// changes none.
func LoadRedis(ctx context.Context, url, dir string, edit func(line []byte) []byte) error {
	client, err := connect(url)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	file, err := os.Open(filepath.Join(filepath.Clean(dir), "redis.ndjson"))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	pipe := client.Pipeline()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		line := bytes.Clone(lines.Bytes())
		if edit != nil {
			line = edit(line)
		}
		if err := load(ctx, pipe, line); err != nil {
			return err
		}
	}
	_, err = pipe.Exec(ctx)
	return errors.Join(err, lines.Err())
}

func connect(url string) (*redis.Client, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(options), nil
}

func load(ctx context.Context, pipe redis.Pipeliner, line []byte) error {
	var k key
	if err := json.Unmarshal(line, &k); err != nil {
		return err
	}
	switch k.Type {
	case "hash":
		var fields map[string]string
		if err := json.Unmarshal(k.Value, &fields); err != nil {
			return err
		}
		pipe.HSet(ctx, k.Key, fields)
	case "set":
		var members []any
		if err := json.Unmarshal(k.Value, &members); err != nil {
			return err
		}
		pipe.SAdd(ctx, k.Key, members...)
	case "zset":
		var members [][2]any
		if err := json.Unmarshal(k.Value, &members); err != nil {
			return err
		}
		for _, m := range members {
			name, ok := m[0].(string)
			score, ok2 := m[1].(float64)
			if !ok || !ok2 {
				return fmt.Errorf("%s: no member and score: %v", k.Key, m)
			}
			pipe.ZAdd(ctx, k.Key, redis.Z{Member: name, Score: score})
		}
	case "string":
		var text string
		if err := json.Unmarshal(k.Value, &text); err != nil {
			return err
		}
		pipe.Set(ctx, k.Key, text, 0)
	default:
		return fmt.Errorf("%s: a key of type %q", k.Key, k.Type)
	}
	if k.TTL > 0 {
		pipe.Expire(ctx, k.Key, time.Duration(k.TTL)*time.Second)
	}
	return nil
}

// LoadPostgres runs dir/postgres.sql in an empty database.
func LoadPostgres(ctx context.Context, url, dir string) error {
	script, err := os.ReadFile(filepath.Join(filepath.Clean(dir), "postgres.sql"))
	if err != nil {
		return err
	}
	return Exec(ctx, url, string(script))
}

// Exec runs statements, all or nothing.
func Exec(ctx context.Context, url, statements string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.PgConn().Exec(ctx, statements).ReadAll()
	return err
}
