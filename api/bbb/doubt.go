package bbb

import (
	"net/http"
	"strings"
)

// repeatable are the calls that may reach a server twice. All others get connections of their own: whether one that was
// idle has taken a call before it broke, nobody can tell.
var repeatable = map[string]bool{
	"": true, "create": true, "end": true, "getMeetings": true, "getMeetingInfo": true, "isMeetingRunning": true,
	"getSessions": true, "getRecordings": true, "getRecordingTextTracks": true,
	"publishRecordings": true, "deleteRecordings": true, "updateRecordings": true,
}

// doubtful tells whether what came over a used connection may be the answer to another call, so that it is worth asking
// once more. A FAILED never tells what it is about; those without a key are answers to calls that have connections of
// their own.
func doubtful(q question, r received, err error) bool {
	if err != nil {
		return true
	}
	switch r.resp.StatusCode {
	case http.StatusRequestTimeout: // the server has not seen a call
		return true
	case http.StatusOK:
	default:
		return false
	}
	answer, err := ParseAnswer(r.body)
	switch {
	case err != nil:
		return false
	case answer.Err != nil:
		return answer.Err.Key != ""
	}
	return !answer.fits(q.call, q.query)
}

// marks are elements that the SUCCESS of a call has, and those of other calls have not.
var marks = map[string]string{
	"": "version", "getMeetings": "meetings", "isMeetingRunning": "running", "getSessions": "sessions",
	"getRecordings": "recordings", "publishRecordings": "published", "deleteRecordings": "deleted",
	"updateRecordings": "updated",
}

// fits tells whether a SUCCESS may be the answer to a call.
func (a Answer) fits(call, query string) bool {
	if mark, ok := marks[call]; ok && !a.has(mark) {
		return false
	}
	switch call {
	case "isMeetingRunning":
		return !a.has("meetingID") // else it is all about a meeting
	case "end":
		return a.Get("messageKey") == "sentEndMeetingRequest"
	case "create", "getMeetingInfo":
		id := meetingID(query)
		return id == a.Get("meetingID") || id == a.Get("internalMeetingID") // breakout rooms go by either
	}
	return true
}

// has tells whether an answer has an element, without a look at what is in it, which may be thousands of meetings.
func (a Answer) has(name string) bool {
	depth := 0
	for s := (scanner{b: a.body}); ; {
		t, more := s.next()
		switch here := depth == 1 && string(t.name) == name; {
		case !more:
			return false
		case here && (t.kind == startKind || t.kind == emptyKind):
			return true
		case t.kind == startKind:
			depth++
		case t.kind == endKind:
			depth--
		}
	}
}

// meetingID returns the meeting that a call is about.
func meetingID(query string) string {
	for part := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(part, "="); clean(unescape(name)) == "meetingID" {
			return clean(unescape(value))
		}
	}
	return ""
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
