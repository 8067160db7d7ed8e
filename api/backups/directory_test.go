package backups_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/backups"
	"github.com/bbbpool/bbbpool/store"
)

// What others have put into the directory stays, whatever it is called, and so does the backup that was just proven, where a
// clock was wrong before it.
func TestMake_Prunes(t *testing.T) {
	dir := t.TempDir()
	b, c := pool(t, backups.Config{Dir: dir, Every: time.Hour, Keep: 2})
	foreign := []string{"bbbpool-20200101T000000Z.backup.old", "bbbpool-before-upgrade.backup", "bbbpool-mine.backup.age", "pool.backup"}
	wrong := []string{"bbbpool-20350101T000000Z.backup", "bbbpool-20350102T000000Z.backup.age", "bbbpool-20200101T000000Z.backup"}
	for _, name := range slices.Concat(foreign, wrong) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bbbpool-20200102T000000Z.backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	foreign = append(foreign, "bbbpool-20200102T000000Z.backup", "status.json")
	last := "bbbpool-20200101T000000Z.backup" // the youngest that is not of the future
	for range 3 {
		c.at = c.at.Add(time.Hour)
		b.Make(t.Context())
		want := slices.Sorted(slices.Values(append(slices.Clone(foreign), last, b.Last().Verified.File)))
		if names := filesIn(t, dir); !slices.Equal(names, want) {
			t.Errorf("files %v, want %v", names, want)
		}
		last = b.Last().Verified.File
	}
}

// record writes how the last ones went, as another instance would.
func record(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "status.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// once looks after the backups once.
func once(t *testing.T, b *backups.Backups) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // if it is never due
	b.State = after{b.State, cancel}
	defer cancel()
	if err := b.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// after ends whatever waits once it was read.
type after struct {
	store.Whole
	read func()
}

func (a after) Dump(ctx context.Context, each func(store.Row) error) error {
	defer a.read()
	return a.Whole.Dump(ctx, each)
}

// A clock that was wrong, and is right again, keeps nobody from backing up, and no other instance from hearing of it.
func TestRun_Clock(t *testing.T) {
	dir := t.TempDir()
	config := backups.Config{Dir: dir, Every: time.Hour, Keep: 2}
	b, _ := pool(t, config)
	record(t, dir, `{"verified":{"at":"2026-09-07T07:00:00Z"},"failed":{"at":"2035-01-01T00:00:00Z","error":"x"},"tried":"2035-01-01T00:00:00Z"}`)
	read := errors.New("was not read")
	b.State = seen{b.State, func() { read = nil }}
	once(t, b)
	if read != nil {
		t.Errorf("none is made: the state %v", read)
	}
	follower := &backups.Backups{Config: config, Now: b.Now, Leading: func() bool { return false }}
	for _, year := range []int{2035, 2026} {
		record(t, dir, fmt.Sprintf(`{"verified":{"at":"%d-09-07T07:00:00Z","file":"x"},"tried":"%d-09-07T07:00:00Z"}`, year, year))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := follower.Run(ctx); err != nil || follower.Last().Verified.At.Year() != year {
			t.Errorf("a follower knows %+v, %v", follower.Last().Verified, err)
		}
	}
}

type seen struct {
	store.Whole
	read func()
}

func (s seen) Dump(ctx context.Context, each func(store.Row) error) error {
	s.read()
	return s.Whole.Dump(ctx, each)
}

// Whoever ceases to lead in the middle leaves it to the next one to say how backups go, and takes nothing away.
func TestMake_Ceased(t *testing.T) {
	dir := t.TempDir()
	b, _ := pool(t, backups.Config{Dir: dir, Every: time.Hour, Keep: 1})
	leads := true
	b.Leading = func() bool { return leads }
	b.Make(t.Context())
	good := b.Last().Verified.File
	newer := `{"tried":"2026-09-07T09:00:00Z","failed":{"at":"2026-09-07T09:00:00Z","error":"of the next"}}`
	for _, fails := range []bool{false, true} {
		leads = true
		state := b.State
		b.State = seen{state, func() {
			leads = false
			record(t, dir, newer)
		}}
		if fails {
			b.State = seen{away{state}, b.State.(seen).read}
		}
		b.Make(t.Context())
		b.State = state
		text, err := os.ReadFile(filepath.Join(dir, "status.json"))
		if names := filesIn(t, dir); err != nil || string(text) != newer || !slices.Contains(names, good) {
			t.Errorf("fails %v: %s, %v, files %v", fails, text, err, names)
		}
	}
}

// A command that is asked about a pool which does not run says how its last backup went.
func TestStatus_Stopped(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, `{"verified":{"at":"2026-09-07T07:00:00Z","file":"x"},"failed":{"error":"no room"},"tried":"2026-09-07T07:30:00Z"}`)
	b := &backups.Backups{Config: backups.Config{Dir: dir, Every: time.Hour, Keep: 1}, Now: time.Now}
	if st := b.Status(); st.Verified == nil || st.File != "x" || !strings.Contains(st.Error, "room") {
		t.Errorf("%+v", st)
	}
	if list := b.Problems(t.Context()); len(list) != 1 {
		t.Errorf("problems %v", list)
	}
}

// Whoever cannot read how the last ones went says so, and takes nothing else for it.
func TestProblems_Unreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "status.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	b := &backups.Backups{Config: backups.Config{Dir: dir, Every: time.Hour, Keep: 1}, Now: time.Now}
	if list := b.Problems(t.Context()); len(list) != 1 || !strings.Contains(list[0].Text, "cannot be read") {
		t.Errorf("problems %v", list)
	}
}
