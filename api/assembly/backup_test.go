package assembly_test

import (
	"io"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
)

// backedUp counts the rows in a backup that is made now.
func (a *outage) backedUp() map[string]int {
	a.Helper()
	file, err := a.pool.Backups.Open(a.Context())
	if err != nil {
		a.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	rows := map[string]int{}
	_, err = backup.Read(a.Context(), io.Reader(file), func(r store.Row) error {
		rows[r.Kind]++
		return nil
	})
	if err != nil {
		a.Fatal(err)
	}
	return rows
}

// A backup has what the pool answers from: also in the moment in which Redis has lost it, and while Redis is away.
func TestBackup_RedisLost(t *testing.T) {
	a := newOutage(t, false)
	a.succeeds("create", "meetingID=room&name=Room&moderatorPW=mp")
	a.looked()
	o, err := goredis.ParseURL(a.redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(o)
	for _, lose := range []func() error{
		func() error { return client.FlushAll(t.Context()).Err() },
		func() error { err := client.Close(); a.redis.Kill(); return err },
	} {
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		if rows := a.backedUp(); rows["servers"] != 2 || rows["claims"] != 1 || rows["tenants"] == 0 {
			t.Errorf("backed up %v", rows)
		}
	}
	if err := a.stop(); err != nil {
		t.Log(err)
	}
}
