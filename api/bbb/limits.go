package bbb

import "github.com/bbbpool/bbbpool/api/bbb/budget"

// How much of an answer is read, in bytes. Lists alone may be large.
const (
	MaxAnswer     = budget.Large  // of getMeetings: some 50,000 attendees
	maxRecordings = 8 << 20       // of getRecordings: some 160 KiB for each recording that was asked for
	maxMeeting    = 4 << 20       // of getMeetingInfo: some 12,000 attendees
	maxOther      = budget.Medium // of any other call
)

// maxAnswer is how many bytes the answer to a call may have.
func maxAnswer(call string) int64 {
	switch call {
	case "getMeetings":
		return MaxAnswer
	case "getRecordings":
		return maxRecordings
	case "getMeetingInfo":
		return maxMeeting
	}
	return maxOther
}
