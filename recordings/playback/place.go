package playback

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/recordings/library"
)

// place is what an address points to, by its shape alone: nothing was looked up yet.
type place struct {
	kind     kind
	format   string
	recordID string
	version  string   // of the player
	rest     []string // the names below it, decoded
	slash    bool     // it ends in a slash
}

type kind int

const (
	nowhere kind = iota
	file         // of a recording
	link         // the way into a format, or to a file of it
	alias        // another address of a file
	player       // the player and what belongs to it
	legacy       // an address that players had before 2.3
)

// What may stand in an address, besides the formats and record IDs that the library takes. These become names of cookies
// and directories, and sources in a policy: nothing that would have to be quoted there is let through.
var (
	usualIDs = regexp.MustCompile(`^[0-9a-f]{40}-[0-9]{13}$`)
	versions = regexp.MustCompile(`^[0-9]{1,4}(\.[0-9]{1,4}){1,2}$`)
)

// Bounds of a path.
const (
	maxNames = 32
	maxName  = 255
)

// locate tells what a URL points to.
func locate(u *url.URL) place {
	names, slash, ok := split(u.EscapedPath())
	if !ok || len(names) < 2 {
		return place{}
	}
	var p place
	switch names[0] {
	case "recording":
		p = locateRecording(names[1:])
	case "playback":
		p = locatePlayback(names[1:], u)
	default:
		p = place{kind: file, format: names[0], recordID: names[1], rest: names[2:]}
	}
	p.slash = slash
	if p.kind != player && (!library.ValidFormat(p.format) || !library.ValidID(p.recordID)) {
		return place{}
	}
	return p
}

// locateRecording tells /recording/<recordID>/<format> from /recording/<format>/<recordID>/… by the looks of record
// IDs. It asks nobody whether there is such a recording: whoever watches a protected one comes by here on the way to
// the path that the cookie is for, and everybody else must not learn anything.
func locateRecording(names []string) place {
	switch {
	case len(names) < 2:
		return place{}
	case names[0] == "screenshare" || usualIDs.MatchString(names[1]) && !usualIDs.MatchString(names[0]):
		return place{kind: alias, format: names[0], recordID: names[1], rest: names[2:]}
	}
	return place{kind: link, recordID: names[0], format: names[1], rest: names[2:]}
}

// locatePlayback reads what comes after /playback/.
func locatePlayback(names []string, u *url.URL) place {
	last := names[len(names)-1]
	switch {
	case len(names) < 2:
		return place{}
	case names[0] != presentation:
		return place{kind: alias, format: names[0], recordID: names[1], rest: names[2:]}
	case last == "playback.html" && (len(names) == 2 || len(names) == 3 && versions.MatchString(names[1])):
		return place{
			kind: legacy, format: presentation, recordID: u.Query().Get("meetingId"),
			version: strings.Join(names[1:len(names)-1], ""), rest: []string{oldPage},
		}
	case versions.MatchString(names[1]):
		return place{kind: player, format: presentation, version: names[1], rest: names[2:]}
	}
	return place{kind: alias, format: presentation, recordID: names[1], rest: names[2:]}
}

// split decodes a path, once, into its names. It refuses everything that could mean something else to whoever reads it
// next: names with slashes in them, hidden files, "..", empty names, control characters.
func split(escaped string) (names []string, slash, ok bool) {
	escaped, ok = strings.CutPrefix(escaped, "/")
	if !ok {
		return nil, false, false
	}
	escaped, slash = strings.CutSuffix(escaped, "/")
	if strings.Count(escaped, "/") >= maxNames {
		return nil, false, false
	}
	for part := range strings.SplitSeq(escaped, "/") {
		name, err := url.PathUnescape(part)
		if err != nil || !sound(name) {
			return nil, false, false
		}
		names = append(names, name)
	}
	return names, slash, true
}

func sound(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '.' && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || c == '/' || c == '\\' })
}

// name is the path below the format's directory, or "." for that itself.
func (p place) name() string {
	if len(p.rest) == 0 {
		return "."
	}
	return strings.Join(p.rest, "/")
}

// address is the path of the place, whatever kind it is of, made of nothing but checked names.
func (p place) address() string {
	switch {
	case p.kind == legacy && p.version == "":
		return address(false, []string{"playback", presentation}, p.rest)
	case p.kind == legacy, p.kind == player:
		return p.playerPath(p.version)
	}
	return p.path()
}

// path is the address of the file, made of nothing but checked names.
func (p place) path() string {
	return address(p.slash || len(p.rest) == 0, []string{p.format, p.recordID}, p.rest)
}

// playerPath is the same for the player.
func (p place) playerPath(version string) string {
	return address(p.slash, []string{"playback", presentation, version}, p.rest)
}

// address puts names together. It starts with one slash and one only, as no name is empty.
func address(slash bool, parts ...[]string) string {
	var b strings.Builder
	for _, names := range parts {
		for _, name := range names {
			b.WriteString("/" + url.PathEscape(name))
		}
	}
	if slash {
		b.WriteString("/")
	}
	return b.String()
}
