package archive

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Error says that the archive itself is at fault, and will be at the next try too. Errors of the disk or of the network
// are never an Error.
type Error struct {
	Member     string // that is at fault, in printable characters; "" for the archive as a whole
	What       string // is wrong, in words for an operator; reads on after the name of the member
	Incomplete bool   // it ends too early: perhaps it is still being copied
	TooLarge   bool   // its files are larger than Limits.Bytes, together; else there is nothing wrong with them so far
}

func (e *Error) Error() string {
	if e.Member == "" {
		return "the archive " + e.What
	}
	return e.Member + " " + e.What
}

func errorf(member, format string, args ...any) *Error {
	return &Error{Member: printable(member), What: oneLine(fmt.Sprintf(format, args...))}
}

func incomplete(member, what string) *Error {
	return &Error{Member: printable(member), What: what + "; perhaps it is still being copied", Incomplete: true}
}

const (
	maxShown = 200 // bytes of a name in a message
	maxWhat  = 500 // bytes of what is wrong
)

// oneLine makes a message fit for a line of a log. Errors of decoders quote what they stumble over.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, cut(s, maxWhat))
}

// printable makes a name fit for a line of a log.
func printable(name string) string {
	name = cut(name, maxShown)
	if quoted := strconv.Quote(name); quoted[1:len(quoted)-1] != name {
		return quoted
	}
	return name
}

// cut returns the first bytes of a text, in whole characters.
func cut(s string, length int) string {
	if len(s) <= length {
		return s
	}
	return strings.ToValidUTF8(s[:length], "")
}
