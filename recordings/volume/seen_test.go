package volume_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/volume"
)

func TestProveShared(t *testing.T) {
	shared, other := t.TempDir(), t.TempDir()
	for id, word := range map[string]string{"a": "one", "b": "two"} {
		if err := volume.ProveShared(shared, id, word); err != nil {
			t.Fatal(err)
		}
	}
	if err := volume.ProveShared(other, "c", "three"); err != nil {
		t.Fatal(err)
	}
	seen, err := volume.SeenBy(shared)
	if diff := cmp.Diff(map[string]string{"a": "one", "b": "two"}, seen); diff != "" || err != nil {
		t.Errorf("seen (-want +got):\n%s%v", diff, err)
	}
	list, err := volume.Unshared(shared, map[string]string{"a": "one", "b": "again", "c": "three"})
	if err != nil || len(list) != 2 || !strings.Contains(list[0]+list[1], "instance b") || !strings.Contains(list[0]+list[1], "instance c") {
		t.Errorf("unshared: %q, %v", list, err)
	}
	if list, err := volume.Unshared(t.TempDir(), nil); err != nil || len(list) > 0 {
		t.Errorf("nobody else: %q, %v", list, err)
	}
	if _, err := volume.SeenBy(filepath.Join(shared, "nowhere")); err == nil {
		t.Error("a directory that is not there is shared by nobody, and no error")
	}
	for _, id := range []string{"", "../a", "a/b", strings.Repeat("x", 200)} {
		if err := volume.ProveShared(shared, id, "word"); err == nil {
			t.Errorf("%.20q is no ID", id)
		}
	}
	if err := volume.ForgetInstances(shared, time.Now().Add(8*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if seen, err := volume.SeenBy(shared); len(seen) > 0 || err != nil {
		t.Errorf("after a week: %v, %v", seen, err)
	}
}

// Of several programs that start on a fresh volume at the same time all know it by the same mark.
func TestMarked_Together(t *testing.T) {
	root := t.TempDir()
	const programs = 8
	marks := make([]string, programs)
	var starting sync.WaitGroup
	for i := range programs {
		data := filepath.Join(root, "data", string(rune('a'+i)))
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		starting.Go(func() {
			dirs, err := volume.Marked(data, volume.Dir{Path: filepath.Join(root, "published")}, volume.Dir{Path: filepath.Join(root, "spool")})
			if err != nil {
				t.Error(err)
			}
			marks[i] = dirs[0].Marker
		})
	}
	starting.Wait()
	for _, mark := range marks {
		for _, dir := range []string{"published", "spool"} {
			if got, err := volume.MarkerOf(filepath.Join(root, dir)); err != nil || got != mark {
				t.Errorf("%s is marked %s, and somebody takes it for %s: %v", dir, got, mark, err)
			}
		}
	}
}
