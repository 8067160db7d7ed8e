package archive

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	byteOrder   = []byte("\ufeff")
	declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']`)
	reference   = regexp.MustCompile(`&#(?:[0-9]+|x[0-9A-Fa-f]+);`)
)

// utf8Text returns a document in UTF-8. One bad character in the name of a meeting is no reason to lose its recording,
// so characters that XML does not allow become the replacement character, however they are written.
func utf8Text(b []byte) ([]byte, error) {
	b = bytes.TrimPrefix(b, byteOrder)
	if m := declaration.FindSubmatch(b); m != nil {
		switch strings.ToLower(string(m[1])) {
		case "utf-8", "utf8", "us-ascii", "ascii", "":
		case "iso-8859-1", "latin1", "latin-1":
			b = latin1(b)
		default:
			return nil, fmt.Errorf("it is written in %q; only UTF-8, US-ASCII and ISO-8859-1 are taken", cut(string(m[1]), maxShown))
		}
	}
	b = bytes.Map(func(r rune) rune { // what is not UTF-8 comes as the replacement character
		if legal(r) {
			return r
		}
		return utf8.RuneError
	}, b)
	return reference.ReplaceAllFunc(b, legalReference), nil
}

func latin1(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

func legalReference(ref []byte) []byte {
	digits, base := string(ref[2:len(ref)-1]), 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	if n, err := strconv.ParseUint(digits, base, 32); err == nil && n <= utf8.MaxRune && legal(rune(n)) {
		return ref
	}
	return []byte(string(utf8.RuneError))
}

// legal tells whether a character may be in a document of XML 1.0.
func legal(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r >= 0xd800 && r < 0xe000, r == 0xfffe, r == 0xffff:
		return false
	}
	return r <= utf8.MaxRune
}
