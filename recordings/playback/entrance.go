package playback

import (
	"net/url"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// entrance is where a format starts: the path that it says, if something of the recording is served there, and otherwise
// its directory, which it has not said. Paths come from the archive, and must not lead anywhere else; and old scripts
// wrote down addresses of players that are no more. A path may lead into another format's directory, as that of a film
// does which was made of a presentation and lies beside it.
func entrance(r store.Recording, f store.Format) (to place, query url.Values, said bool) {
	own := place{kind: file, format: f.Type, recordID: r.RecordID}
	u, err := url.Parse(f.Path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return own, nil, false
	}
	to = locate(u)
	switch to.kind {
	case file, alias:
		to.kind = file
		said = to.recordID == r.RecordID && has(r, to.format)
	case player:
		said = len(to.rest) > 0 && to.rest[0] == r.RecordID
		to.recordID = r.RecordID
	case legacy:
		said = to.recordID == r.RecordID
	default:
	}
	if !said {
		return own, nil, false
	}
	return to, u.Query(), true
}

// has tells whether a recording has a format.
func has(r store.Recording, format string) bool {
	return slices.ContainsFunc(r.Formats, func(f store.Format) bool { return f.Type == format })
}

// start is path and query of the address at which a format of an open recording starts.
func start(r store.Recording, f store.Format) string {
	to, _, said := entrance(r, f)
	if said {
		return f.Path
	}
	return to.address()
}

// shows tells whether a format that starts at p is made of what another place names: of that file alone or, if it starts
// at a page or a directory, of all that lies beside and below it. The player plays all of a presentation.
func (p place) shows(at place) bool {
	switch {
	case p.format != at.format || p.recordID != at.recordID:
		return false
	case p.kind != file:
		return true
	}
	dir := p.rest
	if n := len(dir); n > 0 && !p.slash {
		if !strings.HasPrefix(mime(dir[n-1]), "text/html") {
			return slices.Equal(dir, at.rest)
		}
		dir = dir[:n-1]
	}
	return len(at.rest) >= len(dir) && slices.Equal(at.rest[:len(dir)], dir)
}
