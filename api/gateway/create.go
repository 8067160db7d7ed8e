package gateway

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // it is what BigBlueButton makes IDs with
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/api/gateway/learning"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/api/gateway/shun"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// creates makes meetings: what a create asks for is read here, and on which servers it is tried is in failover.go.
type creates struct {
	connect  time.Duration // the deadline for connecting to a server
	bridges  bool          // meetings have voice bridges of the pool
	ledger   *placement.Ledger
	servers  *servers
	view     View
	learning *learning.Records
	shunned  shun.Servers
	refused  *refusals
	metrics  *counts.Metrics
	log      zerolog.Logger
}

// create makes a meeting, and takes note of one that no server could take.
func (h *creates) create(ctx context.Context, c *call) error {
	err := h.make(ctx, c)
	if fenced(err) {
		return err // it is refused by nobody
	}
	switch cause := h.refused.note(c.key, err, time.Now()); {
	case cause == "":
	case cause == counts.CauseMeetings, cause == counts.CausePerHour:
		h.metrics.Limited(c.tenant, cause)
		h.metrics.Refusals(cause).Inc()
	case cause == counts.CauseNone && c.tries > 0:
		h.metrics.Refusals(counts.CauseFailed).Inc()
	default:
		h.metrics.Refusals(cause).Inc()
	}
	return err
}

// createDeadline is how long a create may take in all, on however many servers.
const createDeadline = time.Minute

// make makes a meeting on the server that the rule chooses, or repeats the create on the server that has it. If the
// server cannot be reached it goes to the next one, inside this request. The front end hanging up does not stop it:
// half a create helps nobody.
//
// The tenant's rules are applied before anything is wished of a server, because they may change the tag, the hint and whether
// it records. Its limits come in three places: what only changes a create is among the rules, and counted before they hide
// it (countLimits); what refuses one is decided by the ledger, in the step that places the meeting.
func (h *creates) make(ctx context.Context, c *call) error {
	params := &c.req.Params
	if err := cmp.Or(
		bbb.CheckMeetingID(c.key.MeetingID), bbb.CheckName(params.Get("name")), bbb.CheckBreakout(*params),
	); err != nil {
		return err
	}
	h.countLimits(c)
	c.caller.Rules.Create.Apply(params)
	if err := c.takeBack(); err != nil {
		return err
	}
	wish := h.wish(c)
	if err := h.breakout(c, &wish); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createDeadline)
	defer cancel()
	creation, err := h.ledger.Begin(ctx, c.key)
	if err != nil {
		return errors.Join(bbb.ErrUnavailable, err)
	}
	defer creation.End()
	answer, reply, err := h.createSomewhere(ctx, c, creation, wish)
	if err == nil && answer.Err == nil {
		if err := h.created(ctx, c, creation, answer); err != nil {
			return err
		}
		if c.moved { // and keep its turn meanwhile: what follows on it would be answered before others know
			h.servers.authority.heard(ctx)
		}
		return c.pass(reply)
	}
	if err != nil && c.occupied {
		return h.repeated(ctx, c, err)
	}
	if giveUp := creation.GiveUp(context.WithoutCancel(ctx)); giveUp != nil {
		h.log.WithLevel(levelOf(giveUp)).Err(giveUp).Str("meetingID", c.key.MeetingID).Msg("give up a claim")
	}
	if err != nil {
		return err
	}
	return c.pass(reply)
}

// The number by which telephones reach a meeting, and what was called so before: on one server no two meetings may have the
// same.
const (
	voiceParam    = "voiceBridge"
	oldVoiceParam = "webVoice"
)

// maxHint is the most people that can be announced. More is a mistake.
const maxHint = 100_000

// wish is what a create asks of its server. By which ID servers are to know the meeting is no more than a wish: one that is
// known keeps its own, and the ledger sees to it that no two have the same (placement/names.go).
func (h *creates) wish(c *call) placement.Wish {
	asked := c.req.Params
	alias, spare := c.caller.Alias(c.key.MeetingID)
	return placement.Wish{
		Hint: c.hint(), Tag: asked.Get(params.TagName), Recorded: asked.Get("record") == "true", Name: asked.Get("name"),
		Shun: h.shunned.List(time.Now()), Alias: alias, Spare: spare, Voice: asked.Get(voiceParam),
		Unmade: asked.Get("meta_bbb-disable-recording-formats"), Signer: c.caller.Signer,
		Moderator: store.Secret(asked.Get("moderatorPW")), Limits: c.caller.Limits,
		Request: c.request, Back: c.back,
	}
}

// hint is how many people a create announces: 0 where it does not, is not believed, or announces what cannot be.
func (c *call) hint() int {
	n, err := strconv.Atoi(c.req.Params.Get(params.HintName))
	if err != nil || n < 0 || n > maxHint || c.caller.IgnoreHints {
		return 0
	}
	return n
}

