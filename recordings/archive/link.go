package archive

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/bbbpool/bbbpool/recordings/library"
)

const maxLink = 2048 // bytes

// usualIDs are the record IDs that BigBlueButton makes.
var usualIDs = regexp.MustCompile(`^[0-9a-f]{40}-[0-9]{13}$`)

// Link returns the path at which a format of a recording plays unless its server tells another.
func Link(format, recordID string) string {
	switch format {
	case "presentation":
		return "/playback/presentation/2.3/" + recordID
	case "video":
		return "/playback/video/" + recordID + "/"
	case "screenshare":
		return "/recording/screenshare/" + recordID + "/"
	case "podcast":
		return "/podcast/" + recordID + "/audio.ogg"
	case "notes":
		return "/notes/" + recordID + "/notes.pdf"
	}
	return "/" + format + "/" + recordID + "/"
}

// localPath returns path and query of a link, and "" for one that leads elsewhere than to a path of this recording on its
// server. It ends up in front of browsers under our own name, so what is not plain is not taken.
func localPath(link, recordID string) string {
	link = strings.TrimSpace(link)
	if len(link) > maxLink {
		return ""
	}
	u, err := url.Parse(link)
	if err != nil || u.Opaque != "" || !plain(u.Path) || !leadsTo(u, recordID) {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
	case "":
		if strings.HasPrefix(link, "//") {
			return ""
		}
	default:
		return ""
	}
	path := u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	if len(path) > maxLink { // escapes have made it longer
		return ""
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"<>\^`+"`{|}", r) }) {
		return ""
	}
	return strings.Clone(path)
}

// picture returns the path of an image of a recording, and "" for one that does not lie with its files: it is shown under
// our own name, where nothing else of it is served.
func picture(link, recordID string) string {
	path := localPath(link, recordID)
	names := strings.SplitN(path, "/", 4)
	if len(names) < 4 || !library.ValidFormat(names[1]) || names[2] != recordID {
		return ""
	}
	return path
}

// leadsTo tells whether a URL names this recording, and no other.
func leadsTo(u *url.URL, recordID string) bool {
	names := strings.Split(u.Path, "/")
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false
	}
	names = append(names, query["meetingId"]...) // as players had it before 2.3
	return slices.Contains(names, recordID) &&
		!slices.ContainsFunc(names, func(s string) bool { return s != recordID && usualIDs.MatchString(s) })
}

// plain tells whether a path, its escapes undone, begins with one slash and stays where it is.
func plain(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") &&
		!strings.ContainsRune(path, '\\') && !strings.ContainsFunc(path, unicode.IsControl) &&
		!slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "." || s == ".." })
}
