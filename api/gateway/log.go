package gateway

import (
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// How much of a request is logged.
const (
	maxName       = 64  // bytes of the name of a call; none has a longer one
	maxField      = 300 // bytes of anything else; no ID that is accepted has more
	maxRecordings = 20  // IDs of recordings
	maxID         = 80  // bytes of each; servers make 54
)

// short cuts off what is too long for the log, and not in the middle of a character.
func short(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// logRecordings says which recordings a call was to change, and how many where these are not all.
func (c *call) logRecordings(e *zerolog.Event) {
	if len(c.recordings) == 0 {
		return
	}
	var ids []string
	for _, id := range c.recordings[:min(len(c.recordings), maxRecordings)] {
		ids = append(ids, short(id, maxID))
	}
	e.Strs("recordIDs", ids)
	if n := len(c.recordings); n > maxRecordings {
		e.Int("recordings", n)
	}
}

// log writes the one line that every request gets.
func (c *call) log(log zerolog.Logger) {
	level := zerolog.InfoLevel
	if c.err != nil {
		level = zerolog.ErrorLevel
	}
	e := log.WithLevel(level).AnErr("error", c.err).Str("request", c.r.Header.Get("X-Request-Id")).
		Str("call", short(c.name, maxName))
	for _, f := range [...][2]string{
		{"tenant", c.tenant},
		{"meetingID", c.key.MeetingID},
		{"internalMeetingID", c.internal},
		{"server", c.server},
		{"outcome", c.outcome},
	} {
		if f[1] != "" {
			e.Str(f[0], short(f[1], maxField))
		}
	}
	c.logRecordings(e)
	if c.tries > 1 {
		e.Int("tries", c.tries)
	}
	if via := c.r.Header.Get("X-Forwarded-For"); via != "" {
		e.Str("forwardedFor", short(via, maxField))
	}
	e.Int("status", c.status).Dur("ms", time.Since(c.start)).Str("remote", c.r.RemoteAddr).Send()
}
