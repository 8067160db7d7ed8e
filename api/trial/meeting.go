package trial

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// probe is a probe meeting.
type probe struct {
	*trial
	id       string
	password string // of its moderators
	record   bool
	sent     bool // the create was
	created  bbb.CreateAnswer
}

// newProbe makes up a meeting. Its ID is nobody's, whatever happens on the server meanwhile.
func (t *trial) newProbe(record bool) *probe {
	return &probe{trial: t, id: Prefix + strings.ToLower(rand.Text()), password: rand.Text(), record: record}
}

// meeting holds a probe meeting with a recording flag, of which nothing is recorded, and ends it whatever happens.
func (t *trial) meeting(ctx context.Context) {
	p := t.newProbe(true)
	t.step("create")
	took, err := p.create(ctx)
	if t.failed("create", err, took) {
		p.abandon(ctx)
		return
	}
	t.note("create", Pass, "a meeting was created", took)
	defer p.checkEnd(ctx)
	t.step("join")
	took, err = p.join(ctx)
	if t.failed("join", err, took) {
		return
	}
	t.note("join", Pass, "somebody could join it", took)
	p.checkInfo(ctx)
	p.checkList(ctx)
}

// create creates the meeting. Should nobody end it, the server does after a minute. It is not cut off half-way: a create
// that reaches the server after the end would leave a meeting behind.
func (p *probe) create(ctx context.Context) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p.sent = true
	var q bbb.Params
	for _, param := range [][2]string{
		{"meetingID", p.id},
		{"name", "bbbpool probe, ends by itself"},
		{"attendeePW", rand.Text()},
		{"moderatorPW", p.password},
		{"record", strconv.FormatBool(p.record)},
		{"autoStartRecording", "false"},
		{"allowStartStopRecording", "true"},
		{"duration", "1"},
		{"meetingExpireIfNoUserJoinedInMinutes", "1"},
		{"meetingExpireWhenLastUserLeftInMinutes", "1"},
		{"meta_" + Mark, "true"},
	} {
		q.Set(param[0], param[1])
	}
	reply, answer, took, err := p.ask(context.WithoutCancel(ctx), "create", q)
	if err != nil {
		return took, err
	}
	if p.created = answer.Created(); p.created.InternalID == "" {
		return took, &bbb.CallError{
			Call: "create", Reason: bbb.NotBBB, Status: reply.Status, Err: errors.New("no internal meeting ID"),
		}
	}
	p.exactSkew(took)
	return took, nil
}

// exactSkew takes the difference between the clocks from the meeting's createTime, which has milliseconds. It was set
// while the call lasted; what that may explain is no difference.
func (p *probe) exactSkew(took time.Duration) {
	if !p.record || p.created.CreateTime == 0 { // a load test has other things to do
		return
	}
	skew := time.UnixMilli(p.created.CreateTime).Sub(time.Now().Add(-took / 2))
	if skew.Abs() <= took/2+time.Millisecond {
		skew = 0
	}
	p.timed, p.skew = true, skew
}

// join lets a moderator in who never connects. A server that sends him on to its client is fine, too.
func (p *probe) join(ctx context.Context) (time.Duration, error) {
	var q bbb.Params
	q.Set("meetingID", p.id)
	q.Set("fullName", "bbbpool")
	q.Set("role", "MODERATOR")
	q.Set("password", p.password)
	q.Set("redirect", "false")
	reply, took, err := p.do(ctx, p.client, "join", q.Encode())
	if err != nil {
		return took, err
	}
	if reply.Status == http.StatusFound || reply.Status == http.StatusSeeOther {
		if !strings.Contains(reply.Location, "errors=") {
			return took, nil
		}
		return took, &bbb.Error{Key: "redirect", Message: "the browser is sent away with an error"}
	}
	answer, err := reply.Answer("join")
	return took, cmp.Or(err, asError(answer))
}

// asError is the FAILED of an answer, or nil.
func asError(answer bbb.Answer) error {
	if answer.Err == nil {
		return nil
	}
	return answer.Err
}

