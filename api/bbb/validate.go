package bbb

import (
	"strconv"
	"strings"
	"unicode/utf16"
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
