package scalelite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// Size says how large a made site is.
type Size struct {
	Servers, Meetings, Tenants, Recordings int

	Secret string // of all servers; each has one of its own if it is empty
}

// madeStart is when the first of the made recordings began.
var madeStart = time.Date(2025, 9, 1, 6, 0, 0, 125e6, time.UTC)

// ServerID is the ID of the i-th made server.
func ServerID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// TenantID is the ID of the i-th made tenant, which is called tenant and that number, and has the secret secret-of- and its name.
func TenantID(i int) string { return fmt.Sprintf("10000000-0000-4000-8000-%012d", i) }

// RecordID is the record ID of the i-th made recording, which belongs to the tenant i modulo the number of tenants.
func RecordID(i int) string {
	return fmt.Sprintf("%040x-%d", i*7919, madeStart.Add(time.Duration(i)*time.Minute).UnixMilli())
}

// Make fills an empty Redis and PostgreSQL as a larger site has them. Its servers have the URLs given, one after the other; every
// third is cordoned, tagged, or heavier, some are as freshly added ones, without a state. Dir is where the fixture lies, whose
// tables are taken.
func Make(ctx context.Context, redisURL, databaseURL, dir string, size Size, urls ...string) error {
	return errors.Join(makeRedis(ctx, redisURL, size, urls), makePostgres(ctx, databaseURL, dir, size))
}

func makeRedis(ctx context.Context, url string, size Size, urls []string) error {
	client, err := connect(url)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	pipe := client.Pipeline()
	for i := range size.Servers {
		makeServer(ctx, pipe, i, size.Secret, urls)
	}
	for i := range size.Tenants {
		id, name := TenantID(i), fmt.Sprint("tenant", i)
		pipe.SAdd(ctx, "scalelite:tenants", id)
		pipe.HSet(ctx, "scalelite:tenant:"+id, "name", name, "secrets", fmt.Sprintf("secret-of-%s:older-secret-of-%s", name, name))
		pipe.HSet(ctx, "scalelite:tenant_name:"+name, "id", id)
	}
	for i := range size.Meetings {
		id, bridge := fmt.Sprint("room-", i), fmt.Sprint(100000000+i)
		pipe.SAdd(ctx, "scalelite:meetings", id)
		pipe.HSet(ctx, "scalelite:meeting:"+id, "server_id", ServerID(i%size.Servers), "moderator_pw", fmt.Sprint("mp", i),
			"voice_bridge", bridge, "tenant_id", TenantID(i%size.Tenants))
		pipe.Expire(ctx, "scalelite:meeting:"+id, 20*time.Hour)
		pipe.HSet(ctx, "scalelite:voice_bridges", bridge, id)
	}
	_, err = pipe.Exec(ctx)
	return err
}

func makeServer(ctx context.Context, pipe redis.Pipeliner, i int, secret string, urls []string) {
	id, url := ServerID(i), fmt.Sprintf("https://bbb%d.example.edu/bigbluebutton/api", i)
	if len(urls) > 0 {
		url = urls[i%len(urls)]
	}
	h := []any{
		"url", url, "secret", cmp.Or(secret, fmt.Sprint("secret-of-", id)), "online", "true", "meetings", "3",
		"users", "40", "bbb_version", "2.7.12",
	}
	switch i % 5 {
	case 1:
		h = append(h, "state", "cordoned", "load_multiplier", "1.0")
		pipe.ZAdd(ctx, "scalelite:cordoned_server_load", redis.Z{Member: id, Score: float64(i)})
	case 2:
		h = append(h, "state", "enabled", "load_multiplier", "2.5", "tag", "gpu")
	case 3:
		h = append(h, "load_multiplier", "1.0") // a legacy one: the set says that it is enabled
	case 4:
		h = append(h, "load_multiplier", "4") // freshly added
	default:
		h = append(h, "state", "enabled")
	}
	if i%5 != 1 && i%5 != 4 {
		pipe.SAdd(ctx, "scalelite:server_enabled", id)
		pipe.ZAdd(ctx, "scalelite:server_load", redis.Z{Member: id, Score: float64(i)})
	}
	pipe.SAdd(ctx, "scalelite:servers", id)
	pipe.HSet(ctx, "scalelite:server:"+id, h...)
	pipe.HSet(ctx, "scalelite:"+id, "healthy_counter", "0", "unhealthy_counter", "0")
}

