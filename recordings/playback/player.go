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

// present is the version that addresses of older players lead to where those are not here; it plays their recordings,
// too.
const present = "2.3"

// playerDir is the directory that has the player in it, "" where there is none. Links that lead out of it lead nowhere. It
// is opened anew for each file, so that it may be replaced at any time.
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
	if p.player == "" {
		return p.withoutPlayer(w, r, at)
	}
	release, err := p.hold()
	if err != nil {
		return err
	}
	defer release()
	it, err := p.player.file(at)
	if errors.Is(err, errNoPlayer) {
		return p.otherPlayer(w, r, at)
	}
	if err != nil {
		return err
	}
	defer it.close()
	m := mediaOf(it.name)
	m.describe(w.Header())
	if m.lasting {
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}
	return send(w, r, it, p.player.Open, time.Time{})
}

// file opens the file that an address of the player names, or the page that stands for it: errNoPlayer is that this
// version is not here.
func (d playerDir) file(at place) (item, error) {
	if len(at.rest) > 0 {
		it, err := find(d.Open, at.version+"/"+at.name())
		switch {
		case err == nil && !it.info.IsDir():
			return it, nil
		case err == nil:
			it.close()
		case !isDenial(err):
			return item{}, err
		case path.Ext(at.name()) != "" && d.has(at.version): // a script, say: a page in its place would only be confusing
			return item{}, err
		}
	}
	it, err := find(d.Open, at.version+"/"+index)
	if isDenial(err) {
		err = errNoPlayer
	}
	return it, err
}

// has tells whether a version of the player is here, of whatever age.
func (d playerDir) has(version string) bool {
	for _, page := range []string{index, oldPage} {
		if it, err := find(d.Open, version+"/"+page); err == nil {
			it.close()
			return true
		}
	}
	return false
}

// oldPage is the page of players before 2.3, which are told what to play in the query.
const oldPage = "playback.html"

// serveOldPlayer serves an older player at its own address, if it lies beside the present one, and leads to that
// otherwise: not for good, for the older one may be put there some day.
func (p *Playback) serveOldPlayer(w *flow, r *http.Request, at place) error {
	query := r.URL.Query()
	if p.player != "" {
		old, err := p.player.versions(oldPage)
		switch {
		case err != nil:
			return err
		case slices.Contains(old, at.version):
			return p.servePlayer(w, r, at)
		case at.version == "" && len(old) > 0: // from before addresses had one; 0.81 is older than 0.9.0
			return redirect(w, http.StatusFound, at.playerPath(slices.Max(old)), query)
		}
	}
	at.rest = []string{at.recordID}
	query.Del("meetingId")
	return redirect(w, http.StatusFound, at.playerPath(present), query)
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
	version, err := p.player.newest()
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
func (d playerDir) newest() (string, error) {
	found, err := d.versions(index)
	if err == nil && len(found) == 0 {
		err = errNoPlayer
	}
	if err != nil {
		return "", err
	}
	return found[len(found)-1], nil
}

// versions finds the versions of the player that start at a page of this name, the newest last.
func (d playerDir) versions(page string) (found []string, err error) {
	pages, err := fs.Glob(d, "*/"+page)
	for _, p := range pages {
		if version := path.Dir(p); versions.MatchString(version) {
			found = append(found, version)
		}
	}
	slices.SortFunc(found, compareVersions)
	return found, err
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
