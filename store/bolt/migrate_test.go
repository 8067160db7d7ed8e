package bolt_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

// since2 are the buckets that schema 1 did not have.
var since2 = []string{
	"recordings-by-state", "recordings-by-meta", "recordings-counted", "recordings-owed",
	"jobs", "jobs-by-state", "tokens", "tokens-by-expiry",
}

// since3 are those that schema 2 did not have.
var since3 = []string{"sessions-by-meeting", "keys"}

// backTo2 makes a database what one of schema 2 was, as far as there is nothing in it that came later.
func backTo2(tx *bbolt.Tx) error {
	for _, name := range since3 {
		if err := tx.Bucket([]byte("v1")).DeleteBucket([]byte(name)); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("2"))
}

// back makes a database what one of schema 1 was: without the buckets that came later, and with a flag in its
// recordings that does not say what their state says.
func back(tx *bbolt.Tx) error {
	tree := tx.Bucket([]byte("v1"))
	for _, name := range slices.Concat(since2, since3) {
		if err := tree.DeleteBucket([]byte(name)); err != nil {
			return err
		}
	}
	rows := map[string][]byte{}
	err := tree.Bucket([]byte("recordings")).ForEach(func(id, row []byte) error {
		rows[string(id)] = append([]byte(`{"published":false,`), bytes.TrimPrefix(row, []byte("{"))...)
		return nil
	})
	if err != nil {
		return err
	}
	for id, row := range rows {
		if err := tree.Bucket([]byte("recordings")).Put([]byte(id), row); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("1"))
}

// The recordings that were there before an index are in it after the migration, once, and still after changes.
func TestMigrate_1(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	states := []store.RecordingState{store.Published, store.Unpublished, store.Deleted}
	for i := range 30 {
		r := store.Recording{
			RecordID: fmt.Sprintf("r%02d", 7*i%30), Tenant: fmt.Sprint("t", i%2), MeetingID: "room", State: states[i%3],
			Start: time.Unix(int64(i), 0).UTC(), Meta: map[string]string{"n": fmt.Sprint(i), "all": ""},
		}
		if err := db.Index().CreateRecording(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	filters := []store.RecordingFilter{
		{},
		{States: states[:1]},
		{States: states[:2], Limit: 3, Offset: 2},
		{Meta: []store.MetaMatch{{Key: "n", Value: "1%"}}},
		{Meta: []store.MetaMatch{{Key: "all", Value: ""}}, States: states[1:]},
		{RecordIDs: []string{"r1"}},
	}
	type answer struct {
		Page  []store.Recording
		Total int
	}
	ask := func() (answers []answer, counts []store.RecordingCount) {
		for _, f := range filters {
			f.Tenant = "t1"
			page, total, err := db.Index().Recordings(t.Context(), f)
			if err != nil || total == 0 {
				t.Fatal(total, err)
			}
			answers = append(answers, answer{page, total})
		}
		counts, err := db.Index().CountRecordings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return answers, counts
	}
	answers, counts := ask()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, filepath.Join(dir, "bbbpool.db"), back)
	db = open(t, dir)
	migrated, recounted := ask()
	holds(t, "answers", migrated, answers, nil)
	holds(t, "counts", recounted, counts, nil)
	for i := range 30 {
		if err := db.Index().DeleteRecording(t.Context(), fmt.Sprintf("r%02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	isEmpty(t, dir)
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	raw(t, filepath.Join(dir, "bbbpool.db"), func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("v1")).ForEachBucket(func(name []byte) error {
			if n := tx.Bucket([]byte("v1")).Bucket(name).Stats().KeyN; n != 0 {
				t.Errorf("%d keys are left in %s", n, name)
			}
			return nil
		})
	})
}

// The history that was there before rooms had names stays, and can be replaced and deleted as ever. A close that is
// repeated after the update brings its session into its room.
func TestMigrate_2(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	db := open(t, dir)
	var all []store.Session
	for i := range 5 {
		s := store.Session{
			ID: fmt.Sprint("s", i), Tenant: "t", Server: "bbb1", Start: time.Unix(int64(i), 0).UTC(),
			End: time.Unix(int64(100+i), 0).UTC(), Peak: 10 * i, Joins: 20 * i, Reason: "ended",
		}
		all = append(all, s)
		if err := db.Index().AddSession(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, filepath.Join(dir, "bbbpool.db"), backTo2)
	db = open(t, dir)
	since, err := db.Index().SessionsSince(ctx, time.Time{}, "", 10)
	holds(t, "sessions", since, all, err)
	room, err := db.Index().MeetingSessions(ctx, "t", "", 10)
	holds(t, "sessions of no room", len(room), 0, err)
	again := all[2]
	again.Peak, again.Meeting = 1, "room"
	if err := db.Index().AddSession(ctx, again); err != nil {
		t.Fatal(err)
	}
	again.Peak = all[2].Peak
	room, err = db.Index().MeetingSessions(ctx, "t", "room", 10)
	holds(t, "sessions of the room", room, []store.Session{again}, err)
	n, err := db.Index().DeleteSessions(ctx, time.Unix(200, 0), 10)
	holds(t, "deleted", n, len(all), err)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	isEmpty(t, dir)
}