// breakout prepares the create of a breakout room, if it is one: the room belongs to a meeting of the same tenant, whose
// server is the only one that will do, and goes by another ID than its front end has chosen: by one that the server makes, so
// that it needs no alias.
func (h *creates) breakout(c *call, w *placement.Wish) error {
	params := &c.req.Params
	if !strings.EqualFold(params.Get("isBreakout"), "true") {
		return nil
	}
	parent, err := h.parent(c.tenant, params.Get("parentMeetingID"))
	if err != nil || parent.Standing == placement.Gone || parent.Claim.InternalID == "" {
		return errNoParent
	}
	w.Beside = parent.Claim.Server
	w.Alias, w.Spare = "", ""
	if parent.Claim.Alias != "" {
		params.Set("parentMeetingID", parent.Claim.Alias)
	}
	room := c.caller.Room(c.key.MeetingID)
	c.key.MeetingID = breakoutID(room, parent.Claim.InternalID, params.Get("sequence"))
	if was, err := h.ledger.Peek(c.key); err == nil {
		room = cmp.Or(was.Claim.InternalID, room) // whatever was set for the tenant then
	}
	if params.Get("meetingID") != room {
		params.Set("meetingID", room)
	}
	return nil
}

// parent finds the meeting that a breakout room belongs to: by the front end's ID for it or, as BigBlueButton does, by
// the server's.
func (h *creates) parent(tenant, id string) (placement.Found, error) {
	found, err := h.ledger.Peek(store.MeetingKey{Tenant: tenant, MeetingID: id})
	if err != nil {
		return h.ledger.ByInternalID(tenant, id)
	}
	return found, nil
}

// breakoutID is the meetingID that BigBlueButton gives a breakout room, lists it under and answers with. What the create
// called meetingID becomes the internal ID (BigBlueButton's API, create).
func breakoutID(internal, parent, sequence string) string {
	_, stamp, _ := strings.Cut(internal, "-")
	hash := sha1.Sum([]byte(parent + "-" + stamp + "-" + sequence)) //nolint:gosec // as above
	return hex.EncodeToString(hash[:]) + "-" + stamp
}

// created records what a server has made, or has had already. After an error it is not to be answered: nobody would know of the
// meeting once this instance is gone.
func (h *creates) created(ctx context.Context, c *call, creation *placement.Creation, answer bbb.Answer) error {
	made := answer.Created()
	c.internal = made.InternalID
	if err := h.confirm(ctx, c, creation, placement.Made{
		InternalID: made.InternalID, CreateTime: made.CreateTime, Moderator: store.Secret(answer.Get("moderatorPW")),
		Voice: answer.Get(voiceParam),
	}); err != nil {
		return err
	}
	if !made.Repeated {
		params := c.req.Params
		meeting := answer.CreatedMeeting(params.Get("name"), params.Get("record") == "true")
		meeting.Tenant, meeting.Alias = c.tenant, c.alias
		h.servers.originals.restoreMeeting(c.key, &meeting)
		h.view.Created(c.server, meeting)
		h.metrics.Placed(c.tries)
	}
	return nil
}

// repeated answers a create of a meeting with people in it on a server that lives and fails at creates alone, with what
// the server would have said: that the meeting is there. Moving it would split a class, and refusing would lock out
// whoever creates before each join.
func (h *creates) repeated(ctx context.Context, c *call, cause error) error {
	m, seen := h.view.Meeting(c.server, c.key)
	if !seen || !h.servers.Alive(ctx, c.server) {
		return cause
	}
	params := c.req.Params
	body, err := m.Repeated(params.Get("attendeePW"), params.Get("moderatorPW"))
	if err != nil {
		return err
	}
	h.log.Warn().Err(cause).Str("meetingID", c.key.MeetingID).Str("server", c.server).Msg("create answered from what was seen")
	return c.xml(body)
}

// refusals remembers which meetings no server could take a moment ago: whoever is sent to such a meeting all the same is
// told by the join why there is none.
type refusals struct {
	mu       sync.Mutex
	meetings refusedCreates
}

// refusedCreates are creates by their meetings.
type refusedCreates map[store.MeetingKey]refusedCreate

// refusedCreate is what a create was told, and until when that is of interest.
type refusedCreate struct {
	err   *bbb.Error
	until time.Time
}

const (
	refusalTime  = 5 * time.Minute
	mostRefusals = 1000
)

// note takes note of how a create has ended, and returns why it was refused, or "".
func (r *refusals) note(key store.MeetingKey, err error, now time.Time) (cause string) {
	told, _ := errors.AsType[*bbb.Error](err)
	cause = causeOf(told)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.meetings, key)
	}
	if cause == "" {
		return ""
	}
	if len(r.meetings) >= mostRefusals {
		r.meetings.makeRoom(now)
	}
	if r.meetings == nil {
		r.meetings = refusedCreates{}
	}
	r.meetings[key] = refusedCreate{told, now.Add(refusalTime)}
	return cause
}

// makeRoom makes room for another one: what is over goes, or else any.
func (m refusedCreates) makeRoom(now time.Time) {
	var last store.MeetingKey
	for key, was := range m {
		if last = key; now.After(was.until) {
			delete(m, key)
		}
	}
	if len(m) >= mostRefusals {
		delete(m, last)
	}
}

// why returns what the last create of a meeting was told, if that was not long ago.
func (r *refusals) why(key store.MeetingKey, now time.Time) *bbb.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, ok := r.meetings[key]; ok && now.Before(was.until) {
		return was.err
	}
	return nil
}
