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

	"github.com/bbbpool/bbbpool/store"
)

// description is the file that describes a format. The player takes what it plays from there.
const description = "metadata.xml"

// maxDescription bounds a description that is looked into, in bytes; a larger one is sent as it is.
const maxDescription = 1 << 20

// sendCompleted sends the description of a recording with the element that servers before 1.1 did not write, and without
// which the player finds nothing to play: it is known from what they did write. It tells whether that was needed. What is
// sent is never a form of it that was compressed before.
func sendCompleted(w http.ResponseWriter, r *http.Request, it item, rec store.Recording) (sent bool, err error) {
	file, ok := it.file.(io.ReadSeeker)
	if !ok || it.info.Size() > maxDescription {
		return false, nil
	}
	doc, err := io.ReadAll(io.LimitReader(file, maxDescription))
	if err != nil {
		return false, fmt.Errorf("read the description of a recording: %w", err)
	}
	at, ok := withoutMeeting(doc)
	if !ok {
		_, err := file.Seek(0, io.SeekStart)
		return false, err
	}
	meeting := fmt.Sprintf(`<meeting id="%s" externalId="%s" name="%s" breakout="%t"/>`,
		plain(rec.RecordID), plain(rec.MeetingID), plain(rec.Name), rec.Breakout != nil)
	doc = slices.Insert(doc, int(at), []byte(meeting)...)
	sum := sha256.Sum256(doc)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(doc))
	return true, nil
}

// withoutMeeting tells where in a description that tells of no meeting one can be put in. What cannot be read tells
// nothing.
func withoutMeeting(doc []byte) (at int64, ok bool) {
	doc = bytes.Clone(doc)
	for i, c := range doc { // names are in ASCII, and what else there is has no matter here: whatever it is written in
		if c >= 0x80 {
			doc[i] = '?'
		}
	}
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for level := 0; ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return at, at > 0 && level == 0
		}
		if err != nil {
			return 0, false
		}
		switch t := token.(type) {
		case xml.StartElement:
			level++
			if level == 1 && t.Name.Local == "recording" {
				at = d.InputOffset()
			}
			if level == 2 && t.Name.Local == "meeting" || level == 1 && doc[d.InputOffset()-2] == '/' {
				return 0, false
			}
		case xml.EndElement:
			level--
		}
	}
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
