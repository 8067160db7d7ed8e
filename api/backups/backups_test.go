package backups_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/bbbpool/bbbpool/api/backups"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
)

// clock is a time that goes on when it is told to.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// pool is one with a server, that backs itself up.
func pool(t *testing.T, config backups.Config) (*backups.Backups, *clock) {
	t.Helper()
	data := t.TempDir()
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	if err := stores.State.CreateServer(t.Context(), store.Server{ID: "bbb1", Secret: "s3cr3t"}); err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Date(2026, 9, 7, 8, 0, 0, 0, time.UTC)}
	return &backups.Backups{
		Config: config, Data: data, State: stores.State, Index: stores.Index, Now: c.now, Head: backup.Head{Version: "test"},
	}, c
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Each is proven, the last few are kept beside what others have put there, and other instances know how it went.
func TestMake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	config := backups.Config{Dir: dir, Every: time.Hour, Keep: 2}
	b, c := pool(t, config)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bbbpool-of-mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c.at = c.at.Add(time.Hour)
		b.Make(t.Context())
		if r := b.Last(); r.Failed != nil || r.Verified == nil || r.Verified.Rows != 1 || !r.Verified.At.Equal(c.at) {
			t.Fatalf("%+v %+v", r.Verified, r.Failed)
		}
	}
	if names := filesIn(t, dir); fmt.Sprint(names) != "[bbbpool-20260907T110000Z.backup bbbpool-20260907T120000Z.backup bbbpool-of-mine status.json]" {
		t.Errorf("files %v", names)
	}
	if names := filesIn(t, b.Data); len(names) != 1 {
		t.Errorf("left in the data directory: %v", names)
	}
	if list := b.Problems(t.Context()); len(list) != 0 {
		t.Errorf("problems %v", list)
	}
	c.at = c.at.Add(2 * time.Hour)
	if list := b.Problems(t.Context()); len(list) != 1 || !strings.Contains(list[0].Text, "12:00:00Z") {
		t.Errorf("problems %v", list)
	}
	other := &backups.Backups{Config: config, Now: c.now, Leading: func() bool { return false }}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it looks once
	if err := other.Run(ctx); err != nil || other.Last().Verified == nil {
		t.Errorf("another instance knows %+v, %v", other.Last(), err)
	}
	var page bytes.Buffer
	b.WriteMetrics(&page)
	if !strings.Contains(page.String(), "bbbpool_backup_failing 0") || b.Status().Verified == nil {
		t.Errorf("%s %+v", page.String(), b.Status())
	}
}

// One that is encrypted is read by whoever has the key.
func TestMake_Sealed(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b, _ := pool(t, backups.Config{Dir: dir, Every: time.Hour, Keep: 2, Recipients: []string{identity.Recipient().String()}})
	b.Make(t.Context())
	made := b.Last().Verified
	if made == nil || !made.Sealed {
		t.Fatalf("%+v", b.Last())
	}
	file, err := os.Open(filepath.Join(dir, made.File))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	content, err := backup.Unseal(file, []age.Identity{identity})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := backup.Read(t.Context(), content, nil); err != nil || m.Rows != 1 {
		t.Errorf("%v, %d rows", err, m.Rows)
	}
}

// One that fails is told at once, leaves the last good one, and is tried again.
func TestMake_Failed(t *testing.T) {
	dir := t.TempDir()
	b, c := pool(t, backups.Config{Dir: dir, Every: time.Hour, Keep: 1})
	b.Make(t.Context())
	good := b.State
	b.State = away{good}
	c.at = c.at.Add(time.Hour)
	b.Make(t.Context())
	r := b.Last()
	if r.Failed == nil || !strings.Contains(r.Failed.Error, "away") || r.Verified == nil {
		t.Fatalf("%+v", r)
	}
	list := b.Problems(t.Context())
	if len(list) != 1 || !strings.Contains(list[0].Text, "away") {
		t.Errorf("problems %v", list)
	}
	if names := filesIn(t, dir); len(names) != 2 {
		t.Errorf("files %v", names)
	}
	b.State = good
	b.Make(t.Context())
	if list := b.Problems(t.Context()); len(list) != 0 {
		t.Errorf("problems %v", list)
	}
}

// away is a group that does not answer.
type away struct{ store.Whole }

func (away) Dump(context.Context, func(store.Row) error) error { return store.ErrAway }

// What cannot be meant is refused.
func TestConfig_Validate(t *testing.T) {
	for name, c := range map[string]backups.Config{
		"every": {Every: time.Second, Keep: 1}, "keep": {Every: time.Hour}, "recipient": {Every: time.Hour, Keep: 1, Recipients: []string{"me"}},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "--backup-"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (backups.Config{Every: time.Hour, Keep: 1}).Validate(); err != nil {
		t.Error(err)
	}
}
