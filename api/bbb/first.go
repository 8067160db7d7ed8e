package bbb

import "bytes"

// Meeting is the meeting that an answer to getMeetingInfo is about, as its server shows it.
func (a Answer) Meeting() (Meeting, bool) {
	content := bytes.TrimSuffix(bytes.TrimPrefix(a.body, []byte("<response>")), []byte("</response>"))
	content = bytes.Replace(content, []byte("<returncode>SUCCESS</returncode>"), nil, 1)
	raw := append(append([]byte(meetingOpen), content...), meetingClose...)
	mendable, growth := maxMended, maxGrown
	m, ok := parseMeeting(raw, &mendable)
	if !ok || a.Err != nil || !m.restore(&growth) {
		return Meeting{}, false
	}
	return m.Meeting, true
}

// Created is what the meeting's server has answered to the create that made it, but for who has joined since. It is for whoever
// has made it and missed the answer.
func (m Meeting) Created() []byte {
	return m.createAnswer().Message("", "").Bytes()
}

// Fits tells whether a create with these passwords is one that may have made the meeting: what it gives must be the meeting's,
// what it does not give the server has chosen.
func (m Meeting) Fits(attendeePW, moderatorPW string) bool {
	seen := Answer{body: m.Raw}
	fits := func(given, is string) bool { return given == "" || given == is }
	return fits(attendeePW, seen.Get("attendeePW")) && fits(moderatorPW, seen.Get("moderatorPW"))
}

// FirstAnswer is the answer to a repeated create as the first creation was answered: without the warning that the meeting is
// there already.
func FirstAnswer(body []byte) []byte {
	const key, open, end = "<messageKey>duplicateWarning</messageKey>", "<message>", "</message>"
	at := bytes.LastIndex(body, []byte(key))
	if at < 0 {
		return body
	}
	first := append(bytes.Clone(body[:at]), "<messageKey></messageKey>"...)
	rest := body[at+len(key):]
	from, to := bytes.Index(rest, []byte(open)), bytes.Index(rest, []byte(end))
	if from < 0 || to < from {
		return append(first, rest...)
	}
	first = append(first, rest[:from+len(open)]...)
	return append(first, rest[to:]...)
}
