package v1

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is an answer that says why a request was not done, and what to do about it.
type Error struct {
	Status  int    `json:"-"`     // of HTTP
	Code    string `json:"code"`  // a word for programs
	Message string `json:"error"` // for people
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// The codes that programs are most likely to ask for.
const (
	CodeInvalid   = "invalid"   // the request cannot be right, whatever the state of the pool is
	CodeConflict  = "conflict"  // it does not go at the moment
	CodeExists    = "exists"    // somebody else has that name or address
	CodeNotFound  = "not-found" // what was asked for is not there
	CodeForbidden = "forbidden" // the token is not good for that
	CodePath      = "path"      // what was to be imported cannot be read
)

// Invalid refuses what cannot work, whatever the state of the pool is.
func Invalid(format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, CodeInvalid, format, args)
}

// InvalidAll refuses what has all these mistakes; nil where it has none.
func InvalidAll(mistakes []string) error {
	if len(mistakes) == 0 {
		return nil
	}
	return Invalid("%s", strings.Join(mistakes, "; "))
}

// Conflict refuses what does not go at the moment.
func Conflict(format string, args ...any) *Error {
	return refuse(http.StatusConflict, CodeConflict, format, args)
}

// Exists refuses a name or an address that somebody else has.
func Exists(format string, args ...any) *Error {
	return refuse(http.StatusConflict, CodeExists, format, args)
}

// Forbidden refuses what the caller's token is not good for.
func Forbidden(format string, args ...any) *Error {
	return refuse(http.StatusForbidden, CodeForbidden, format, args)
}

// NotFound says that something is not there.
func NotFound(format string, args ...any) *Error {
	return refuse(http.StatusNotFound, CodeNotFound, format, args)
}

func refuse(status int, code, format string, args []any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Line is one line of an answer that takes long. Only the last one has a report or an error.
type Line struct {
	Progress *Progress `json:"progress,omitempty"`
	Report   any       `json:"report,omitempty"`
	Message  string    `json:"error,omitempty"`
	Code     string    `json:"code,omitempty"`
}

// Progress is how far a long work has come.
type Progress struct {
	Done    int    `json:"done"`
	Total   int    `json:"total"`             // 0 while it is not known
	Current string `json:"current,omitempty"` // what is being worked on
	Problem string `json:"problem,omitempty"` // with Current; the work goes on
}

// LineSilence is after how long the last line is sent again, so that nobody on the way takes the pool for dead.
const LineSilence = 15 * time.Second
