package markup

import (
	"strings"
	"unicode/utf8"
)

// AppendText appends text with XML's own characters escaped and forbidden ones left out.
func AppendText(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\'':
			dst = append(dst, "&#39;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r == utf8.RuneError && n == 1 || !legal(r):
		default:
			dst = append(dst, text[i:i+n]...)
		}
		i += n
	}
	return dst
}

// legal tells whether XML 1.0 allows a character (section 2.2, production Char).
func legal(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || 0x20 <= r && r <= 0xd7ff || 0xe000 <= r && r <= 0xfffd || r >= 0x10000
}

// maxName is how long the name of an element may be.
const maxName = 256

// ValidName tells whether text, such as a metadata key, can stand as the name of an element. It is stricter than XML:
// letters, digits, "-", "_" and "." of ASCII, starting with a letter or "_", and nothing that starts with "xml".
func ValidName(s string) bool {
	if s == "" || len(s) > maxName || len(s) >= 3 && strings.EqualFold(s[:3], "xml") {
		return false
	}
	for i := range len(s) {
		if !nameByte(s[i], i == 0) {
			return false
		}
	}
	return true
}

func nameByte(c byte, first bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		return true
	case '0' <= c && c <= '9', c == '-', c == '.':
		return !first
	}
	return false
}
