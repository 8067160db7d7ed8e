package frame

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

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
	{store.ErrFenced, http.StatusServiceUnavailable, "no-leader"},
}

// errAway is a database that does not answer.
var errAway = &v1.Error{
	Status: http.StatusServiceUnavailable, Code: "store-away",
	Message: "the database does not answer, or takes nothing at the moment: whether this was done is not known; look, and try " +
		"again when it is back (bbbpool status)",
}

// errUnread is the same to whoever has only looked.
var errUnread = &v1.Error{
	Status: errAway.Status, Code: errAway.Code,
	Message: "the database does not answer at the moment: bbbpool status says which and why; try again when it is back",
}

// storeError is a store that does not do its work for a reason that an operator can mend: the system's word for it, and
// no more. Calls to servers fail in other ways, and have become an [Error] before.
func storeError(err error) (*v1.Error, bool) {
	cause, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return nil, false
	}
	return &v1.Error{
		Status: http.StatusInsufficientStorage, Code: "store",
		Message: fmt.Sprintf("the store cannot be read or written: %v; free space or check permissions of the data directory",
			cause),
	}, true
}

// fail answers with an error.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	e := Refusal(r, err)
	writeJSON(w, e.Status, e)
}

// Refusal is what an error says to the caller. What nobody has foreseen is logged, and not shown.
func Refusal(r *http.Request, err error) *v1.Error {
	e, foreseen := shownError(err)
	if e == errAway && looks(r) {
		e = errUnread
	}
	switch {
	case foreseen:
		logRefusal(r, e.Code)
	case r.Context().Err() == nil: // else nobody waits for the answer
		zerolog.Ctx(r.Context()).Error().Err(err).Str("method", r.Method).Str("path", r.URL.Path).Msg("administration")
	}
	return e
}

// shownError is as much of an error as may be shown, and whether somebody has foreseen it.
func shownError(err error) (e *v1.Error, foreseen bool) {
	if e, ok := errors.AsType[*v1.Error](err); ok {
		return e, true
	}
	for _, k := range known {
		if errors.Is(err, k.is) {
			return &v1.Error{Status: k.status, Code: k.code, Message: err.Error()}, true
		}
	}
	if errors.Is(err, store.ErrAway) {
		return errAway, false // what it says of the database is for the log
	}
	if e, ok := storeError(err); ok {
		return e, false
	}
	return &v1.Error{Status: http.StatusInternalServerError, Code: "internal", Message: "Internal error."}, false
}

// looks tells whether a request changes nothing.
func looks(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// logRefusal notes a change that was asked for and not made.
func logRefusal(r *http.Request, code string) {
	if !looks(r) {
		Logger(r).Info().Str("method", r.Method).Str("path", r.URL.Path).Str("code", code).Msg("refused")
	}
}
