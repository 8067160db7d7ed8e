package library

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bbbpool/bbbpool/store"
)

// Dirs are the directories of a library. They may be on different file systems, but none may be inside another.
type Dirs struct {
	Published   string
	Unpublished string
	Deleted     string
}

// Library is the files of all recordings. It is safe for concurrent use: what is done to one recording is done by whoever
// holds it, and calls on one staging run one after another. Only one process may write to the same directories at a time: of
// several, [Library.Guard] tells which.
type Library struct {
	guard      *guard
	published  tree
	trees      []tree // published first, then unpublished, then the trash
	recordings Locks  // by record ID
	stagings   Locks  // by name; each is locked after recordings, never before

	mu     sync.Mutex
	sealed map[string]*os.File // of a staging since it was made: see Seal
}

var (
	errFormat = errors.New("no name for a format: want 1 to 64 of a-z, 0-9, _ and -, and none of our own addresses")
	errID     = errors.New("not a record ID, which has letters, digits, _ and - and at most 128 characters")
	errName   = errors.New("not a name for a staging: want 1 to 200 bytes, no leading dot, no slash, nothing invisible")
	errState  = errors.New("no files are kept in this state")
)

var (
	formatNames = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)
	recordIDs   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	names       = regexp.MustCompile(`^[^./\\\pC][^/\\\pC]{0,199}$`)
)

// reserved are the first elements of our own addresses and of what web servers have before us: a format of that name
// would answer in their place, or they in its.
var reserved = []string{
	"api", "bigbluebutton", "callbacks", "fsapi", "health_check", "healthz", "metrics", "playback", "readyz", "recording",
	"scalelite", "static-resource", "t",
}

// ValidFormat tells whether a format may have this name. No other name becomes part of a path, in the library or in an
// address.
func ValidFormat(name string) bool {
	return formatNames.MatchString(name) && !slices.Contains(reserved, name)
}

// ValidID tells whether a recording may have this ID. No other ID becomes part of a path.
func ValidID(recordID string) bool { return recordIDs.MatchString(recordID) }

// New returns the library in these directories. It does not touch them: see [Library.Prepare].
func New(d Dirs) (*Library, error) {
	g := &guard{}
	trees := []tree{
		{d.Published, store.Published, g}, {d.Unpublished, store.Unpublished, g}, {d.Deleted, store.Deleted, g},
	}
	for i, t := range trees {
		if t.dir == "" {
			return nil, fmt.Errorf("open the library: no directory for %s recordings", t.state)
		}
		dir, err := filepath.Abs(t.dir)
		if err != nil {
			return nil, fmt.Errorf("open the library: %w", err)
		}
		trees[i].dir = dir
	}
	if err := apart(trees); err != nil {
		return nil, err
	}
	return &Library{guard: g, published: trees[0], trees: trees, sealed: map[string]*os.File{}}, nil
}

// Prepare makes the directories that are missing, and deletes what is left of deletions that were interrupted. Call it
// once it is certain that the right volume is mounted, and before anything is written. An error of permission says
// whose a directory is and what to do. Calling again does no harm.
func (l *Library) Prepare() error {
	for _, t := range l.trees {
		if err := t.prepare(); err != nil {
			return fmt.Errorf("prepare the library: %w", Explain(err))
		}
	}
	return nil
}

// apart returns an error if one tree is inside another.
func apart(trees []tree) error {
	for _, a := range trees {
		for _, b := range trees {
			if a.state != b.state && strings.HasPrefix(a.dir+string(filepath.Separator), b.dir+string(filepath.Separator)) {
				return fmt.Errorf("open the library: %s (%s) is inside %s (%s): choose directories beside each other",
					a.dir, a.state, b.dir, b.state)
			}
		}
	}
	return nil
}

// tree returns where recordings in this state are.
func (l *Library) tree(state store.RecordingState) (tree, error) {
	i := slices.IndexFunc(l.trees, func(t tree) bool { return t.state == state })
	if i < 0 {
		return tree{}, fmt.Errorf("%q: %w", state, errState)
	}
	return l.trees[i], nil
}

// intact returns an error if a tree is not there, as after somebody's rm. Nothing may be concluded then from what is
// not found.
func (l *Library) intact() error {
	for _, t := range l.trees {
		if _, err := os.Stat(t.dir); err != nil {
			return err
		}
	}
	return nil
}

// Hold waits until nobody else works on a recording, and hands out the right to do so. It is the one lock that there is by
// record ID: whoever changes a recording in the index holds it, too. It can be asked for any ID, valid or not. Nobody may
// hold a recording who calls Stage or Discard, and several are held in the order of their IDs.
func (l *Library) Hold(recordID string) *Held { return l.recordings.Hold(recordID) }

// valid returns an error unless a recording with this ID can have files.
func valid(recordID string) error {
	if !ValidID(recordID) {
		return fmt.Errorf("%.200q: %w", recordID, errID)
	}
	return nil
}

// changeable returns an error unless what is held can have files, and the trees are all there, to be changed.
func (l *Library) changeable(r *Held) error {
	if err := valid(r.ID); err != nil {
		return err
	}
	return l.intact()
}

// fail says of an error what was being done, and whose fault it is.
func fail(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), Explain(*err))
	}
}
