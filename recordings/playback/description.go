package playback

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// description is the file that describes a format. The player takes what it plays from there.
const description = "metadata.xml"

// maxDescription bounds a description that is looked into, in bytes; a larger one is sent as it is.
const maxDescription = 1 << 20

// sendRevised sends the description of a recording as front ends and players are to see it: with the element that servers
// before 1.1 did not write, and without which the player finds nothing to play; with the front end's ID of the meeting, if
// the server knew it by another one; without what is ours in its metadata. The file stays as it came: it is what an index
// that is lost is made of again, and what the audit compares. It tells whether anything was to be changed. What is sent is
// never a form of it that was compressed before.
func sendRevised(w http.ResponseWriter, r *http.Request, it item, rec store.Recording) (sent bool, err error) {
	file, ok := it.file.(io.ReadSeeker)
	if !ok || it.info.Size() > maxDescription {
		return false, nil
	}
	doc, err := io.ReadAll(io.LimitReader(file, maxDescription))
	if err != nil {
		return false, fmt.Errorf("read the description of a recording: %w", err)
	}
	edits := revise(doc, rec)
	if len(edits) == 0 {
		_, err := file.Seek(0, io.SeekStart)
		return false, err
	}
	for _, e := range slices.Backward(edits) {
		doc = slices.Replace(doc, e.from, e.to, []byte(e.text)...)
	}
	sum := sha256.Sum256(doc)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(doc))
	return true, nil
}

// edit puts text in the place of a piece of a description.
type edit struct {
	from, to int
	text     string
}

// revise returns what is to be changed in a description, in the order of the places. What cannot be read stays as it is.
func revise(doc []byte, rec store.Recording) (edits []edit) {
	s := survey{doc: bytes.Clone(doc)}
	for i, c := range s.doc { // our names are in ASCII, and what else there is has no matter here: whatever it is written in
		if c >= 0x80 {
			s.doc[i] = 'x'
		}
	}
	if !s.run() || s.inside == 0 {
		return nil
	}
	if !s.told {
		meeting := fmt.Sprintf(`<meeting id="%s" externalId="%s" name="%s" breakout="%t"/>`,
			plain(rec.RecordID), plain(rec.MeetingID), plain(rec.Name), rec.Breakout != nil)
		edits = append(edits, edit{s.inside, s.inside, meeting})
	}
	if s.aliased && rec.Breakout == nil && rec.MeetingID != "" {
		for _, e := range s.ids {
			edits = append(edits, edit{e.from, e.to, plain(rec.MeetingID)})
		}
	}
	edits = append(edits, s.ours...)
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	return edits
}

// survey finds in a description what may have to be changed.
type survey struct {
	doc     []byte
	path    [3]string // the names of the elements that are open, the outermost first
	level   int
	inside  int    // behind the tag of the recording; 0 without one
	told    bool   // it tells of a meeting
	ids     []edit // where it has the ID of the meeting
	ours    []edit // where metadata is ours
	aliased bool   // the server knew the meeting by an ID of the pool's
	from    int    // where the element begins that is open on the third level
	inner   int    // where its text does
}

// run reads all of it, and tells whether that could be read.
func (s *survey) run() bool {
	d := xml.NewDecoder(bytes.NewReader(s.doc))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		from := int(d.InputOffset())
		token, err := d.RawToken()
		to := int(d.InputOffset())
		if err != nil {
			return errors.Is(err, io.EOF) && s.level == 0
		}
		switch t := token.(type) {
		case xml.StartElement:
			s.open(t.Name, from, to)
		case xml.EndElement:
			s.close(from, to)
		}
	}
}

// open takes in a tag. What has a prefix is nothing that we know.
func (s *survey) open(name xml.Name, from, to int) {
	s.level++
	if s.level > len(s.path) {
		return
	}
	s.path[s.level-1] = strings.TrimPrefix(name.Space+":"+name.Local, ":")
	within := s.path[:s.level]
	switch {
	case slices.Equal(within, []string{"recording"}) && s.doc[to-2] != '/':
		s.inside = to
	case slices.Equal(within, []string{"recording", "meeting"}):
		s.told = true
		if at, end, ok := attribute(s.doc[from:to], "externalId"); ok {
			s.ids = append(s.ids, edit{from: from + at, to: from + end})
		}
	case s.level == 3:
		s.from, s.inner = from, to
	}
}

// close takes in the end of an element. An element that is its own end tag ends behind that, at once.
func (s *survey) close(from, to int) {
	if s.level == 3 && slices.Equal(s.path[:2], []string{"recording", "meta"}) {
		key := s.path[2]
		switch {
		case bbb.HiddenMeta(strings.ToLower(key)):
			s.aliased = s.aliased || key == bbb.IDKey
			line := len(bytes.TrimRight(s.doc[:s.from], " \t\r\n"))
			s.ours = append(s.ours, edit{from: line, to: to})
		case key == "meetingId" && s.doc[s.inner-2] != '/':
			s.ids = append(s.ids, edit{from: s.inner, to: from})
		}
	}
	s.level--
}

// attribute finds the value of an attribute in a tag that is sound.
func attribute(tag []byte, name string) (from, to int, ok bool) {
	for at := bytes.IndexAny(tag, " \t\r\n"); at >= 0 && at < len(tag); {
		equals := bytes.IndexByte(tag[at:], '=')
		if equals < 0 {
			return 0, 0, false
		}
		found := string(bytes.TrimSpace(tag[at : at+equals]))
		at += equals + 1
		opening := bytes.IndexAny(tag[at:], `"'`)
		if opening < 0 {
			return 0, 0, false
		}
		from = at + opening + 1
		length := bytes.IndexByte(tag[from:], tag[from-1])
		if length < 0 {
			return 0, 0, false
		}
		if found == name {
			return from, from + length, true
		}
		at = from + length + 1
	}
	return 0, 0, false
}

// plain is a text as the value of an attribute, in characters that every encoding has.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff:
			b.WriteByte('?')
		case r > '~' || strings.ContainsRune(`<>&"'`, r):
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
