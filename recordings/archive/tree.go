package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bbbpool/bbbpool/store"
)

// Tree is one format of one recording, on the disk.
type Tree struct {
	Format    string
	RecordID  string
	Dir       string          // ends in <format>/<recordID>, unless a link there leads elsewhere
	Files     int             // without the copies that Compress makes, so that it is the same before and after
	Bytes     int64           // of these files
	Recording store.Recording // as its metadata.xml tells, with this one format; published or unpublished, of no tenant
}

func compareTrees(a, b Tree) int {
	return cmp.Or(strings.Compare(a.RecordID, b.RecordID), strings.Compare(a.Format, b.Format))
}

// Read reads a directory <format>/<recordID> that lies in its place already, or elsewhere with a link to it in its place:
// then Dir is where it really is. Links, devices and FIFOs in it are an *Error, as is a link that leads nowhere, and whatever
// is wrong with its metadata.xml. Errors of the disk come back as themselves.
func Read(dir string) (Tree, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Tree{}, fmt.Errorf("read %s: %w", dir, err)
	}
	t := Tree{Format: filepath.Base(filepath.Dir(abs)), RecordID: filepath.Base(abs), Dir: filepath.Clean(dir)}
	if err := checkPlace([]string{t.Format, t.RecordID}, true); err != nil {
		return Tree{}, err
	}
	if err := t.arrive(); err != nil {
		return Tree{}, err
	}
	if err := t.sum(); err != nil {
		return Tree{}, err
	}
	if t.Recording, err = t.metadata(); err != nil {
		return Tree{}, err
	}
	t.Recording.Formats[0].Bytes = t.Bytes
	return t, nil
}

// name returns what a file of the tree is called in an archive.
func (t *Tree) name(file string) string {
	return t.Format + "/" + t.RecordID + "/" + file
}

// arrive follows a link in the place of the directory.
func (t *Tree) arrive() error {
	info, err := os.Lstat(t.Dir)
	if err != nil {
		return fmt.Errorf("read %s: %w", t.Dir, err)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return nil
	}
	place := t.Format + "/" + t.RecordID
	if info, err = os.Stat(t.Dir); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) {
		return errorf(place, "is a symbolic link that leads nowhere")
	}
	if err == nil && !info.IsDir() {
		return errorf(place, "is a symbolic link, and not to a directory")
	}
	if err == nil {
		t.Dir, err = filepath.EvalSymlinks(t.Dir)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", t.Dir, err)
	}
	return nil
}

// sum adds up the files, and refuses what is neither file nor directory.
func (t *Tree) sum() error {
	return filepath.WalkDir(t.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if d.IsDir() {
			return nil
		}
		if !d.Type().IsRegular() {
			rel, _ := filepath.Rel(t.Dir, path)
			return errorf(t.name(filepath.ToSlash(rel)), "is %s; only files and directories are taken", kindOf(d.Type()))
		}
		if isCopy(path) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		t.Files++
		t.Bytes += info.Size()
		return nil
	})
}

// kindOf says what something is that is no file and no directory.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "neither a file nor a directory"
}

// metadata reads the metadata.xml of the tree from the disk.
func (t *Tree) metadata() (store.Recording, error) {
	f, err := os.OpenInRoot(t.Dir, metadataName)
	if errors.Is(err, fs.ErrNotExist) {
		return store.Recording{}, errorf(t.name(metadataName), "is missing")
	}
	if err != nil {
		return store.Recording{}, fmt.Errorf("read %s: %w", t.name(metadataName), err)
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return store.Recording{}, errorf(t.name(metadataName), "is a directory")
	}
	return ParseMetadata(f, t.Format, t.RecordID)
}

// Merge makes one recording of all trees with the same record ID, in the order of record IDs, with formats in the order
// of their types. Where the trees disagree, presentation is right, else the first of them that tells. A format that is
// there twice is taken once.
func Merge(trees []Tree) []store.Recording {
	sorted := slices.Clone(trees)
	slices.SortStableFunc(sorted, func(a, b Tree) int {
		return cmp.Or(strings.Compare(a.RecordID, b.RecordID), cmp.Compare(rank(a.Format), rank(b.Format)))
	})
	var list []store.Recording
	for _, t := range sorted {
		if len(list) == 0 || list[len(list)-1].RecordID != t.RecordID {
			list = append(list, store.Recording{RecordID: t.RecordID, State: t.Recording.State})
		}
		merge(&list[len(list)-1], t.Recording)
	}
	for i := range list {
		slices.SortStableFunc(list[i].Formats, compareFormats)
		list[i].Formats = slices.CompactFunc(list[i].Formats, func(a, b store.Format) bool { return a.Type == b.Type })
	}
	return list
}

func rank(format string) int {
	if format == "presentation" {
		return 0
	}
	return 1
}

func compareFormats(a, b store.Format) int { return strings.Compare(a.Type, b.Type) }

// merge takes from a tree's recording what is not known yet.
func merge(r *store.Recording, from store.Recording) {
	if r.MeetingID == "" || r.MeetingID == r.RecordID { // which stands in for one that is not told
		r.MeetingID = cmp.Or(from.MeetingID, r.MeetingID)
	}
	r.Name = cmp.Or(r.Name, from.Name)
	r.Participants = cmp.Or(r.Participants, from.Participants)
	r.RawSize = cmp.Or(r.RawSize, from.RawSize)
	r.Breakout = cmp.Or(r.Breakout, from.Breakout)
	if r.Start.IsZero() {
		r.Start = from.Start
	}
	if r.End.IsZero() {
		r.End = from.End
	}
	if len(r.BreakoutRooms) == 0 {
		r.BreakoutRooms = slices.Clone(from.BreakoutRooms)
	}
	mergeMeta(r, from.Meta)
	r.Formats = append(r.Formats, from.Formats...)
}

func mergeMeta(r *store.Recording, from map[string]string) {
	if r.Meta == nil {
		r.Meta = maps.Clone(from)
		return
	}
	for key, value := range from {
		if _, ok := r.Meta[key]; !ok {
			r.Meta[key] = value
		}
	}
}