// checkInfo checks that the server shows the meeting as it was created.
func (p *probe) checkInfo(ctx context.Context) {
	p.step("info")
	answer, took, err := p.info(ctx)
	if p.failed("info", err, took) {
		return
	}
	const todo = ": check that nothing between here and the server answers in its place or caches"
	switch id, internal := answer.Get("meetingID"), answer.Get("internalMeetingID"); {
	case id != p.id || internal != p.created.InternalID:
		p.note("info", Fail, fmt.Sprintf("the server shows another meeting than it created, %q%s", clean(id, maxQuote), todo), took)
		return
	case answer.Get("hasBeenForciblyEnded") == "true":
		p.note("info", Fail, "the server shows the meeting as ended right after it was created"+todo, took)
		return
	}
	p.note("info", Pass, "the meeting is shown as it was created", took)
	if answer.Get("recording") != "true" {
		p.note("recording", Warning, "the server does not record, whatever front ends want: "+
			"set disableRecordingDefault=false in its bbb-web.properties, if it should", 0)
		return
	}
	p.note("recording", Pass, "the server would record a meeting that wants it", 0)
}

func (p *probe) info(ctx context.Context) (bbb.Answer, time.Duration, error) {
	var q bbb.Params
	q.Set("meetingID", p.id)
	_, answer, took, err := p.ask(ctx, "getMeetingInfo", q)
	return answer, took, err
}

// checkList checks that the meeting is among all meetings, which is how the pool sees it, with its metadata, by which
// the pool tells tenants apart.
func (p *probe) checkList(ctx context.Context) {
	p.step("list")
	list, took, err := p.getMeetings(ctx, p.client)
	if p.failed("list", err, took) {
		return
	}
	p.polls = append(p.polls, took)
	for _, m := range list.Meetings {
		if m.MeetingID != p.id || m.InternalID != p.created.InternalID {
			continue
		}
		switch {
		case !bytes.Contains(m.Raw, []byte("<"+Mark+">")):
			p.note("list", Warning, "the server lists the meeting without its metadata, so the pool cannot tell tenants apart: "+
				"check the version of BigBlueButton there", took)
		case list.Broken > 0:
			p.note("list", Warning, fmt.Sprintf("%s of the server cannot be read: end what has no ID there",
				counted(list.Broken, "meeting", "meetings")), took)
		default:
			p.note("list", Pass, "the meeting is among "+counted(len(list.Meetings), "meeting", "meetings"), took)
		}
		return
	}
	p.note("list", Fail, "the meeting is missing from getMeetings, so the pool would not see it: "+
		"check that nothing between here and the server caches, and that only one server answers at this address", took)
}

// end ends the meeting, also when the trial is over.
func (p *probe) end(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	var q bbb.Params
	q.Set("meetingID", p.id)
	q.Set("password", p.password)
	_, _, took, err := p.ask(ctx, "end", q)
	return took, err
}

// abandon ends a meeting that may have come into being although its create failed.
func (p *probe) abandon(ctx context.Context) {
	if p.sent {
		_, _ = p.end(ctx) // there is nothing more to be done; it ends by itself
	}
}

// endPatience is how long a meeting may be shown after its end: BigBlueButton takes a few seconds.
const endPatience = 10 * time.Second

// checkEnd ends the meeting and looks whether it did.
func (p *probe) checkEnd(ctx context.Context) {
	p.step("end")
	took, err := p.end(ctx)
	if p.failed("end", err, took) {
		return
	}
	const pause = 250 * time.Millisecond
	for i := range endPatience / pause {
		if i > 0 && !wait(ctx, pause) || ctx.Err() != nil {
			p.note("end", Pass, "the server took the end of the meeting", took)
			return
		}
		if p.over(ctx) {
			p.note("end", Pass, "the meeting has ended", took)
			return
		}
	}
	p.note("end", Warning, fmt.Sprintf("the server took the end of the meeting, and has not ended it %s later: look whether %s is "+
		"still listed there; a minute after its create it ends by itself", endPatience, p.id), took)
}

// over tells whether the meeting is.
func (p *probe) over(ctx context.Context) bool {
	answer, _, err := p.info(ctx)
	if refused, ok := errors.AsType[*bbb.Error](err); ok {
		return refused.Key == bbb.ErrMeetingNotFound.Key
	}
	endTime := answer.Get("endTime")
	return err == nil && (answer.Get("hasBeenForciblyEnded") == "true" || endTime != "" && endTime != "0")
}

// wait waits, unless ctx ends before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask makes a call and reads the head of its answer. A FAILED is an error, too.
func (t *trial) ask(ctx context.Context, call string, q bbb.Params) (*bbb.Reply, bbb.Answer, time.Duration, error) {
	reply, took, err := t.do(ctx, t.client, call, q.Encode())
	if err != nil {
		return nil, bbb.Answer{}, took, err
	}
	answer, err := reply.Answer(call)
	return reply, answer, took, cmp.Or(err, asError(answer))
}
