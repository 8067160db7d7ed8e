package moving_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// What a child of this test binary is to do, and where.
const (
	childWork = "BBBPOOL_TEST_CHILD_WORK"
	childDir  = "BBBPOOL_TEST_CHILD_DIR"
)

// works are what is killed. Each finds the records in "source" below a directory, or a backup of them in "backup".
var works = map[string]func(ctx context.Context, dir string) error{
	"backup": func(ctx context.Context, dir string) error {
		s, err := driver.Open(driver.Config{Data: filepath.Join(dir, "source")})
		if err != nil {
			return err
		}
		err = backup.Create(filepath.Join(dir, "made"), func(w io.Writer) error {
			_, err := backup.Write(ctx, w, backup.Head{Version: "test", Made: monday}, s.State, s.Index)
			return err
		})
		return errors.Join(err, s.Close())
	},
	"restore": func(ctx context.Context, dir string) error {
		s, err := driver.Open(target(dir, true))
		if err != nil {
			return err
		}
		_, err = moving.Restore(ctx, inFile(filepath.Join(dir, "backup")), s, "restore", true, quiet)
		return errors.Join(err, s.Close())
	},
	"migrate": func(ctx context.Context, dir string) error {
		from, err := driver.Open(driver.Config{Data: filepath.Join(dir, "source"), Mover: true})
		if err != nil {
			return err
		}
		to, err := driver.Open(target(dir, true))
		if err != nil {
			return errors.Join(err, from.Close())
		}
		_, err = moving.Migration{From: from, To: to, State: true, Index: true, Force: true, Tell: quiet}.Run(ctx)
		return errors.Join(err, from.Close(), to.Close())
	},
}

// target is what is filled: a directory, or the databases whose addresses are in a file.
func target(dir string, mover bool) driver.Config {
	c := driver.Config{Data: filepath.Join(dir, "target"), Mover: mover}
	if urls, err := os.ReadFile(filepath.Join(dir, "urls")); err == nil {
		redis, postgres, _ := strings.Cut(string(urls), "\n")
		c.Data, c.RedisURL, c.DatabaseURL = filepath.Join(dir, "none"), store.Secret(redis), store.Secret(postgres)
	}
	return c
}

func inFile(path string) moving.File {
	return func() (io.ReadCloser, error) { return os.Open(path) }
}

// Whatever instant a backup, a restore or a migration is killed at: what was taken from is whole, what was made is whole, old
// or new, or says that it is not; and doing it again comes to its end.
func TestKill(t *testing.T) {
	if work := os.Getenv(childWork); work != "" {
		if err := works[work](t.Context(), os.Getenv(childDir)); err != nil {
			t.Fatal(err)
		}
		return
	}
	kills := 100
	if testing.Short() {
		kills = 20
	}
	h := newHouse(t)
	names := []string{"backup", "migrate", "restore"}
	for i := range kills {
		h.round(t, names[i%len(names)], i%24 == 7 || i%24 == 8)
	}
	t.Logf("of %d killed: %v", kills, h.seen)
}

// house is a directory with a source, an old target and a backup, from which each round has copies.
type house struct {
	dir                 string
	source, old, backup []byte
	want, before        []string
	long                map[string]time.Duration // how long each work takes that is not killed
	seen                map[string]int
}

func newHouse(t *testing.T) *house {
	source, target := pool(t, 300), pool(t, 40)
	h := &house{dir: t.TempDir(), long: map[string]time.Duration{}, seen: map[string]int{}}
	h.backup, h.want, h.before = backedUp(t, source), content(t, source), content(t, target)
	h.source, h.old = bytesOf(t, source), bytesOf(t, target)
	return h
}

func bytesOf(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "bbbpool.db"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// round kills one work, and looks.
func (h *house) round(t *testing.T, work string, inDatabases bool) {
	t.Helper()
	before, name := h.before, work
	dir := filepath.Join(h.dir, "round")
	err := os.RemoveAll(dir)
	for name, b := range map[string][]byte{"source/bbbpool.db": h.source, "target/bbbpool.db": h.old, "backup": h.backup, "made": []byte("old")} {
		path := filepath.Join(dir, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600))
	}
	if inDatabases {
		before, name = nil, work+" to databases"
		urls := servers.Redis(t).URL() + "\n" + servers.Postgres(t).URL(t)
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "urls"), []byte(urls), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	if h.long[name] == 0 {
		began := time.Now()
		h.run(t, work, dir, time.Hour)
		h.long[name] = time.Since(began)
	} else {
		h.run(t, work, dir, rand.N(h.long[name]))
	}
	h.whole(t, work, dir, before)
	if err := works[work](t.Context(), dir); err != nil && !strings.Contains(err.Error(), "moved already") && !strings.Contains(err.Error(), "were moved") {
		t.Errorf("%s once more: %v", work, err)
	}
	switch work {
	case "backup":
		if m, err := inFile(filepath.Join(dir, "made")).Read(t.Context(), nil); err != nil || m.Rows != len(h.want) {
			t.Errorf("the backup after all: %v", err)
		}
	default:
		if got, err := opened(t, target(dir, false)); err != nil || !slices.Equal(got, h.want) {
			t.Errorf("the target of a %s after all: %v, %d records", work, err, len(got))
		}
	}
}

// run runs a work in a child, which is killed after a while.
func (h *house) run(t *testing.T, work, dir string, after time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKill$")
	child.Env = append(os.Environ(), childWork+"="+work, childDir+"="+dir)
	out, err := child.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		t.Fatalf("%s: %v\n%s", work, err, out)
	}
}

// opened is what serve would find in a directory.
func opened(t *testing.T, c driver.Config) ([]string, error) {
	t.Helper()
	s, err := driver.Open(c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	return dump(t, s), nil
}

// whole looks at what was left.
func (h *house) whole(t *testing.T, work, dir string, before []string) {
	t.Helper()
	source, err := opened(t, driver.Config{Data: filepath.Join(dir, "source")})
	moved := err != nil && strings.Contains(err.Error(), "were moved on")
	if moved {
		source, err = content(t, filepath.Join(dir, "source")), nil
	}
	if err != nil || !slices.Equal(source, h.want) {
		t.Errorf("the source of a %s: %v, %d records of %d", work, err, len(source), len(h.want))
	}
	if work == "backup" {
		m, err := inFile(filepath.Join(dir, "made")).Read(t.Context(), nil)
		old, _ := os.ReadFile(filepath.Join(dir, "made"))
		if string(old) != "old" && (err != nil || m.Rows != len(h.want)) {
			t.Errorf("a backup: %v, %d rows", err, m.Rows)
		}
		h.seen[work+map[bool]string{true: " whole", false: " not there"}[err == nil]]++
		return
	}
	there, err := opened(t, target(dir, false))
	switch {
	case err != nil && strings.Contains(err.Error(), "is not whole"):
		h.seen[work+" not whole"]++
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		t.Errorf("the target of a %s: %v", work, err)
	case slices.Equal(there, h.want):
		h.seen[work+" whole"]++
	case slices.Equal(there, before):
		h.seen[work+" as before"]++
	default:
		t.Errorf("the target of a %s has %d records, and says that they are all", work, len(there))
	}
	if moved && !slices.Equal(there, h.want) {
		t.Errorf("moved, and not there")
	}
}
