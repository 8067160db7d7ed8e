package imports

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
)

// maxDepth is how deep archives and recordings may lie below a directory that is imported.
const maxDepth = 6

// source is something to import: an archive, or a recording in directories.
type source struct {
	path     string // of the archive, or of the directory that holds <format>/<recordID>
	recordID string // "" for an archive
}

func (c source) id() string {
	if c.recordID == "" {
		return c.path
	}
	return c.path + "#" + c.recordID
}

// survey is what a look through a directory finds: what there is to import, and what cannot be or is not wanted.
type survey struct {
	root            string
	behind          []string // directories elsewhere that links have led to
	deepest         int      // how deep it is looked
	sources         map[source]bool
	failed, skipped []record.Finding
}

// sourcesIn finds what there is to import at a path, in the order of the paths. What cannot be looked at is named, and
// the rest goes on.
func sourcesIn(path string) (list []source, s survey, err error) {
	s = survey{root: path, deepest: maxDepth, sources: map[source]bool{}}
	info, err := os.Stat(path)
	if err != nil {
		return nil, s, err
	}
	if !info.IsDir() {
		return []source{{path: path}}, s, nil
	}
	if c, ok := recordingAt(path); ok {
		return []source{c}, s, nil
	}
	if err := filepath.WalkDir(path, s.visit); err != nil {
		return nil, s, err
	}
	for c := range s.sources {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b source) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.recordID, b.recordID))
	})
	return list, s, nil
}

func (s *survey) fail(at, text string) { s.failed = add(s.failed, record.Unreadable, at, text) }
func (s *survey) skip(at, text string) { s.skipped = add(s.skipped, record.Skipped, at, text) }

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
	case e.Type().IsRegular() && isArchive(e.Name()):
		s.sources[source{path: at}] = true
	case e.Type()&fs.ModeSymlink != 0:
		s.link(at)
	case looksPacked(e.Name()):
		s.skip(at, unwanted(e.Name(), e.Type()))
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
	case name == "deleted" || name == quarantine:
		s.skip(at, "what lies in directories of this name was thrown away: name it to import it")
		return fs.SkipDir
	case s.depth(at) > s.deepest:
		s.skip(at, "lies too deep: name it to import it")
		return fs.SkipDir
	case isArchive(name):
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
		if isArchive(at) || couldBeRecording(at) {
			s.fail(at, "is a link that leads nowhere")
		}
		return
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		s.fail(at, library.Explain(err).Error())
	case info.Mode().IsRegular() && isArchive(at):
		s.sources[source{path: at}] = true
	case info.Mode().IsRegular() && looksPacked(filepath.Base(at)):
		s.skip(at, unwanted(filepath.Base(at), 0))
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

// Within tells whether a path is a directory, or in one.
func Within(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// recordingAt tells whether a directory is <format>/<recordID> of a recording.
func recordingAt(dir string) (source, bool) {
	id, format := filepath.Base(dir), filepath.Base(filepath.Dir(dir))
	if !library.ValidID(id) || !library.ValidFormat(format) {
		return source{}, false
	}
	if info, err := os.Lstat(filepath.Join(dir, "metadata.xml")); err != nil || !info.Mode().IsRegular() {
		return source{}, false
	}
	return source{path: filepath.Dir(filepath.Dir(dir)), recordID: id}, true
}

// formatDirs are the directories of a recording's formats below a directory, whatever that is called.
func formatDirs(path, recordID string) ([]string, error) {
	itself := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
	return filepath.Glob(filepath.Join(itself, "*", recordID))
}

// unread is a format that cannot be imported, and why.
type unread struct {
	dir string
	err error
}

// read reads the formats of a recording in directories. One that is bad does not take the others with it.
func (c source) read() (whole []archive.Tree, bad []unread, err error) {
	dirs, err := formatDirs(c.path, c.recordID)
	for _, dir := range dirs {
		tree, err := archive.Read(dir)
		if err != nil {
			bad = append(bad, unread{dir, err})
			continue
		}
		whole = append(whole, tree)
	}
	return whole, bad, err
}

// lasting tells whether a format will be as bad at the next try.
func (u unread) lasting() bool {
	_, fault := errors.AsType[*archive.Error](u.err)
	return fault || errors.Is(u.err, fs.ErrPermission)
}
