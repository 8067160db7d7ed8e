package gateway

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// The limits of tenants, as they are counted by where they have changed or refused a call.
const (
	limitMeetings      = "meetings"
	limitPerHour       = "perHour"
	limitPeople        = "people"
	limitMeetingPeople = "meetingPeople"
	limitDuration      = "duration"
	limitRecording     = "recording"
	limitRequests      = "requests"
)

// limit keeps a create within its tenant's limits: what the server can keep to it is told. Whoever may not record has his
// class, unrecorded. What is refused altogether the ledger decides, in the step that places the meeting.
func (h *creates) limit(c *call) {
	params, limits := &c.req.Params, c.caller.Limits
	if limits.NoRecording && unrecorded(params) {
		h.metrics.limited(c.tenant, limitRecording)
	}
	if longest := limits.Duration; longest > 0 && capped(params, "duration", max(int64(longest/time.Minute), 1)) {
		h.metrics.limited(c.tenant, limitDuration)
	}
	if most := limits.MeetingPeople; most > 0 && capped(params, "maxParticipants", int64(most)) {
		h.metrics.limited(c.tenant, limitMeetingPeople)
	}
}

// unrecorded makes a create one that can record nothing, and tells whether it wanted to.
func unrecorded(params *bbb.Params) (changed bool) {
	for _, name := range []string{"record", "autoStartRecording", "allowStartStopRecording"} {
		changed = changed || name != "allowStartStopRecording" && strings.EqualFold(params.Get(name), "true")
		params.Set(name, "false")
	}
	return changed
}

// capped sets a number of a create to the most that it may be where it is more, or says that there is no end to it, and tells
// whether somebody wanted that: a create that says nothing has not asked for more.
func capped(params *bbb.Params, name string, most int64) (changed bool) {
	if n, err := strconv.ParseInt(params.Get(name), 10, 64); err == nil && n > 0 && n <= most {
		return false
	}
	changed = params.Has(name)
	params.Set(name, strconv.FormatInt(most, 10))
	return changed
}

// tooMany refuses a call that comes faster than its tenant's may.
func (c *call) tooMany() error {
	c.w.Header().Set("Retry-After", "1")
	return errTooMany
}

// full tells a join why there is no room for its person, or nil.
func (j *joins) full(c *call) error {
	return nil
}

var _ = errors.Is
