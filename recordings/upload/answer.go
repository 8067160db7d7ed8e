package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"
)

// status tells a sender how far an archive is.
type status struct {
	Offset   int64  `json:"offset"` // bytes that are here
	Complete bool   `json:"complete"`
	State    string `json:"state"`
}

// How an archive that is not complete stands.
const (
	absent    = "absent"
	partial   = "partial"
	uploading = "uploading"
)

// refusal is an answer that says why a request was not done, and what to do about it.
type refusal struct {
	Code    string `json:"code"`             // a word for programs
	Message string `json:"error"`            // for people
	Offset  *int64 `json:"offset,omitempty"` // from where to go on

	status int           // of HTTP
	after  time.Duration // when it is worth another try; 0 for never, or at once
	cause  error         // for the log alone
}

func (e *refusal) Error() string { return e.Message }

// at tells the sender from where to go on.
func (e *refusal) at(offset int64) *refusal {
	e.Offset = &offset
	return e
}

// refuse makes an answer with a status of HTTP, a word for programs, and words for people.
func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "invalid", format, args...)
}

// later refuses what will work another time.
func later(status int, after time.Duration, code, format string, args ...any) *refusal {
	e := refuse(status, code, format, args...)
	e.after = after
	return e
}

func errToken() *refusal {
	return refuse(http.StatusUnauthorized, "token",
		"the token is wrong, or the server is not in the pool: install the script again that the pool makes for this server")
}

// unable is an answer to what nobody has foreseen: what it is stands in the log.
func unable(cause error) *refusal {
	e := later(http.StatusServiceUnavailable, time.Minute, "internal",
		"the pool cannot do that at the moment, its log tells why: try again later")
	e.cause = cause
	return e
}

// fail answers with an error, and logs it.
func (h *Handler) fail(w http.ResponseWriter, log zerolog.Logger, err error) {
	e, ok := errors.AsType[*refusal](err)
	if !ok {
		e = unable(err)
	}
	if e.cause != nil {
		log.Error().Str("code", e.Code).Err(e.cause).Msg("upload failed")
	} else {
		log.Warn().Str("code", e.Code).Str("why", e.Message).Msg("upload failed")
	}
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if e.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.after.Seconds())))
	}
	h.count(e.Code)
	write(w, e.status, e)
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a value that JSON has no form for, which none of ours is
		status, body = http.StatusInternalServerError, []byte(`{"error":"Internal error.","code":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a sender that is gone asks again
}
