package sources

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
)

// maxDepth is how deep archives and recordings may lie below a directory that is imported.
const maxDepth = 6

// Source is something to import: an archive, or a recording in directories.
type Source struct {
	Path     string // of the archive, or of the directory that holds <format>/<recordID>
	RecordID string // "" for an archive
}

// ID is the ID of its job.
func (c Source) ID() string {
	if c.RecordID == "" {
		return c.Path
	}
	return c.Path + "#" + c.RecordID
}

// survey is a look through a directory.
type survey struct {
	root    string
	behind  []string // directories elsewhere that links have led to
	deepest int      // how deep it is looked
	sources map[Source]bool
	found   Found
}

// Found is what there is at a path, in the order of the paths, and what of it cannot be imported or is not wanted.
type Found struct {
	Sources         []Source
	Failed, Skipped []record.Finding
}

// In finds what there is to import at a path. What cannot be looked at is named, and the rest goes on.
func In(path string) (Found, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Found{}, err
	}
	if !info.IsDir() {
		return Found{Sources: []Source{{Path: path}}}, nil
	}
	if c, ok := recordingAt(path); ok {
		return Found{Sources: []Source{c}}, nil
	}
	s := survey{root: path, deepest: maxDepth, sources: map[Source]bool{}}
	if err := filepath.WalkDir(path, s.visit); err != nil {
		return s.found, err
	}
	s.found.Sources = slices.SortedFunc(maps.Keys(s.sources), func(a, b Source) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.RecordID, b.RecordID))
	})
	return s.found, nil
}

func (s *survey) fail(at, text string) {
	s.found.Failed = add(s.found.Failed, record.Unreadable, at, text)
}

func (s *survey) skip(at, text string) {
	s.found.Skipped = add(s.found.Skipped, record.Skipped, at, text)
}

// add adds a finding to a list that is bounded.
func add(list []record.Finding, kind, at, text string) []record.Finding {
	if len(list) == record.MaxFindings {
		return list
	}
	return append(list, record.Finding{Kind: kind, Path: at, Text: text})
}

func (s *survey) visit(at string, e fs.DirEntry, err error) error {
	switch {
	case err != nil && at == s.root:
		return err
	case err != nil:
		s.fail(at, library.Explain(err).Error())
		return nil
	case e.IsDir():
		return s.descend(at)
	case e.Type().IsRegular() && edition.IsArchive(e.Name()):
		s.sources[Source{Path: at}] = true
	case e.Type()&fs.ModeSymlink != 0:
		s.link(at)
	case edition.LooksPacked(e.Name()):
		s.skip(at, edition.Unwanted(e.Name(), e.Type()))
	}
	return nil
}

// depth is how many names a path has below the root.
func (s *survey) depth(at string) int {
	return strings.Count(strings.TrimPrefix(at, strings.TrimSuffix(s.root, string(filepath.Separator))), string(filepath.Separator))
}

// descend notes a recording, or lets the search go on below a directory.
func (s *survey) descend(at string) error {
	if c, ok := recordingAt(at); ok {
		s.sources[c] = true
		return fs.SkipDir
	}
	if at == s.root {
		return nil
	}
	name := filepath.Base(at)
	switch {
	case strings.HasPrefix(name, "."):
		return fs.SkipDir
	case name == "deleted" || name == edition.Quarantine:
		s.skip(at, "what lies in directories of this name was thrown away: name it to import it")
		return fs.SkipDir
	case s.depth(at) > s.deepest:
		s.skip(at, "lies too deep: name it to import it")
		return fs.SkipDir
	case edition.IsArchive(name):
		s.fail(at, "is a directory with the name of an archive")
	case record.LeadingID(name) == name && library.ValidFormat(filepath.Base(filepath.Dir(at))):
		s.skip(at, "has no metadata.xml: it was not published, or is broken")
	}
	return nil
}

// link follows a link below a directory that is imported: what lies behind it is found as if it lay there. What lies below
// the directory itself, or behind another link, is found once, where that is.
func (s *survey) link(at string) {
	target, err := filepath.EvalSymlinks(at)
	if err != nil {
		if edition.IsArchive(at) || couldBeRecording(at) {
			s.fail(at, "is a link that leads nowhere")
		}
		return
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		s.fail(at, library.Explain(err).Error())
	case info.Mode().IsRegular() && edition.IsArchive(at):
		s.sources[Source{Path: at}] = true
	case info.Mode().IsRegular() && edition.LooksPacked(filepath.Base(at)):
		s.skip(at, edition.Unwanted(filepath.Base(at), 0))
	case info.IsDir() && Within(target, s.root):
		if target != s.root {
			s.skip(at, "is a link to what this lies in")
		}
	case info.IsDir() && !slices.ContainsFunc(append(s.behind, s.root), func(dir string) bool { return Within(dir, target) }):
		s.behind = append(s.behind, target)
		s.follow(at)
	}
}

// maxBehind is how deep archives and recordings may lie behind a link: <state>/<format>/<recordID>.
const maxBehind = 3

// follow looks through the directory that a link leads to.
func (s *survey) follow(at string) {
	if s.descend(at) != nil {
		return
	}
	defer func(before int) { s.deepest = before }(s.deepest)
	s.deepest = min(s.deepest, s.depth(at)+maxBehind)
	entries, err := os.ReadDir(at)
	if err != nil {
		s.fail(at, library.Explain(err).Error())
	}
	for _, e := range entries {
		_ = filepath.WalkDir(filepath.Join(at, e.Name()), s.visit) // visit names what is wrong, and goes on
	}
}

// couldBeRecording tells whether something lies where recordings do, by its name.
func couldBeRecording(at string) bool {
	return library.ValidID(filepath.Base(at)) && library.ValidFormat(filepath.Base(filepath.Dir(at)))
}

// recordingAt tells whether a directory is <format>/<recordID> of a recording.
func recordingAt(dir string) (Source, bool) {
	id, format := filepath.Base(dir), filepath.Base(filepath.Dir(dir))
	if !library.ValidID(id) || !library.ValidFormat(format) {
		return Source{}, false
	}
	if info, err := os.Lstat(filepath.Join(dir, "metadata.xml")); err != nil || !info.Mode().IsRegular() {
		return Source{}, false
	}
	return Source{Path: filepath.Dir(filepath.Dir(dir)), RecordID: id}, true
}

// formatDirs are the directories of a recording's formats below a directory, whatever that is called.
func formatDirs(path, recordID string) ([]string, error) {
	itself := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
	return filepath.Glob(filepath.Join(itself, "*", recordID))
}

// Unread is a format that cannot be imported, and why.
type Unread struct {
	Dir string
	Err error
}

// Read reads the formats of a recording in directories. One that is bad does not take the others with it.
func (c Source) Read() (whole []archive.Tree, bad []Unread, err error) {
	dirs, err := formatDirs(c.Path, c.RecordID)
	for _, dir := range dirs {
		tree, err := archive.Read(dir)
		if err != nil {
			bad = append(bad, Unread{dir, err})
			continue
		}
		whole = append(whole, tree)
	}
	return whole, bad, err
}

// lasting tells whether a format will be as bad at the next try.
func (u Unread) lasting() bool {
	_, fault := errors.AsType[*archive.Error](u.Err)
	return fault || errors.Is(u.Err, fs.ErrPermission)
}

// At is where the first format of a recording lies, or the archive.
func (c Source) At(of []archive.Tree) string {
	if len(of) == 0 {
		return c.Path
	}
	return of[0].Dir
}
