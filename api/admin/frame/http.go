package frame

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// maxBody is the largest body of a request, in bytes, unless its route says otherwise.
const maxBody = 1 << 20

// prefixed puts the prefix into a pattern.
func prefixed(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	return method + " " + v1.Prefix + path
}

// checkContentType lets nothing change by a form or a link on somebody else's page: browsers send this type across
// sites only where they were allowed to.
func checkContentType(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/json" {
		return nil
	}
	return &v1.Error{
		Status: http.StatusUnsupportedMediaType, Code: "content-type",
		Message: "send it with Content-Type: application/json",
	}
}

// Read reads a body strictly, so that a misspelt name is not lost. No body at all is an empty object.
func Read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, more := d.Token(); more == nil {
			err = errors.New("there is more than one value in it")
		} else if !errors.Is(more, io.EOF) {
			err = more
		}
	}
	return bodyError(err)
}

// bodyError says what is wrong with a body.
func bodyError(err error) error {
	if err == nil {
		return nil
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &v1.Error{
			Status: http.StatusRequestEntityTooLarge, Code: "too-large",
			Message: fmt.Sprintf("the body is larger than %d bytes", large.Limit),
		}
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return v1.Invalid("%s: a %s does not fit there", wrong.Field, wrong.Value)
	}
	return v1.Invalid("body: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// Flag reads a yes or no from the query; absent is no.
func Flag(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return false, v1.Invalid("%s: want true or false", name)
	}
	return yes, nil
}

// Number reads a number from the query.
func Number(r *http.Request, name string, absent, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, v1.Invalid("%s: want a number from %d to %d", name, least, most)
	}
	return n, nil
}

// Given leaves out what is empty, and so was not meant.
func Given(values []string) []string {
	return slices.DeleteFunc(values, func(s string) bool { return s == "" })
}

// Moment reads a time from the query; absent is the zero time.
func Moment(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, v1.Invalid("%s: want a time as 2026-03-01T00:00:00Z", name)
	}
	return t, nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a value that JSON has no form for, which none of ours is
		status, body = http.StatusInternalServerError, []byte(`{"error":"Internal error.","code":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// missed says in JSON what a mux says of a path or method that it does not have.
func missed(w http.ResponseWriter, r *http.Request, h http.Handler) {
	status := &statusOnly{ResponseWriter: w}
	h.ServeHTTP(status, r)
	for _, name := range []string{"Content-Length", "Content-Type"} {
		w.Header().Del(name)
	}
	if status.code == http.StatusMethodNotAllowed {
		writeJSON(w, status.code, v1.Error{Code: "method", Message: "use one of these methods: " + w.Header().Get("Allow")})
		return
	}
	writeJSON(w, http.StatusNotFound, v1.Error{Code: "not-found", Message: "no such path; see " + v1.Prefix + "/openapi.json"})
}

// statusOnly keeps the headers and the status of an answer, and drops its body.
type statusOnly struct {
	http.ResponseWriter
	code int
}

func (s *statusOnly) WriteHeader(code int) { s.code = code }

func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
