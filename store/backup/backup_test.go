package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
)

// heap is a group that is a list of rows.
type heap []store.Row

func (h heap) Dump(_ context.Context, each func(store.Row) error) error {
	for _, r := range h {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}
func (h heap) Load(context.Context, []store.Row) error { return nil }
func (h heap) Wipe(context.Context) error              { return nil }

func row(kind, key, value string) store.Row {
	return store.Row{Kind: kind, Key: []byte(key), Value: []byte(value)}
}

var (
	state = heap{row("servers", "a", "{}"), row("servers", "b\x00", ""), row("claims", "c", strings.Repeat("x", 3<<20))}
	index = heap{row("keys", "\xff", "key"), row("usage", "u", "{}")}
	head  = backup.Head{Version: "1.2.3", Made: time.Date(2026, 9, 1, 8, 15, 0, 0, time.UTC), State: "a", Index: "b"}
)

func written(t *testing.T, s, i store.Whole) ([]byte, backup.Manifest) {
	t.Helper()
	var out bytes.Buffer
	m, err := backup.Write(t.Context(), &out, head, s, i)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), m
}

func read(t *testing.T, file []byte) (rows []store.Row, m backup.Manifest, err error) {
	t.Helper()
	m, err = backup.Read(t.Context(), bytes.NewReader(file), func(r store.Row) error {
		rows = append(rows, row(r.Kind, string(r.Key), string(r.Value)))
		return nil
	})
	return rows, m, err
}

// What was written is read, and both say the same of it.
func TestRead(t *testing.T) {
	for name, groups := range map[string][2]heap{"all": {state, index}, "nothing": {}, "half": {nil, index}} {
		file, said := written(t, groups[0], groups[1])
		rows, m, err := read(t, file)
		want := append(slices.Clip(groups[0]), groups[1]...)
		if err != nil || !slices.EqualFunc(want, rows, func(a, b store.Row) bool {
			return a.Kind == b.Kind && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value)
		}) {
			t.Errorf("%s: %v, %d rows of %d", name, err, len(rows), len(want))
		}
		if diff := cmp.Diff(said, m); diff != "" || len(m.Sums) != len(store.Kinds) || m.Rows != len(rows) {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
		again, _ := written(t, groups[0], groups[1])
		if !bytes.Equal(file, again) {
			t.Errorf("%s: the same records are another file", name)
		}
	}
}

