package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// This file has everything that a front end can be told went wrong, beside what BigBlueButton itself says, and the one
// place where it is told, call.fail. What is an error of another type is ours, and shown as internal. What is told of
// recordings stands with their calls.

// These are told whatever is called.
var (
	// errElsewhere is for an address at which no call can be: programs that look at the status alone are told, too.
	errElsewhere = &bbb.Error{
		Key: bbb.ErrUnsupported.Key, Message: bbb.ErrUnsupported.Message, Status: http.StatusNotFound,
	}
	errNoWebhooks = &bbb.Error{Key: bbb.ErrUnsupported.Key, Message: "This pool does not offer webhooks."}
	// errBusy refuses a body that there is no room for.
	errBusy = &bbb.Error{
		Key: "serverBusy",
		Message: "Too many requests with a body are being read. " +
			"Please try again in a moment, or send the parameters in the query.",
	}
)

// These are told of creates that no server can take, beside bbb.ErrUnavailable. The first is Scalelite's.
var (
	errNoTag = &bbb.Error{Key: "serverTagUnavailable", Message: "No server with the required tag is available."}
	errFull  = &bbb.Error{
		Key:     "serverCapacityReached",
		Message: "All servers that can take this meeting are full. Please try again later.",
	}
	errMeetings = &bbb.Error{
		Key:     "tenantMeetingsReached",
		Message: "There are as many meetings as are allowed at once. Please try again later.",
	}
	errPerHour = &bbb.Error{
		Key:     "tenantMeetingsPerHourReached",
		Message: "As many meetings were started as are allowed within an hour. Please try again later.",
	}
	// errVoice is what BigBlueButton says of a voice bridge that another meeting has. It says it in a list.
	errVoice = &bbb.Error{
		Key: "nonUniqueVoiceBridge", Message: "The selected voice bridge is already in use.", Listed: true,
	}
	// errNoParent is what BigBlueButton says of a breakout room without a meeting that it belongs to.
	errNoParent = &bbb.Error{
		Key: "parentMeetingDoesNotExist", Message: "No parent meeting exists for the breakout room",
	}
)

// These are told of joins that a limit of the tenant leaves no room for. The first is BigBlueButton's own.
var (
	errMeetingPeople = &bbb.Error{
		Key: "maxParticipantsReached", Message: "The number of participants allowed for this meeting has been reached.",
	}
	errPeople = &bbb.Error{
		Key: "tenantPeopleReached", Message: "The number of participants allowed in all meetings has been reached.",
	}
)

// These are told where it is ourselves who cannot answer: who repeats the call is answered in the end.
var (
	errNoLeader = &bbb.Error{
		Key: "poolUnavailable", Message: "The pool is just choosing the instance that decides. Please try again in a few seconds.",
	}
	// errMisdirected says so to another instance, which hands on anew what it has handed to us.
	errMisdirected = &bbb.Error{Key: errNoLeader.Key, Message: errNoLeader.Message, Status: http.StatusMisdirectedRequest}
	errStoreAway   = &bbb.Error{
		Key: "databaseUnavailable", Message: "The database of the pool does not answer. Please try again in a few seconds.",
	}
)

// ours is what is told of an error of our own; nil where nobody could do anything about it.
func ours(err error) *bbb.Error {
	if errors.Is(err, store.ErrAway) {
		return errStoreAway
	}
	return nil
}

// errTooMany is told of calls that come faster than the tenant's may.
var errTooMany = &bbb.Error{Key: "tooManyRequests", Message: "Too many requests. Please try again in a few seconds."}

// statuses are what HTTP says for those tenants that want it to.
var statuses = map[string]int{
	bbb.ErrChecksum.Key: http.StatusUnauthorized, errTooMany.Key: http.StatusTooManyRequests,
}

// withStatus is the error as the tenant wants it told: with BigBlueButton's status, which is 200, unless it asks for more. A
// join is for people, and they get a page or are sent elsewhere.
func (c *call) withStatus(e *bbb.Error) *bbb.Error {
	status := statuses[e.Key]
	if !c.caller.Status || status == 0 || c.name == "join" {
		return e
	}
	told := *e
	told.Status = status
	return &told
}

// These are told of joins where BigBlueButton has no words for it.
var (
	errJoinOffline = &bbb.Error{
		Key: bbb.ErrUnavailable.Key, Message: "The server of this meeting does not answer. The meeting can be created again.",
	}
	errJoinSlow = &bbb.Error{
		Key: bbb.ErrUnavailable.Key, Message: "The meeting is still being created. Please try again in a few seconds.",
	}
)

