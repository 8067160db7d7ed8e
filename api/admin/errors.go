package admin

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// Error is an answer that says why a request was not done, and what to do about it.
type Error struct {
	Status  int    `json:"-"`     // of HTTP
	Code    string `json:"code"`  // a word for programs
	Message string `json:"error"` // for people
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Invalid is the code of an [Error] about a request that cannot be right, whatever the state of the pool is.
const Invalid = "invalid"

// invalid refuses what cannot work, whatever the state of the pool is.
func invalid(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: Invalid, Message: fmt.Sprintf(format, args...)}
}

// conflict refuses what does not go at the moment.
func conflict(format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Code: "conflict", Message: fmt.Sprintf(format, args...)}
}

func exists(format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Code: "exists", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *Error {
	return &Error{Status: http.StatusNotFound, Code: "not-found", Message: fmt.Sprintf(format, args...)}
}

// unsound refuses a server for what its diagnosis has found.
func unsound(err error) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Code: "diagnosis", Message: err.Error()}
}

// known are the errors of others that tell the caller something.
var known = []struct {
	is     error
	status int
	code   string
}{
	{store.ErrNotFound, http.StatusNotFound, "not-found"},
	{placement.ErrUnknown, http.StatusNotFound, "not-found"},
	{store.ErrExists, http.StatusConflict, "exists"},
	{store.ErrTooLarge, http.StatusRequestEntityTooLarge, "too-large"},
	{store.ErrConflict, http.StatusConflict, "conflict"},
	{recordings.ErrBusy, http.StatusConflict, "conflict"},
	{recordings.ErrOver, http.StatusConflict, "conflict"},
	{recordings.ErrNotInTrash, http.StatusConflict, "conflict"},
	{recordings.ErrEnding, http.StatusServiceUnavailable, "ending"},
	{recordings.ErrNoTenant, http.StatusNotFound, "not-found"},
	{recordings.ErrNothing, http.StatusUnprocessableEntity, "path"},
	{recordings.ErrVolume, http.StatusServiceUnavailable, "volume"},
}

// storeFault is a store that does not do its work for a reason that an operator can mend: the system's word for it, and
// no more. Calls to servers fail in other ways, and have become an [Error] before.
func storeFault(err error) (*Error, bool) {
	cause, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return nil, false
	}
	return &Error{
		Status: http.StatusInsufficientStorage, Code: "store",
		Message: fmt.Sprintf("the store cannot be read or written: %v; free space or check permissions of the data directory",
			cause),
	}, true
}

// fail answers with an error.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := a.refusal(r, err)
	writeJSON(w, e.Status, e)
}

// refusal is what an error says to the caller. What nobody has foreseen is logged, and not shown.
func (a *API) refusal(r *http.Request, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		a.logRefusal(r, e.Code)
		return e
	}
	for _, k := range known {
		if errors.Is(err, k.is) {
			a.logRefusal(r, k.code)
			return &Error{Status: k.status, Code: k.code, Message: err.Error()}
		}
	}
	if r.Context().Err() == nil { // else nobody waits for the answer
		a.Log.Error().Err(err).Str("method", r.Method).Str("path", r.URL.Path).Msg("administration")
	}
	if e, ok := storeFault(err); ok {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Code: "internal", Message: "Internal error."}
}

// logRefusal notes a change that was asked for and not made.
func (a *API) logRefusal(r *http.Request, code string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		a.logger(r).Info().Str("method", r.Method).Str("path", r.URL.Path).Str("code", code).Msg("refused")
	}
}
