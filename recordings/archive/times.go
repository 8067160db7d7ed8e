package archive

import (
	"strings"
	"time"
)

// Times in a metadata.xml are milliseconds since 1970, from before the year 10000. A smaller number is none of a meeting:
// there was no BigBlueButton in 2001.
const (
	firstMoment = 1_000_000_000_000
	lastMoment  = 253_402_300_800_000
)

// idDigits is how many digits at the end of a usual record ID are the time at which the meeting started.
const idDigits = 13

// times are when the meeting started and ended. Scripts of BigBlueButton 0.8 and 0.9 wrote words, or milliseconds since
// their server was started: then the ID tells the start, and the end is as far from that as it was said to be.
func (doc *document) times(recordID string) (start, end time.Time) {
	said, ended := moment(doc.Start), moment(doc.End)
	start = said
	if start.IsZero() && usualIDs.MatchString(recordID) {
		start = moment(recordID[len(recordID)-idDigits:])
	}
	if !ended.IsZero() || start.IsZero() || strings.TrimSpace(doc.End) == "" {
		return start, ended
	}
	if d, ok := between(doc.Start, doc.End); ok && said.IsZero() {
		return start, start.Add(d)
	}
	return start, start.Add(milliseconds(doc.Playback.Duration))
}

// moment returns the time of so many milliseconds since 1970, and none for anything else.
func moment(s string) time.Time {
	if n := number(s); n >= firstMoment && n < lastMoment {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

// between returns how far two times are apart by a clock that tells nothing else: both in words, whose time zone need not
// be known, or both since the server was started.
func between(start, end string) (time.Duration, bool) {
	if n, m := number(start), number(end); n > 0 && n <= m && m < firstMoment {
		return time.Duration(m-n) * time.Millisecond, true
	}
	from, err := time.Parse(time.UnixDate, strings.TrimSpace(start))
	if err != nil {
		return 0, false
	}
	to, err := time.Parse(time.UnixDate, strings.TrimSpace(end))
	d := to.Sub(from)
	return d, err == nil && d >= 0
}
