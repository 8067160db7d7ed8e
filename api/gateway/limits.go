package gateway

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/placement"
)

// countLimits counts what a create asks for beyond its tenant's limits. It is kept to them by its rules; whoever may not
// record has his class, unrecorded. What is refused altogether the ledger decides, in the step that places the meeting.
func (h *creates) countLimits(c *call) {
	asked, limits := c.req.Params, c.caller.Limits
	records := func(name string) bool { return strings.EqualFold(asked.Get(name), "true") }
	if limits.NoRecording && (records("record") || records("autoStartRecording")) {
		h.metrics.Limited(c.tenant, counts.LimitRecording)
	}
	if longest := limits.Duration; longest > 0 && beyond(asked, "duration", int64((longest+time.Minute-1)/time.Minute)) {
		h.metrics.Limited(c.tenant, counts.LimitDuration)
	}
	if most := limits.MeetingPeople; most > 0 && beyond(asked, "maxParticipants", int64(most)) {
		h.metrics.Limited(c.tenant, counts.LimitMeetingPeople)
	}
}

// beyond tells whether a number is asked for that is more than it may be, or no end to it. Who says nothing has not asked.
func beyond(asked bbb.Params, name string, most int64) bool {
	if !asked.Has(name) {
		return false
	}
	n, err := strconv.ParseInt(asked.Get(name), 10, 64)
	return err != nil || n <= 0 || n > most
}

// tooMany refuses a call that comes faster than its tenant's may.
func (c *call) tooMany() error {
	c.w.Header().Set("Retry-After", "1")
	return errTooMany
}

// full counts and tells why a join has no room for its person.
func (j *joins) full(c *call, err error) error {
	limit, told := counts.LimitPeople, errPeople
	switch {
	case errors.Is(err, placement.ErrMeetingPeople):
		limit, told = counts.LimitMeetingPeople, errMeetingPeople
	case !errors.Is(err, placement.ErrPeople):
		return err
	}
	j.metrics.Limited(c.tenant, limit)
	return j.failed(counts.JoinFull, told)
}
