package recordings

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/library"
)

// followLink notes what a link below a directory that is imported leads to: an archive, a recording, or recordings, as they
// lie below a format or below what holds formats. Links beyond it are not followed, nor those to what lies below the
// directory itself and is found there. What looks like a recording and leads to none is noted as well, so that it fails by
// its name.
func followLink(root, at string, seen map[source]bool) {
	name, format := filepath.Base(at), filepath.Base(filepath.Dir(at))
	target, err := filepath.EvalSymlinks(at)
	if err == nil && (target == root || strings.HasPrefix(target, root+string(filepath.Separator))) {
		return
	}
	if info, err := os.Stat(at); err == nil && !info.IsDir() {
		if isArchive(name) {
			seen[source{path: at}] = true
		}
		return
	}
	found := false
	for _, dir := range append([]string{at}, below(at, 2)...) {
		if c, ok := recordingAt(dir); ok {
			seen[c], found = true, true
		}
	}
	if !found && library.ValidFormat(format) && library.ValidID(name) {
		seen[source{path: filepath.Dir(filepath.Dir(at)), recordID: name}] = true
	}
}

// below returns the directories in a directory, down to so many levels; links are none. What cannot be read has none.
func below(dir string, levels int) (list []string) {
	if _, ok := recordingAt(dir); ok || levels == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			path := filepath.Join(dir, e.Name())
			list = append(append(list, path), below(path, levels-1)...)
		}
	}
	return list
}
