// Package document is about bodies as a whole: whether one that came in is XML, and the same XML for everybody who reads it,
// and how single strings in one of JSON are exchanged. It knows no call of BigBlueButton's, and never says what anything in
// a body means.
//
// # Design
//
// Strings are exchanged where they stand, and no body is read into a tree and written anew: what a server has sent is passed
// on byte for byte, and a rewritten document would differ in spaces, in the order of keys and in how numbers are written.
// XML is checked, and refused where readers could differ about it, because what is seen in it here decides what a server
// does with it there.
package document

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxBodyDepth  = 100
	maxBodyEquals = 100_000 // equals signs, of which every attribute has one
)

// What may be wrong with a body.
var (
	ErrMalformed = errors.New("not well-formed XML")
	ErrEncoding  = errors.New("in an encoding that is not supported")
)

// blanks are the characters that XML counts as white space.
const blanks = " \t\r\n"

// The encodings that a body may be in. In all of them a byte below 128 is that character of ASCII and no part of any
// other, so that a tag is a tag whichever of them a reader goes by: BigBlueButton reads UTF-8 whatever a document says
// of itself, other readers of XML obey it. In any other a document may be one thing for us and another for a server.
const (
	utf8Encoding  = "utf-8"
	asciiEncoding = "us-ascii"
	latinEncoding = "iso-8859-1"
)

var encodings = map[string]string{
	"utf-8": utf8Encoding, "utf8": utf8Encoding, "us-ascii": asciiEncoding, "ascii": asciiEncoding,
	"iso-8859-1": latinEncoding, "iso8859-1": latinEncoding, "latin1": latinEncoding,
}

// declaration is the XML declaration (XML 1.0, section 2.8), with blanks wherever they may stand.
var declaration = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')` +
	`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"([A-Za-z0-9._-]+)"|'([A-Za-z0-9._-]+)'))?` +
	`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"yes"|"no"|'yes'|'no'))?[ \t\r\n]*\?>`)

// Check tells what is wrong with a body that is XML, or nil. A server would answer one that is not with status
// 500, as if it were broken itself, so it must not get that far. Documents with a DTD count as malformed, and so do those
// that may have a sea of attributes: encoding/xml makes of each twenty times its size.
func Check(contentType string, body []byte) error {
	if !soundCharset(contentType) || bytes.IndexByte(body, 0) >= 0 { // as UTF-16 and UTF-32 have, declared or not
		return ErrEncoding
	}
	content, marked := bytes.CutPrefix(body, []byte("\ufeff"))
	content = bytes.TrimLeft(content, blanks)
	encoding := utf8Encoding
	if said := declaration.FindSubmatch(content); said != nil {
		name := strings.ToLower(string(said[1]) + string(said[2]))
		if encoding = encodings[name]; name == "" {
			encoding = utf8Encoding
		}
		content = content[len(said[0]):]
	}
	ascii := !slices.ContainsFunc(content, func(c byte) bool { return c >= utf8.RuneSelf })
	switch {
	case encoding == "", encoding == asciiEncoding && !ascii, encoding == latinEncoding && marked:
		return ErrEncoding
	case bytes.Count(content, []byte("=")) > maxBodyEquals:
		return ErrMalformed
	}
	var r io.Reader = bytes.NewReader(content)
	if encoding == latinEncoding && !ascii {
		r = latin1{r}
	}
	if !wellFormed(r) {
		return ErrMalformed
	}
	return nil
}

// soundCharset tells whether a Content-Type leads nobody to another encoding.
func soundCharset(contentType string) bool {
	if !strings.Contains(strings.ToLower(contentType), "charset") {
		return true
	}
	_, attrs, err := mime.ParseMediaType(contentType)
	charset, has := attrs["charset"]
	return err == nil && (!has || encodings[strings.ToLower(strings.TrimSpace(charset))] != "")
}

// wellFormed tells whether a document is XML, read after its declaration: a second one is an error.
func wellFormed(r io.Reader) bool {
	d := xml.NewDecoder(r)
	depth, roots := 0, 0
	for {
		t, err := d.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && roots == 1
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; depth > maxBodyDepth || repeats(t.Attr) {
				return false
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.Trim(t, blanks)) > 0 {
				return false
			}
		case xml.ProcInst:
			if strings.EqualFold(t.Target, "xml") {
				return false
			}
		case xml.Directive:
			return false
		}
	}
}

// repeats tells whether an attribute stands twice in a tag, which encoding/xml lets pass.
func repeats(attrs []xml.Attr) bool {
	seen := make(map[xml.Name]bool, len(attrs))
	for _, a := range attrs {
		if seen[a.Name] {
			return true
		}
		seen[a.Name] = true
	}
	return false
}

// latin1 reads ISO 8859-1.
type latin1 struct{ r io.Reader }

func (l latin1) Read(p []byte) (int, error) {
	half := make([]byte, len(p)/2)
	n, err := l.r.Read(half)
	out := p[:0]
	for _, c := range half[:n] {
		out = utf8.AppendRune(out, rune(c))
	}
	return len(out), err
}