func makePostgres(ctx context.Context, url, dir string, size Size) error {
	if err := LoadPostgres(ctx, url, dir); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, `TRUNCATE public.recordings, public.metadata, public.playback_formats, public.thumbnails,
		public.callback_data`)
	if err != nil {
		return err
	}
	for _, table := range []struct {
		name    string
		columns []string
		row     func(i int) []any
	}{
		{"recordings", []string{
			"id", "record_id", "meeting_id", "name", "published", "participants", "state", "starttime", "endtime", "publish_updated",
		}, recordingRow(size)},
		{"playback_formats", []string{"id", "recording_id", "format", "url", "length"}, func(i int) []any {
			return []any{i + 1, i + 1, "presentation", "/playback/presentation/2.3/" + RecordID(i), i % 90}
		}},
		{"thumbnails", []string{"playback_format_id", "width", "height", "alt", "url", "sequence"}, func(i int) []any {
			return []any{i + 1, 176, 136, "Slide", "/presentation/" + RecordID(i) + "/thumb-1.png", 0}
		}},
	} {
		rows := pgx.CopyFromSlice(size.Recordings, func(i int) ([]any, error) { return table.row(i), nil })
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"public", table.name}, table.columns, rows); err != nil {
			return err
		}
	}
	return makeMeta(ctx, conn, size)
}

func recordingRow(size Size) func(i int) []any {
	return func(i int) []any {
		start, state := madeStart.Add(time.Duration(i)*time.Minute), "published"
		if i%10 == 9 {
			state = "unpublished"
		}
		return []any{
			i + 1, RecordID(i), fmt.Sprint("room-", i%max(1, size.Meetings)), fmt.Sprint("Lecture ", i), state == "published", i % 70,
			state, start, start.Add(time.Hour), i%10 == 9,
		}
	}
}

// makeMeta writes who has each recording, and sets the sequences behind what was written.
func makeMeta(ctx context.Context, conn *pgx.Conn, size Size) error {
	rows := pgx.CopyFromSlice(2*size.Recordings, func(i int) ([]any, error) {
		if i%2 == 0 {
			return []any{i/2 + 1, "tenant-id", TenantID(i / 2 % size.Tenants)}, nil
		}
		return []any{i/2 + 1, "bbb-context", fmt.Sprint("course ", i%100)}, nil
	})
	table := pgx.Identifier{"public", "metadata"}
	if _, err := conn.CopyFrom(ctx, table, []string{"recording_id", "key", "value"}, rows); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, `SELECT setval('public.recordings_id_seq', max(id)) FROM public.recordings`)
	_, err2 := conn.Exec(ctx, `SELECT setval('public.playback_formats_id_seq', max(id)) FROM public.playback_formats`)
	return errors.Join(err, err2)
}

// Older makes of a database what one looks like that has grown by migrations, or is of an older version: booleans may be, and
// are, NULL, and with early columns of later versions are missing.
func Older(ctx context.Context, url string, early bool) error {
	statements := `ALTER TABLE public.recordings ALTER published DROP NOT NULL, ALTER protected DROP NOT NULL,
		ALTER publish_updated DROP NOT NULL;
	UPDATE public.recordings SET protected = NULL, publish_updated = NULL WHERE id % 2 = 0;
	UPDATE public.recordings SET published = NULL WHERE NOT published;`
	if early {
		statements += `ALTER TABLE public.recordings DROP COLUMN protected, DROP COLUMN publish_updated;
	DROP TABLE public.callback_data;`
	}
	return Exec(ctx, url, statements)
}
