package markup

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Blanks are the characters that XML counts as white space.
const Blanks = " \t\r\n"

// maxValue is how long the text of an element may be. Names and IDs have at most 256 characters.
const maxValue = 64 << 10

// Plain returns the text in b: references resolved, CDATA unwrapped, forbidden characters dropped. Text of more than
// maxValue bytes counts as none.
func Plain(b []byte) string {
	b = bytes.Trim(b, Blanks)
	if len(b) > maxValue {
		return ""
	}
	if Ordinary(b) {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for s := (Scanner{B: b}); ; {
		t, ok := s.Next()
		switch {
		case !ok:
			return string(bytes.Trim(out, Blanks))
		case t.Kind == CDATA:
			out = AppendLegal(out, CDATAText(t.Raw))
		default:
			out = appendPlain(out, t.Raw)
		}
	}
}

// CDATAText is the text of a token of CDATA.
func CDATAText(raw []byte) []byte { return raw[len(cdataOpen) : len(raw)-len(cdataClose)] }

// appendPlain appends text with its references resolved and without what XML forbids.
func appendPlain(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := Reference(b)
		if n == 0 {
			r, n = utf8.DecodeRune(b)
		}
		if legal(r) && (r != utf8.RuneError || n > 1) {
			dst = utf8.AppendRune(dst, r)
		}
		b = b[n:]
	}
	return dst
}

// AppendLegal appends text without what XML forbids.
func AppendLegal(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if legal(r) && (r != utf8.RuneError || n > 1) {
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}

// Reference reads an entity or character reference at the start of b. It returns 0 bytes where there is none that XML
// allows.
func Reference(b []byte) (r rune, size int) {
	if b[0] != '&' {
		return 0, 0
	}
	end := bytes.IndexByte(b[:min(len(b), 12)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := string(b[1:end]); name {
	case "amp":
		r = '&'
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		r = charReference(name)
	}
	if r == 0 {
		return 0, 0
	}
	return r, end + 1
}

// charReference reads "#65" or "#x41". It goes without strconv, whose errors are twenty times what they are about: a
// text may be full of them. The caller sees to it that the name is short.
func charReference(name string) rune {
	digits, ok := strings.CutPrefix(name, "#")
	base := int64(10)
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n := int64(0)
	for i := range len(digits) {
		switch c := digits[i]; {
		case '0' <= c && c <= '9':
			n = n*base + int64(c-'0')
		case base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n*base + int64(c|0x20-'a'+10)
		default:
			return 0
		}
	}
	if !ok || n > utf8.MaxRune || !legal(rune(n)) {
		return 0
	}
	return rune(n)
}

// soundText tells whether text between tags is as XML wants it: legal, no stray ampersand, no "]]>".
func soundText(b []byte) bool {
	if Ordinary(b) {
		return true
	}
	if !legalText(b) || bytes.Contains(b, cdataClose) {
		return false
	}
	for {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			return true
		}
		b = b[i:]
		_, n := Reference(b)
		if n == 0 {
			return false
		}
		b = b[n:]
	}
}

// ordinary are the bytes that need no second look, wherever they stand in a text.
var ordinary = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '&' && c != ']' && c != '<'
	}
	table['\t'], table['\n'], table['\r'] = true, true, true
	return table
}()

// Ordinary tells whether all of a text needs no second look.
func Ordinary(b []byte) bool {
	for _, c := range b {
		if !ordinary[c] {
			return false
		}
	}
	return true
}

// legalText tells whether b is UTF-8 with characters that XML allows, and no others.
func legalText(b []byte) bool {
	for i, c := range b {
		switch {
		case c < 0x20 && c != '\t' && c != '\n' && c != '\r':
			return false
		case c == 0xef && i+2 < len(b) && b[i+1] == 0xbf && b[i+2] >= 0xbe: // U+FFFE and U+FFFF
			return false
		}
	}
	return utf8.Valid(b)
}
