package bbb

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// Reply is what a server said, whatever it was.
type Reply struct {
	Status      int
	ContentType string
	Location    string // where a redirect leads
	Body        []byte
	Date        time.Time // what the server, or nginx before it, took for now; to the second; zero where it did not say
	Expires     time.Time // when its certificate does; zero over http
}

// What replies tell of a server, and people should hear of.
const (
	// MaxClockSkew is how far its clock may be from ours.
	MaxClockSkew = 5 * time.Second
	// RenewCertificate is how long its certificate must live still.
	RenewCertificate = 14 * 24 * time.Hour
)

// Skew is the server's clock minus ours, in whole seconds, by the reply to a call that we began and ended at these times.
// It is 0 where the reply does not tell: it has no Date, or the difference may as well come from the length of the call,
// and from Date having no fractions of a second. Beyond a year it is a year, ahead or behind.
func (r *Reply) Skew(began, ended time.Time) time.Duration {
	if r.Date.IsZero() {
		return 0
	}
	const fraction = time.Second / 2
	half := ended.Sub(began) / 2
	skew := r.Date.Add(fraction).Sub(began.Add(half))
	if skew.Abs() <= half+fraction {
		return 0
	}
	return min(max(skew.Round(time.Second), -farthest), farthest)
}

// farthest is as far as clocks may be apart. What is said beyond that may be any date, and overflows what is made of it.
const farthest = 365 * 24 * time.Hour

// Answer reads the head of the reply to a call. It fails with a *CallError where that is not BigBlueButton's.
func (r *Reply) Answer(call string) (Answer, error) {
	answer, err := ParseAnswer(r.Body)
	if err != nil {
		return Answer{}, &CallError{Call: call, Reason: NotBBB, Status: r.Status, Err: err}
	}
	return answer, nil
}

// reply sorts out replies that are none.
func (r received) reply(call string) (*Reply, error) {
	status, limit := r.resp.StatusCode, maxAnswer(call)
	switch {
	case int64(len(r.body)) > limit:
		err := fmt.Errorf("more than %d MiB", limit>>20)
		return nil, &CallError{Call: call, Reason: TooLarge, Status: status, Err: err}
	case status >= 500, status >= 400 && !turnedDown(call, status):
		err := fmt.Errorf("%d %s", status, http.StatusText(status))
		return nil, &CallError{Call: call, Reason: Status, Status: status, Err: err}
	}
	header := r.resp.Header
	reply := &Reply{
		Status: status, ContentType: header.Get("Content-Type"), Location: header.Get("Location"),
		Body: r.body, Date: date(header),
	}
	if state := r.resp.TLS; state != nil && len(state.PeerCertificates) > 0 {
		reply.Expires = state.PeerCertificates[0].NotAfter
	}
	return reply, nil
}

// date reads when a reply was made. The zero time is for one that does not say, or says what nobody understands.
func date(header http.Header) time.Time {
	t, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// turnedDown tells whether an HTTP error says something about the call: it is too large for the server's nginx, newer than
// the server, or one that we know nothing of. Any other is the server's own failure.
func turnedDown(call string, status int) bool {
	_, known := shapes[call]
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusRequestHeaderFieldsTooLarge:
		return true
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return !repeatable[call]
	}
	return !known && call != ""
}

var errNotBBB = errors.New("not an answer of BigBlueButton's")

// Answer is the part of an answer that every call has.
type Answer struct {
	Err  *Error // nil where the returncode is SUCCESS
	body []byte
}

// ParseAnswer reads the head of an answer. It fails where the body is not an answer of BigBlueButton's, or is cut off.
func ParseAnswer(body []byte) (Answer, error) {
	root := bytes.TrimPrefix(body, []byte("\ufeff"))
	if _, after, ok := bytes.Cut(root, []byte("?>")); ok && bytes.HasPrefix(root, []byte("<?xml")) {
		root = after
	}
	root = bytes.Trim(root, markup.Blanks)
	if !bytes.HasPrefix(root, []byte("<response>")) || !bytes.HasSuffix(root, []byte("</response>")) {
		return Answer{}, errNotBBB
	}
	answer := Answer{body: root}
	switch answer.Get("returncode") {
	case "SUCCESS":
		return answer, nil
	case "FAILED":
		answer.Err = failure(answer)
		return answer, nil
	}
	return Answer{}, errNotBBB
}

// failure reads a FAILED answer in both of its forms: with a messageKey, or with a list of errors.
func failure(a Answer) *Error {
	key, ok := markup.Find(a.body, "messageKey", false)
	if ok {
		return &Error{Key: tame(key), Message: tame(a.Get("message"))}
	}
	key, _ = markup.Find(a.body, "key", true)
	message, _ := markup.Find(a.body, "message", true)
	return &Error{Key: tame(key), Message: tame(message)}
}

// given is a checksum as it stands in a query.
var given = regexp.MustCompile(`checksum=[0-9A-Fa-f]+`)

// tame makes what a server says fit for our logs: not endless, and without the checksum of the call that it answers,
// which is as good as the call to anybody who reads it.
func tame(s string) string {
	s = given.ReplaceAllString(s, "checksum=***")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

// maxText is how many bytes we repeat of what a server says.
const maxText = 200

// content is what stands within the root.
func (a Answer) content() []byte {
	return bytes.TrimSuffix(bytes.TrimPrefix(a.body, []byte("<response>")), []byte("</response>"))
}

// Get returns the text of an element of the answer, or "". Elements of elements are not looked at: their names may be
// somebody's choice.
func (a Answer) Get(name string) string {
	text, _ := markup.Find(a.body, name, false)
	return text
}
