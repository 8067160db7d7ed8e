package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// What was acknowledged is there after a restart, byte for byte also where it is no text.
func TestOpen_Again(t *testing.T) {
	dir := t.TempDir()
	claim := claimOf("\xff\x00 room", "s")
	claim.InternalID = "\xfe"
	tenant := store.Tenant{ID: "t", Name: "\xc3(", Secrets: []store.TenantSecret{{Name: "\xfe", Secret: "\xff\xff"}, {Name: "b", Secret: "ä"}}}
	recording := store.Recording{
		RecordID: "r", Tenant: "t", MeetingID: "\xff\x00 room", Meta: map[string]string{"m": "\xff", "\xff": "m"},
		Start: time.Date(1850, 1, 1, 0, 0, 0, 5, time.FixedZone("", 53*60+28)),
	}
	db := open(t, dir)
	_, err := db.State().CreateClaim(t.Context(), claim)
	_, err2 := db.State().CreateTenant(t.Context(), tenant)
	err3 := db.Index().CreateRecording(t.Context(), recording)
	if err := errors.Join(err, err2, err3, db.Close()); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	claims, err := db.State().Claims(t.Context())
	if diff := cmp.Diff([]store.Claim{claim}, claims); err != nil || diff != "" {
		t.Error(err, diff)
	}
	tenants, err := db.State().Tenants(t.Context())
	if diff := cmp.Diff([]store.Tenant{tenant}, tenants); err != nil || diff != "" {
		t.Error(err, diff)
	}
	f := store.RecordingFilter{Tenant: "t", MeetingIDs: []string{"\xff\x00 room"}}
	recordings, total, err := db.Index().Recordings(t.Context(), f)
	if diff := cmp.Diff([]store.Recording{recording}, recordings); err != nil || total != 1 || diff != "" {
		t.Error(err, total, diff)
	}
}

// The file holds every secret of the pool.
func TestOpen_Mode(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	info, err := os.Stat(filepath.Join(dir, bolt.File))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
}

// Whoever starts a second pool on one directory learns which file is taken and what to do.
func TestOpen_Locked(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := bolt.Open(dir)
	mentions(t, err, store.ErrLocked, filepath.Join(dir, bolt.File), "stop the other bbbpool")
}

// A file that this version does not understand is refused, and stays as it was.
func TestOpen_OtherSchema(t *testing.T) {
	for _, c := range []struct {
		name   string
		make   func(tx *bbolt.Tx) error
		is     error
		phrase string
	}{
		{"newer", schema("8"), store.ErrNewerSchema, "its schema is 8, this version knows up to 7"},
		{"far newer", schema("41"), store.ErrNewerSchema, "schema is 41"},
		{"no number", schema("x"), nil, "not a database of bbbpool"},
		{"too old to be", schema("0"), nil, "not a database of bbbpool"},
		{"foreign", foreign, nil, "not a database of bbbpool"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, bolt.File)
			raw(t, path, c.make)
			before, _ := os.ReadFile(path)
			_, err := bolt.Open(dir)
			mentions(t, err, c.is, path, c.phrase)
			after, _ := os.ReadFile(path)
			if !slices.Equal(before, after) {
				t.Error("the file was changed")
			}
			raw(t, path, func(*bbolt.Tx) error { return nil }) // the lock is free
		})
	}
}

// What is no database is left alone too.
func TestOpen_NoDatabase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, bolt.File)
	if err := os.WriteFile(path, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bolt.Open(dir)
	mentions(t, err, nil, path, "invalid database")
	_, err = bolt.Open(filepath.Join(dir, "missing"))
	mentions(t, err, os.ErrNotExist, "missing")
}

// Errors name the operation and the key.
func TestErrors(t *testing.T) {
	db := open(t, t.TempDir())
	mentions(t, db.State().DeleteServer(t.Context(), "bbb1"), store.ErrNotFound, `delete server "bbb1"`)
	_, err := db.State().Tenant(t.Context(), "x\ny")
	mentions(t, err, store.ErrNotFound, `read tenant "x\ny"`)
	_, err = db.State().UpdateClaim(t.Context(), store.MeetingKey{Tenant: "t", MeetingID: "m"}, nil)
	mentions(t, err, store.ErrNotFound, `update claim "t/m"`)
	err = db.State().CreateServer(t.Context(), store.Server{ID: strings.Repeat("x", 40_000)})
	mentions(t, err, nil, "create server", "a key of 40000 bytes, the limit is 32768")
	far := store.Session{ID: "s", End: time.Date(12_000, 1, 1, 0, 0, 0, 0, time.UTC)}
	mentions(t, db.Index().AddSession(t.Context(), far), nil, `add session "s"`, "year")
	_, err = db.Index().Key(t.Context(), "history", nil)
	mentions(t, err, nil, `get the key "history"`, "the fresh one is empty")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = db.Index().SessionsSince(t.Context(), time.Time{}, "", 1)
	mentions(t, err, nil, "list sessions since 0001-01-01", "not open")
	_, err = db.Index().DeleteSessions(t.Context(), time.Unix(0, 0), 1)
	mentions(t, err, nil, "delete sessions that ended before 1970-01-01", "not open")
}

func schema(version string) func(tx *bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		return meta.Put([]byte("schema"), []byte(version))
	}
}

func foreign(tx *bbolt.Tx) error {
	_, err := tx.CreateBucket([]byte("x"))
	return err
}