// These are told of ends, beside what servers say. The first is in the words of BigBlueButton.
var (
	errEndPassword = &bbb.Error{Key: "invalidPassword", Message: "The supplied moderator password is incorrect"}
	errEndAway     = &bbb.Error{
		Key: bbb.ErrUnavailable.Key,
		Message: "The server that has this meeting does not answer, and the password cannot be checked without it. " +
			"Please try again in a few seconds.",
	}
	errEndBusy = &bbb.Error{
		Key:     bbb.ErrUnavailable.Key,
		Message: "The meeting is still being created or ended by somebody else. Please try again in a few seconds.",
	}
)

// unplaced is what a front end is told where a meeting could not be placed, and as what that is counted among the refusals; a
// cause of "" is none of them.
var unplaced = []struct {
	err   error
	told  *bbb.Error
	cause string
}{
	{placement.ErrFull, errFull, counts.CauseFull},
	{placement.ErrNoTag, errNoTag, counts.CauseTag},
	{placement.ErrMeetings, errMeetings, counts.CauseMeetings},
	{placement.ErrPerHour, errPerHour, counts.CausePerHour},
	{placement.ErrVoice, errVoice, ""},
	{placement.ErrForeign, bbb.ErrMeetingNotFound, ""}, // as Scalelite says; whose it is nobody is told
	{placement.ErrNoServer, bbb.ErrUnavailable, counts.CauseNone},
	{context.DeadlineExceeded, bbb.ErrUnavailable, counts.CauseNone},
}

// placementError turns what the ledger says into what a front end is told.
func placementError(err error) error {
	for _, one := range unplaced {
		if errors.Is(err, one.err) {
			return one.told
		}
	}
	return err
}

// causeOf is as what a refusal is counted; "" for what is none.
func causeOf(told *bbb.Error) string {
	for _, one := range unplaced {
		if one.told == told {
			return one.cause
		}
	}
	return ""
}

// unanswered is an error for the front end about a call that the server of a meeting has not done, or may not have done.
func unanswered(err error) error {
	text := "The server of this meeting failed at this call."
	if failed, ok := errors.AsType[*bbb.CallError](err); ok {
		text = cmp.Or(unansweredTexts[failed.Reason], text)
	}
	if errors.Is(err, errLeft) {
		text = "The server of this meeting has just left the pool."
	}
	return errors.Join(&bbb.Error{Key: bbb.ErrUnavailable.Key, Message: text}, err)
}

// unansweredTexts says why, where that is known.
var unansweredTexts = map[bbb.Reason]string{
	bbb.Timeout: "The server of this meeting did not answer in time. It may have done what it was asked all the same.",
	bbb.Broken:  "The server of this meeting did not answer to the end. It may have done what it was asked all the same.",
	bbb.Refused: unreachable, bbb.DNS: unreachable, bbb.TLS: unreachable, bbb.BadURL: unreachable,
	bbb.Busy: overloaded, bbb.Ours: overloaded,
}

const (
	unreachable = "The server of this meeting cannot be reached."
	overloaded  = "Too many calls are on their way. Please try again in a few seconds."
)

// errHungUp says that the front end did not wait for, or did not take, the rest of an answer.
var errHungUp = errors.New("the front end has hung up")

// fail answers with an error, if there is one. What is not meant for the front end is logged and shown as internal.
func (c *call) fail(err error) {
	if err == nil {
		return
	}
	c.cut = c.begun
	if errors.Is(err, context.Canceled) || errors.Is(err, errHungUp) {
		c.outcome, c.status = "hungUp", 499
		return
	}
	if c.cut {
		c.outcome, c.err = bbb.ErrInternal.Key, err
		return
	}
	if c.unread {
		c.drop()
	}
	answer, ok := errors.AsType[*bbb.Error](err)
	switch {
	case fenced(err):
		answer = errNoLeader
	case !ok:
		answer = cmp.Or(ours(err), bbb.ErrInternal)
	}
	if err.Error() != answer.Error() {
		c.err = err // there is more to it than the front end is told
	}
	if answer == bbb.ErrMethod {
		c.w.Header().Set("Allow", strings.Join(bbb.Methods(c.name), ", "))
	}
	c.failed(answer.Key)
	if c.handed && c.mayBeDone {
		c.w.Header().Set(AgainHeader, "perhaps")
	}
	if answer = c.withStatus(answer); answer == errNoLeader && c.handed {
		answer = errMisdirected
	}
	c.status = max(answer.Status, http.StatusOK)
	if c.name == "join" && answer != bbb.ErrMethod { // a POST has a program behind it, which nobody sends elsewhere
		c.joinFailed(answer)
		return
	}
	bbb.WriteError(c.w, answer)
}
