package playback

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings/library"
)

// present is the version that addresses of older players lead to; it plays their recordings, too.
const present = "2.3"

// playerDir has the player in it. Links that lead out of it lead nowhere. It is opened anew for each file, so that it may
// be replaced at any time.
type playerDir string

// Open opens a file for reading.
func (d playerDir) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // nothing was written through it
	return root.Open(name)
}

// servePlayer serves the player, which is public: what it plays is not. An address that names no file is one of the
// player's own pages, and the player finds out which.
func (p *Playback) servePlayer(w *flow, r *http.Request, at place) error {
	if p.player == nil {
		return p.withoutPlayer(w, r, at)
	}
	release, err := p.hold()
	if err != nil {
		return err
	}
	defer release()
	start, err := find(p.player.Open, at.version+"/"+index)
	if isDenial(err) {
		return p.otherPlayer(w, r, at)
	}
	if err != nil {
		return err
	}
	defer func() { start.close() }()
	if len(at.rest) > 0 {
		it, err := find(p.player.Open, at.version+"/"+at.name())
		switch {
		case err == nil && !it.info.IsDir():
			start.close()
			start = it
		case err == nil:
			it.close()
		case !isDenial(err):
			return err
		case path.Ext(at.name()) != "": // a script, say: a page in its place would only be confusing
			return err
		}
	}
	mediaOf(start.name).describe(w.Header())
	return send(w, r, start, p.player.Open, time.Time{})
}

// withoutPlayer leads to the plain page of the recording.
func (p *Playback) withoutPlayer(w *flow, r *http.Request, at place) error {
	if len(at.rest) == 0 || !library.ValidID(at.rest[0]) {
		return denial("there is no player here")
	}
	to := place{format: presentation, recordID: at.rest[0]}
	return redirect(w, http.StatusFound, to.path(), r.URL.Query())
}

// otherPlayer leads from a version that is not here to the newest one that is. A redirect, because a player knows the
// addresses of its own version alone.
func (p *Playback) otherPlayer(w *flow, r *http.Request, at place) error {
	version, err := newest(p.player)
	if err != nil {
		return err
	}
	if version == at.version {
		return denial("no such player")
	}
	return redirect(w, http.StatusFound, at.playerPath(version), r.URL.Query())
}

// errNoPlayer is what newest finds out about a wrong directory.
var errNoPlayer = errors.New("no player in it: want a directory such as 2.3, with an index.html in it")

// newest finds the newest version of the player.
func newest(dir fs.FS) (string, error) {
	pages, err := fs.Glob(dir, "*/"+index)
	if err != nil {
		return "", err
	}
	pages = slices.DeleteFunc(pages, func(page string) bool { return !versions.MatchString(path.Dir(page)) })
	if len(pages) == 0 {
		return "", errNoPlayer
	}
	return path.Dir(slices.MaxFunc(pages, func(a, b string) int { return compareVersions(path.Dir(a), path.Dir(b)) })), nil
}

// compareVersions compares number by number: 2.10 is newer than 2.9.
func compareVersions(a, b string) int {
	return slices.Compare(numbers(a), numbers(b))
}

func numbers(version string) (list []int) {
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part) // digits, as the pattern has it
		list = append(list, n)
	}
	return list
}