// raw works on a database file that nobody has open, and checks it.
func raw(t *testing.T, path string, fn func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Update(fn); err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("inconsistent: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func mentions(t *testing.T, err, is error, phrases ...string) {
	t.Helper()
	if err == nil || is != nil && !errors.Is(err, is) {
		t.Fatalf("got error %v, want %v", err, is)
	}
	for _, phrase := range phrases {
		if !strings.Contains(err.Error(), phrase) {
			t.Errorf("error %q does not say %q", err, phrase)
		}
	}
}

// A damaged file is an error that says so, wherever the damage is found out, and never a crash.
func TestOpen_Damaged(t *testing.T) {
	sound, err := os.ReadFile(filepath.Join("testdata", "v1.db"))
	if err != nil {
		t.Fatal(err)
	}
	zeros := func(from, to int) []byte {
		b := bytes.Clone(sound)
		clear(b[from:to])
		return b
	}
	for name, content := range map[string][]byte{
		"cut off": sound[:9000], "no pages": zeros(2*4096, len(sound)), "no meta": zeros(0, 2*4096),
		"some pages": zeros(2*4096, 5*4096), "something else": []byte(strings.Repeat("no database\n", 2000)),
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, bolt.File), content, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(dir)
		if err == nil {
			_, err = db.State().Servers(t.Context())
			_ = db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is in the place of the database and is none of ours never becomes a new pool: it is refused, each time, with what
// to do, and stays as it was.
func TestOpen_InItsPlace(t *testing.T) {
	sound, err := os.ReadFile(filepath.Join("testdata", "v1.db"))
	if err != nil {
		t.Fatal(err)
	}
	file := func(content []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, content, 0o600) }
	}
	database := func(fn func(*bbolt.Tx) error) func(string) error {
		return func(path string) error { raw(t, path, fn); return nil }
	}
	for _, c := range []struct {
		name   string
		place  func(path string) error
		phrase string
	}{
		{"nothing in it", file(nil), "the file is empty"},
		{"no buckets", database(func(*bbolt.Tx) error { return nil }), "not a database of bbbpool"},
		{"another's", database(foreign), "not a database of bbbpool"},
		{"another's with a version", database(schema("3")), "not a database of bbbpool"},
		{"half", file(sound[:len(sound)/2]), "damaged"},
		{"one page", file(sound[:4096]), "damaged"},
		{"a few bytes", file(sound[:10]), "damaged"},
		{"directory", func(path string) error { return os.Mkdir(path, 0o700) }, "this is no file"},
		{"link to nothing", func(path string) error { return os.Symlink(path+".away", path) }, "leads to nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, bolt.File)
			if err := c.place(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			_, err := bolt.Open(dir)
			mentions(t, err, nil, path, c.phrase)
			if _, err := bolt.Open(dir); err == nil {
				t.Error("the second start has opened it")
			}
			after, _ := os.ReadFile(path)
			if entries, _ := os.ReadDir(dir); !slices.Equal(before, after) || len(entries) != 1 {
				t.Errorf("something was changed: %v", entries)
			}
		})
	}
}

// A file that has lost its end is found out before anything is read or written there.
func TestOpen_CutOff(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for i := range 20 {
		_, err := db.State().CreateTenant(t.Context(), store.Tenant{ID: fmt.Sprint("t", i), Name: strings.Repeat("x", 100_000)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, bolt.File)
	for range 5 { // after which what bbolt itself reads at the start lies at the front
		raw(t, path, func(*bbolt.Tx) error { return nil })
	}
	if err := os.Truncate(path, 1_900_000); err != nil {
		t.Fatal(err)
	}
	_, err := bolt.Open(dir)
	mentions(t, err, nil, "damaged", "it is cut off: 1900000 bytes of")
}

// A file that another disk has is reached through a link.
func TestOpen_Linked(t *testing.T) {
	there, here := t.TempDir(), t.TempDir()
	if err := open(t, there).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(there, bolt.File), filepath.Join(here, bolt.File)); err != nil {
		t.Fatal(err)
	}
	open(t, here)
	_, err := bolt.Open(there)
	mentions(t, err, store.ErrLocked)
}

// A database that lacks what its schema has is damaged, and not found out by a crash.
func TestOpen_Incomplete(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, filepath.Join(dir, bolt.File), func(tx *bbolt.Tx) error { return tx.Bucket([]byte("v1")).DeleteBucket([]byte("claims")) })
	_, err := bolt.Open(dir)
	mentions(t, err, nil, "damaged", "claims")
}

// Of processes that start for the first time at once one begins the pool, and the others find it; nothing is left over.
func TestOpen_FirstStarts(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	var mu sync.Mutex
	keys := map[string]int{}
	for i := range 8 {
		wg.Go(func() {
			db, err := bolt.Open(dir)
			for errors.Is(err, store.ErrLocked) {
				db, err = bolt.Open(dir)
			}
			if err != nil {
				t.Error(err)
				return
			}
			key, err := db.Index().Key(t.Context(), "k", []byte{byte(i)})
			if err := errors.Join(err, db.Close()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			keys[string(key)]++
		})
	}
	wg.Wait()
	if entries, err := os.ReadDir(dir); len(keys) != 1 || len(entries) != 1 || err != nil {
		t.Errorf("keys %v, files %v, %v", keys, entries, err)
	}
}