// A file that was cut off anywhere, or in which a byte was changed, is refused.
func TestRead_Broken(t *testing.T) {
	small := heap{state[0], state[1]}
	file, _ := written(t, small, index)
	for n := 0; n < len(file); n += 3 {
		if _, _, err := read(t, file[:n]); !errors.Is(err, backup.ErrBroken) {
			t.Errorf("cut off at %d: %v", n, err)
		}
		other := bytes.Clone(file)
		other[n] ^= 0x10
		if rows, m, err := read(t, other); err == nil && (len(rows) != 4 || m.Version != head.Version) {
			t.Errorf("changed at %d: read", n) // gzip has bytes that mean nothing
		} else if err != nil && !errors.Is(err, backup.ErrBroken) {
			t.Errorf("changed at %d: %v", n, err)
		}
	}
	for name, file := range map[string][]byte{
		"more behind": append(bytes.Clone(file), 0), "twice": append(bytes.Clone(file), file...),
		"something else": []byte(strings.Repeat("SQLite format 3\x00", 100)),
	} {
		if _, _, err := read(t, file); !errors.Is(err, backup.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := read(t, file[:len(file)-12])
	if err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a cut is not called one: %v", err)
	}
}

// Errors of others stay theirs, and whoever has given up waits no longer.
func TestRead_Failed(t *testing.T) {
	file, _ := written(t, state, index)
	own := errors.New("own")
	if _, err := backup.Read(t.Context(), bytes.NewReader(file), func(store.Row) error { return own }); !errors.Is(err, own) {
		t.Errorf("the callee's: %v", err)
	}
	disk := io.MultiReader(bytes.NewReader(file[:200]), failing{own})
	if _, err := backup.Read(t.Context(), disk, nil); !errors.Is(err, own) || errors.Is(err, backup.ErrBroken) {
		t.Errorf("the disk's: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Read(ctx, bytes.NewReader(file), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Rows that a store hands out in another order than it promises are not written as if nothing were wrong.
func TestWrite_Order(t *testing.T) {
	for name, list := range map[string]heap{
		"kinds": {row("claims", "a", ""), row("servers", "a", "")}, "keys": {row("servers", "b", ""), row("servers", "a", "")},
		"twice": {row("servers", "a", ""), row("servers", "a", "")}, "none": {row("nothing", "a", "")},
	} {
		if _, err := backup.Write(t.Context(), io.Discard, head, list, heap{}); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

// Whoever has the key reads what was encrypted, cut off or changed it is refused, and nobody else learns a thing.
func TestSeal(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := age.GenerateX25519Identity()
	to, err := backup.Recipients([]string{identity.Recipient().String(), " " + other.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sealed, err := backup.Seal(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := written(t, state, index)
	_, err = sealed.Write(plain)
	if err := errors.Join(err, sealed.Close()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("# a key\n"+other.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := backup.Identities(file)
	if err != nil {
		t.Fatal(err)
	}
	unsealed := func(b []byte, keys []age.Identity) error {
		r, err := backup.Unseal(bytes.NewReader(b), keys)
		if err == nil {
			_, err = backup.Read(t.Context(), r, nil)
		}
		return err
	}
	b := out.Bytes()
	if err := unsealed(b, keys); err != nil {
		t.Errorf("with the key: %v", err)
	}
	if err := unsealed(plain, nil); err != nil {
		t.Errorf("not encrypted: %v", err)
	}
	if err := unsealed(b, nil); !errors.Is(err, backup.ErrSealed) {
		t.Errorf("without a key: %v", err)
	}
	stranger, _ := age.GenerateX25519Identity()
	if err := unsealed(b, []age.Identity{stranger}); err == nil || !strings.Contains(err.Error(), "others") {
		t.Errorf("with another key: %v", err)
	}
	changed := bytes.Clone(b)
	changed[len(b)-1000] ^= 1
	for name, b := range map[string][]byte{"changed": changed, "cut": b[:len(b)-1000]} {
		if err := unsealed(b, keys); !errors.Is(err, backup.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := backup.Recipients([]string{"age1nobody"}); err == nil {
		t.Error("nobody is a recipient")
	}
}

// A file is there whole or as it was before, and for its owner alone.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pool")
	own := errors.New("own")
	for i, want := range []string{"one", "two", ""} {
		err := backup.Create(path, func(w io.Writer) error {
			_, err := fmt.Fprint(w, want)
			if want == "" {
				return own
			}
			return err
		})
		got, _ := os.ReadFile(path)
		if want == "" {
			want = "two"
			if !errors.Is(err, own) {
				t.Errorf("failed: %v", err)
			}
		} else if err != nil {
			t.Error(err)
		}
		info, _ := os.Stat(path)
		entries, _ := os.ReadDir(dir)
		if string(got) != want || info.Mode().Perm() != 0o600 || len(entries) != 1 {
			t.Errorf("%d: %q, mode %v, %d files", i, got, info.Mode(), len(entries))
		}
	}
}

// What a process has left that was killed is taken away, and nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".bbbpool-unfinished-1", "pool", ".other"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := backup.Spool(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Close(), backup.Sweep(dir, time.Hour), os.Chtimes(filepath.Join(dir, ".bbbpool-unfinished-1"), time.Time{}, time.Unix(0, 0)), backup.Sweep(dir, time.Hour)); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left %v", entries)
	}
}

// A directory, a pipe or a device stays what it is: who writes there as root would take it from everybody.
func TestCreate_NoFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("/dev/null", link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, dir, dir + "/"} {
		before, _ := os.Lstat(path)
		err := backup.Create(path, func(io.Writer) error { t.Errorf("%s is written", path); return nil })
		if after, _ := os.Lstat(path); err == nil || !strings.Contains(err.Error(), "is no file") || after.Mode() != before.Mode() {
			t.Errorf("%s: %v, mode %v", path, err, after.Mode())
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left %v", entries)
	}
}
