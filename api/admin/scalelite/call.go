package scalelite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
)

// call is one request, read.
type call struct {
	r     *http.Request
	query url.Values
	body  map[string]any
}

// newCall reads a request. Scalelite takes parameters from the body and, where that has none by a name, from the query; names
// that it does not know it passes over, and so do we.
func newCall(r *http.Request) (*call, error) {
	c := &call{r: r, query: r.URL.Query()}
	if r.Method != http.MethodPost {
		return c, nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, errBody
	}
	if len(text) > 0 && json.Unmarshal(text, &c.body) != nil {
		return nil, errBody
	}
	return c, nil
}

// errBody is a body that is no object of JSON, or has not what has to be in it: Scalelite has no form of its own for that.
var errBody = fmt.Errorf("what is asked for: %w", bbb.ErrInternal)

// id is the ID that a call is about.
func (c *call) id() string {
	if id := text(c.body["id"]); id != "" {
		return id
	}
	return c.query.Get("id")
}

// fields are what may be asked for of what is called so.
var fields = map[string][]string{
	"server": {"url", "secret", "tag", "load_multiplier", "state"},
	"tenant": {"name", "secrets"},
}

// object is what is asked for, under its name. Scalelite wants it to have something in it. Its documentation has given examples
// without the name around it, which Rails puts there; so do we, where there is none.
func (c *call) object(name string) (map[string]any, error) {
	o, ok := c.body[name].(map[string]any)
	if _, named := c.body[name]; !named {
		o, ok = map[string]any{}, true
		for _, field := range fields[name] {
			if v, given := c.body[field]; given {
				o[field] = v
			}
		}
	}
	if !ok || len(o) == 0 {
		return nil, errBody
	}
	return o, nil
}

// text is a value as Scalelite reads it where it wants a text: numbers and words count, too.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// secret is a value as [text] has it. What masks a secret is none: whoever sends it back has not asked for the secret itself.
func secret(v any) (v1.Secret, error) {
	s := text(v)
	if strings.Contains(s, "*") && strings.Trim(s, "*:") == "" {
		return "", v1.Invalid("secret: %q is what masks one: ask with reveal=true for the secret itself", s)
	}
	return v1.Secret(s), nil
}

// message is how Scalelite says most things about tenants.
type message struct {
	Message string `json:"message"`
}

// failure is how it says what went wrong otherwise.
type failure struct {
	Error string `json:"error"`
}

// success is how it says what was done.
type success struct {
	Success string `json:"success"`
}

// refusal is an error with its status, in one of these forms.
type refusal struct {
	status int
	answer any
	cause  error
}

// Error says what is wrong, for the log.
func (e *refusal) Error() string { return e.cause.Error() }

// Unwrap returns what is wrong.
func (e *refusal) Unwrap() error { return e.cause }

// said is what an error says to the caller; "" where it is none of our making, and so nothing for him.
func said(err error) string {
	if e, ok := errors.AsType[*v1.Error](err); ok {
		return e.Message
	}
	return ""
}

// refused is an error that the caller is told in Scalelite's form. What nobody has foreseen stays as it is.
func refused(status int, err error) error {
	if said(err) == "" {
		return err
	}
	return &refusal{status, failure{said(err)}, err}
}

// fail answers with an error. What nobody has foreseen is logged, and not shown.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := errors.AsType[*refusal](err); ok {
		a.Log.Info().Str("path", r.URL.Path).Str("problem", e.Error()).Msg("refused")
		writeJSON(w, e.status, e.answer)
		return
	}
	if !errors.Is(err, errBody) {
		a.Log.Error().Err(err).Str("path", r.URL.Path).Msg("scalelite's administration")
	}
	bbb.WriteError(w, bbb.ErrInternal)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a value that JSON has no form for, which none of ours is
		bbb.WriteError(w, bbb.ErrInternal)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
