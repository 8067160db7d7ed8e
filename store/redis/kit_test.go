package redis_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/rows"
)

// monday is when things happen.
var monday = time.Date(2026, 1, 5, 8, 0, 0, 125e6, time.UTC)

// pool is a database with two ways to it: ours, and that of whoever works with Scalelite's tasks.
type pool struct {
	*testing.T
	db   *redis.DB
	s    store.State
	rake *goredis.Client
}

// newPool is an empty one, that leads.
func newPool(t *testing.T) *pool {
	t.Helper()
	url := servers.Redis(t).URL()
	db := leading(t, url)
	return &pool{t, db, db.State(), client(t, url)}
}

func client(t testing.TB, url string) *goredis.Client {
	t.Helper()
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	c := goredis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// do runs a command on Scalelite's keys.
func (p *pool) do(words ...any) {
	p.Helper()
	words[1] = "scalelite:" + words[1].(string)
	if err := p.rake.Do(p.Context(), words...).Err(); err != nil && !errors.Is(err, goredis.Nil) {
		p.Fatal(words, err)
	}
}

// hash is one of Scalelite's.
func (p *pool) hash(key string) map[string]string {
	p.Helper()
	fields, err := p.rake.HGetAll(p.Context(), "scalelite:"+key).Result()
	p.must(err)
	return fields
}

// members are those of one of Scalelite's sets.
func (p *pool) members(key string) []string {
	p.Helper()
	list, err := p.rake.SMembers(p.Context(), "scalelite:"+key).Result()
	p.must(err)
	slices.Sort(list)
	return list
}

// loads are the members of one of Scalelite's sorted sets.
func (p *pool) loads(key string) map[string]float64 {
	p.Helper()
	list, err := p.rake.ZRangeWithScores(p.Context(), "scalelite:"+key, 0, -1).Result()
	p.must(err)
	loads := map[string]float64{}
	for _, z := range list {
		loads[z.Member.(string)] = z.Score
	}
	return loads
}

func (p *pool) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// everything is what all keys have, and whether they expire. Sets and hashes have no order, not even as the server would dump
// them.
func (p *pool) everything() map[string]string {
	p.Helper()
	all := map[string]string{}
	keys, err := p.rake.Keys(p.Context(), "*").Result()
	p.must(err)
	for _, key := range keys {
		all[key] = p.content(key)
	}
	return all
}

func (p *pool) content(key string) string {
	p.Helper()
	ctx := p.Context()
	kind, err := p.rake.Type(ctx, key).Result()
	p.must(err)
	var content any
	switch kind {
	case "hash":
		content, err = p.rake.HGetAll(ctx, key).Result()
	case "set":
		var list []string
		list, err = p.rake.SMembers(ctx, key).Result()
		slices.Sort(list)
		content = list
	case "zset":
		content, err = p.rake.ZRangeWithScores(ctx, key, 0, -1).Result()
	default:
		content, err = p.rake.Get(ctx, key).Result()
	}
	p.must(err)
	left, err := p.rake.TTL(ctx, key).Result()
	p.must(err)
	return fmt.Sprintf("%s %q %t", kind, content, left > 0)
}

// changed are the keys that are no longer what they were, but for ours.
func changed(before, after map[string]string) []string {
	keys := map[string]bool{}
	for key := range maps.Keys(before) {
		keys[key] = before[key] != after[key]
	}
	for key := range maps.Keys(after) {
		keys[key] = before[key] != after[key]
	}
	maps.DeleteFunc(keys, func(key string, is bool) bool { return !is || len(key) > 18 && key[:18] == "scalelite:bbbpool:" })
	return slices.Sorted(maps.Keys(keys))
}

// fixture is what a real Scalelite has left.
func fixture(t *testing.T) *pool {
	t.Helper()
	p := newPool(t)
	f, err := os.Open("../../testdata/scalelite/redis.ndjson")
	p.must(err)
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	pipe := p.rake.Pipeline()
	for lines.Scan() {
		var entry struct {
			Key, Type string
			TTL       int
			Value     json.RawMessage
		}
		p.must(json.Unmarshal(lines.Bytes(), &entry))
		p.write(pipe, entry.Key, entry.Type, entry.Value)
		if entry.TTL > 0 {
			pipe.Expire(t.Context(), entry.Key, time.Duration(entry.TTL)*time.Second)
		}
	}
	p.must(lines.Err())
	_, err = pipe.Exec(t.Context())
	p.must(err)
	return p
}

func (p *pool) write(pipe goredis.Pipeliner, key, kind string, value json.RawMessage) {
	p.Helper()
	ctx := p.Context()
	switch kind {
	case "hash":
		var fields map[string]string
		p.must(json.Unmarshal(value, &fields))
		pipe.HSet(ctx, key, fields)
	case "set":
		var list []any
		p.must(json.Unmarshal(value, &list))
		pipe.SAdd(ctx, key, list...)
	case "zset":
		var list [][2]any
		p.must(json.Unmarshal(value, &list))
		for _, m := range list {
			pipe.ZAdd(ctx, key, goredis.Z{Member: m[0], Score: m[1].(float64)})
		}
	case "string":
		var text string
		p.must(json.Unmarshal(value, &text))
		pipe.Set(ctx, key, text, 0)
	default:
		p.Fatal("no type of a key: " + kind)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func want(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// many are rows of claims.
func many(t testing.TB, n int) (list []store.Row) {
	t.Helper()
	for i := range n {
		c := room("school")
		c.MeetingID, c.Voice = fmt.Sprint("room ", i), fmt.Sprint(10000+i)
		row, err := rows.Claims.Row(c)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, row)
	}
	return list
}

// breathe is between two questions of one who asks until something is so: the machine has other work to do.
func breathe() { time.Sleep(5 * time.Millisecond) }
