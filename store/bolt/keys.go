package bolt

import (
	"bytes"
	"strings"

	"github.com/bbbpool/bbbpool/store/rows"
)

// idAt is the record ID of a place.
func idAt(place []byte) []byte { return place[rows.TimeSize:] }

// longest is how many bytes of a piece of metadata a key takes, lest a description become a key that is too large.
const longest = 200

// What ends a part. A zero byte in it is written as 0 255, so that parts sort, and begin, as their strings do.
const (
	wholePart = "\x00\x01"
	cutPart   = "\x00\x02" // the string goes on elsewhere
)

// part is the form in which a piece of metadata stands in a key with more behind it.
func part(s string) string {
	if len(s) > longest {
		return escaped(s) + cutPart
	}
	return escaped(s) + wholePart
}

func escaped(s string) string {
	return strings.ReplaceAll(s[:min(len(s), longest)], "\x00", "\x00\xff")
}

// nextPart takes the first part off a key.
func nextPart(key []byte) (s []byte, whole bool, rest []byte) {
	end, odd := bytes.IndexByte(key, 0), false
	for key[end+1] == 0xff {
		odd = true
		end += 2 + bytes.IndexByte(key[end+2:], 0)
	}
	s, rest = key[:end], key[end+2:]
	if odd {
		s = bytes.ReplaceAll(s, []byte("\x00\xff"), []byte{0})
	}
	return s, key[end+1] == wholePart[1], rest
}
