package volume

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// idFile is the file in the data directory that tells which volume is ours.
const idFile = "volume.id"

// Marked returns directories with the mark by which each is told from an empty mount point. On the first start they are
// marked, and the mark is remembered in the data directory; a volume that is marked already, by another program of the same
// pool, is taken as it is. With an error they have marks that no volume has: nothing is read from them or written to them.
// It waits for a disk that does not answer, but not for ever.
func Marked(data string, dirs ...Dir) ([]Dir, error) {
	file := filepath.Join(data, idFile)
	text, err := os.ReadFile(file) //nolint:gosec // in the data directory that the operator has named
	id := strings.TrimSpace(string(text))
	if errors.Is(err, fs.ErrNotExist) || err == nil && id == "" {
		id, err = withinTime(func() (string, error) { return firstMark(file, dirs) })
	}
	if err != nil {
		id = newMark()
	}
	for i := range dirs {
		dirs[i].Marker, dirs[i].by = id, programOf(data)
	}
	return dirs, err
}

// programOf tells programs that have a volume together apart, by their machines and data directories.
func programOf(data string) string {
	host, _ := os.Hostname() // without one the data directory has to do
	sum := sha256.Sum256([]byte(host + "\x00" + data))
	return "-" + hex.EncodeToString(sum[:4])
}

// markTime is how long the disk may take on the first start.
const markTime = 10 * time.Second

// withinTime calls do on a goroutine of its own, and leaves it there if a hung disk keeps it for longer than markTime.
func withinTime(do func() (string, error)) (string, error) {
	type outcome struct {
		text string
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		text, err := do()
		done <- outcome{text, err}
	}()
	select {
	case o := <-done:
		return o.text, o.err
	case <-time.After(markTime):
		return "", fmt.Errorf("the disk has not answered for %s: start again when it does", markTime)
	}
}

// firstMark makes the directories and marks them, and then remembers the mark in a file.
func firstMark(file string, dirs []Dir) (string, error) {
	for _, d := range dirs {
		if err := os.MkdirAll(d.Path, 0o755); err != nil { //nolint:gosec // nginx may be the one that reads it
			return "", err
		}
	}
	id, err := markFresh(dirs[0].Path)
	if err != nil {
		return "", err
	}
	for _, d := range dirs {
		if err := Mark(d.Path, id); err != nil {
			return "", err
		}
	}
	return id, os.WriteFile(file, []byte(id+"\n"), 0o600)
}

// markFresh marks a volume that has no mark, and returns the mark that it has then: of several programs that start at the same
// time all get the same.
func markFresh(path string) (id string, err error) {
	if id, err = MarkerOf(path); err == nil && id != "" {
		return id, nil
	}
	id = newMark()
	err = within(path, func(root *os.Root) error {
		if err := root.MkdirAll(workDir, 0o700); err != nil {
			return err
		}
		temp := markerFile + "." + id[:8]
		if err := files.Write(root, temp, []byte(id+"\n")); err != nil {
			return errors.Join(err, store.Ignore(root.Remove(temp), fs.ErrNotExist))
		}
		err := root.Link(temp, markerFile)
		if errors.Is(err, fs.ErrExist) {
			if id, err = markerOf(root); err == nil && id == "" { // somebody has emptied it: what was mounted there is gone
				id = newMark()
			}
		} else {
			err = nil // a file system without links: whoever comes first is not found out
		}
		return errors.Join(err, root.Remove(temp))
	})
	return id, err
}

func newMark() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return hex.EncodeToString(b[:])
}

// MarkAgain writes their marks on directories as they are mounted now, and takes them for the right ones by that.
func MarkAgain(dirs ...Dir) error {
	for _, d := range dirs {
		if err := Mark(d.Path, d.Marker); err != nil {
			return err
		}
	}
	return nil
}
