package bbb

import (
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

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
	if mark, ok := marks[call]; ok && !markup.Has(a.body, mark) {
		return false
	}
	switch call {
	case "isMeetingRunning":
		return !markup.Has(a.body, "meetingID") // else it is all about a meeting
	case "end":
		return a.Get("messageKey") == "sentEndMeetingRequest"
	case "create", "getMeetingInfo":
		id := meetingID(query)
		return id == a.Get("meetingID") || id == a.Get("internalMeetingID") // breakout rooms go by either
	}
	return true
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
