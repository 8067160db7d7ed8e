package bbb

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// Builder writes XML as BigBlueButton does: UTF-8 without a declaration, elements only. Text is escaped and characters
// that XML 1.0 forbids are dropped, so that no name, however hostile, breaks an answer.
type Builder struct{ b []byte }

// Success starts an answer with returncode SUCCESS; Bytes ends it.
func Success() *Builder {
	x := &Builder{}
	x.Open("response").Text("returncode", "SUCCESS")
	return x
}

// Grow makes room for n more bytes at once.
func (x *Builder) Grow(n int) *Builder {
	x.b = slices.Grow(x.b, n)
	return x
}

// Open writes a start tag. The name must be one of the protocol's own, or have passed ValidName.
func (x *Builder) Open(name string) *Builder {
	x.b = append(append(append(x.b, '<'), name...), '>')
	return x
}

// Close writes an end tag.
func (x *Builder) Close(name string) *Builder {
	x.b = append(append(append(x.b, "</"...), name...), '>')
	return x
}

// Text writes an element with text in it.
func (x *Builder) Text(name, text string) *Builder {
	x.Open(name)
	x.b = markup.AppendText(x.b, text)
	return x.Close(name)
}

// Int writes an element with a number in it.
func (x *Builder) Int(name string, n int64) *Builder { return x.Text(name, strconv.FormatInt(n, 10)) }

// Bool writes an element with true or false in it.
func (x *Builder) Bool(name string, v bool) *Builder { return x.Text(name, strconv.FormatBool(v)) }

// Raw writes XML that is well-formed already.
func (x *Builder) Raw(xml []byte) *Builder {
	x.b = append(x.b, xml...)
	return x
}

// Message writes the two elements that most answers end with.
func (x *Builder) Message(key, message string) *Builder {
	return x.Text("messageKey", key).Text("message", message)
}

// Bytes closes the response and returns it.
func (x *Builder) Bytes() []byte { return x.Close("response").b }

// Fragment returns what was written, without closing anything.
func (x *Builder) Fragment() []byte { return x.b }

// AppendText appends text with XML's own characters escaped and forbidden ones left out.
func AppendText(dst []byte, text string) []byte { return markup.AppendText(dst, text) }

// ValidName tells whether text, such as a metadata key, can stand as the name of an element.
func ValidName(s string) bool { return markup.ValidName(s) }

// BeginXML sends the head of an answer of the API. It is never cached.
func BeginXML(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
}

// WriteXML sends an answer of the API.
func WriteXML(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	BeginXML(w, status)
	_, _ = w.Write(body) // the front end hung up: nobody is left to tell
}

// WriteError sends a FAILED answer. Without a key it has no element for it: so does BigBlueButton answer insertDocument.
func WriteError(w http.ResponseWriter, e *Error) {
	x := &Builder{}
	x.Open("response").Text("returncode", "FAILED")
	switch {
	case e.Listed:
		x.Open("errors").Open("error").Text("key", e.Key).Text("message", e.Message).Close("error").Close("errors")
	case e.Key != "":
		x.Message(e.Key, e.Message)
	default:
		x.Text("message", e.Message)
	}
	status := e.Status
	if status == 0 {
		status = http.StatusOK
	}
	WriteXML(w, status, x.Bytes())
}
