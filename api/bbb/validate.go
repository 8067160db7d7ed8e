package bbb

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// CheckMeetingID tells what BigBlueButton would find wrong with a meeting ID, or nil.
func CheckMeetingID(id string) *Error {
	switch n := javaLength(id); {
	case n == 0:
		return ErrMissingMeetingID
	case n < 2, n > 256:
		return ErrMeetingIDSize
	case strings.Contains(id, ","):
		return ErrMeetingIDComma
	}
	return nil
}

// CheckName tells what BigBlueButton would find wrong with the name of a new meeting, or nil.
func CheckName(name string) *Error {
	switch n := javaLength(name); {
	case n == 0:
		return ErrMissingName
	case n < 2, n > 256:
		return ErrNameSize
	}
	return nil
}

// javaLength is how long BigBlueButton finds a text: in units of UTF-16.
func javaLength(s string) (n int) {
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

const (
	maxBodyDepth  = 100
	maxBodyEquals = 100_000 // equals signs, of which every attribute has one
)

// CheckBreakout tells what would be wrong with a create of a breakout room, or nil. A server answers some of it with
// status 500, as if it were broken itself.
func CheckBreakout(params Params) *Error {
	if !strings.EqualFold(params.Get("isBreakout"), "true") {
		return nil
	}
	if params.Get("parentMeetingID") == "" {
		return &Error{Key: "parentMeetingIDMissing", Message: "No parent meeting ID was provided for the breakout room"}
	}
	if _, err := strconv.ParseInt(params.Get("sequence"), 10, 32); err != nil {
		return &Error{Key: "validationError", Message: "Sequence must be an integral value"}
	}
	return nil
}

// wellFormed tells whether a body is XML. A server would answer one that is not with status 500, as if it were broken
// itself, so it must not get that far. Documents with a DTD count as malformed, and so do those that may have a sea of
// attributes: encoding/xml makes of each twenty times its size.
func wellFormed(body []byte) bool {
	if bytes.Count(body, []byte("=")) > maxBodyEquals {
		return false
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return latin1{r}, nil }
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
			if depth == 0 && len(bytes.Trim(t, blanks+"\ufeff")) > 0 {
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

// latin1 reads text in an encoding other than UTF-8 as if it were ISO 8859-1. The characters may come out wrong, the
// tags do not.
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
