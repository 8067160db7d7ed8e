package recordings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/library"
)

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
	case info.IsDir() && within(target, s.root):
		if target != s.root {
			s.skip(at, "is a link to what this lies in")
		}
	case info.IsDir() && !slices.ContainsFunc(append(s.behind, s.root), func(dir string) bool { return within(dir, target) }):
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

// within tells whether a path is a directory, or in one.
func within(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}
