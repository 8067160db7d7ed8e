package volume

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// instancesDir has a file for each instance that has a directory: by its ID, with a word that it tells others on another way,
// too.
const instancesDir = workDir + "/instances"

const (
	// maxInstances is how many instances a directory is read for.
	maxInstances = 1000
	// forgotten is when an instance that has not announced itself is taken for gone.
	forgotten = 7 * 24 * time.Hour
)

// instanceIDs are names that can be those of files.
var instanceIDs = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// ProveShared writes into a directory that an instance has it: a file by the ID of the instance, with a word that others know of
// it from elsewhere. What instances have left that are gone for long is removed. It waits for the disk.
func ProveShared(dir, id, word string) error {
	if !instanceIDs.MatchString(id) || len(word) > maxMarker || strings.ContainsAny(word, "\r\n") {
		return fmt.Errorf("announce instance %.100q in %s: it is no ID, or %d bytes are too many", id, dir, len(word))
	}
	err := within(dir, func(root *os.Root) error {
		if err := root.MkdirAll(instancesDir, 0o700); err != nil {
			return err
		}
		name := path.Join(instancesDir, id)
		if err := files.Write(root, name+".new", []byte(word+"\n")); err != nil {
			return errors.Join(err, store.Ignore(root.Remove(name+".new"), fs.ErrNotExist))
		}
		return root.Rename(name+".new", name)
	})
	if err != nil {
		return fmt.Errorf("announce instance %s in %s: %w", id, dir, err)
	}
	return nil
}

// SeenBy returns which instances have a directory, as they have written there themselves: their words by their IDs. It waits
// for the disk.
func SeenBy(dir string) (words map[string]string, err error) {
	words = map[string]string{}
	err = within(dir, func(root *os.Root) error {
		list, err := root.Open(instancesDir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { _ = list.Close() }()
		entries, err := list.ReadDir(maxInstances)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		for _, e := range entries {
			if id := e.Name(); instanceIDs.MatchString(id) && !strings.HasSuffix(id, ".new") {
				words[id] = wordOf(root, id)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("see which instances have %s: %w", dir, err)
	}
	return words, nil
}

// wordOf reads the word of an instance; "" where it cannot be read.
func wordOf(root *os.Root, id string) string {
	file, err := root.Open(path.Join(instancesDir, id))
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxMarker+1))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

// ForgetInstances removes what instances have written into a directory that have not done so for a week.
func ForgetInstances(dir string, now time.Time) error {
	return within(dir, func(root *os.Root) error {
		entries, err := fs.ReadDir(root.FS(), instancesDir)
		errs := []error{store.Ignore(err, fs.ErrNotExist)}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > forgotten {
				errs = append(errs, store.Ignore(root.Remove(path.Join(instancesDir, e.Name())), fs.ErrNotExist))
			}
		}
		return errors.Join(errs...)
	})
}

// Unshared tells which of the instances, by ID and word, do not have the same directory as this program, and why, sorted; nothing
// where all have it. It waits for the disk.
func Unshared(dir string, instances map[string]string) (list []string, err error) {
	seen, err := SeenBy(dir)
	if err != nil {
		return nil, err
	}
	for id, word := range instances {
		switch got, ok := seen[id]; {
		case !ok:
			list = append(list, fmt.Sprintf("instance %s has written nothing into %s as it is seen here: mount the same there", id, dir))
		case got != word:
			list = append(list, fmt.Sprintf("%s has what instance %s wrote when it was started before: it has another directory now, "+
				"or cannot write there", dir, id))
		}
	}
	slices.SortFunc(list, cmp.Compare[string])
	return list, nil
}
