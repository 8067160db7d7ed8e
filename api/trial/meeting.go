package trial

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// meeting holds a probe meeting with a recording flag, of which nothing is recorded, and ends it whatever happens.
func (t *trial) meeting(ctx context.Context) {
	p := newProbe(t.caller, true)
	t.steps.begin("create")
	took, err := p.create(ctx)
	if t.addError("create", err, took) {
		p.abandon(ctx)
		return
	}
	t.setExactSkew(p.created, took)
	t.add("create", Pass, "a meeting was created", took)
	defer t.checkEnd(ctx, p)
	t.steps.begin("join")
	took, err = p.join(ctx)
	if t.addError("join", err, took) {
		return
	}
	t.add("join", Pass, "somebody could join it", took)
	t.checkInfo(ctx, p)
	t.checkList(ctx, p)
}

// setExactSkew takes the difference between the clocks from the meeting's createTime, which has milliseconds. It was set
// while the call lasted; what that may explain is no difference.
func (t *trial) setExactSkew(created bbb.CreateAnswer, took time.Duration) {
	if created.CreateTime == 0 {
		return
	}
	skew := time.UnixMilli(created.CreateTime).Sub(t.now().Add(-took / 2))
	if skew.Abs() <= took/2+time.Millisecond {
		skew = 0
	}
	t.timed, t.skew = true, skew
}

// checkInfo checks that the server shows the meeting as it was created.
func (t *trial) checkInfo(ctx context.Context, p *probe) {
	t.steps.begin("info")
	answer, took, err := p.info(ctx)
	if t.addError("info", err, took) {
		return
	}
	const todo = ": check that nothing between here and the server answers in its place or caches"
	switch id, internal := answer.Get("meetingID"), answer.Get("internalMeetingID"); {
	case id != p.id || internal != p.created.InternalID:
		t.add("info", Fail, fmt.Sprintf("the server shows another meeting than it created, %q%s", clean(id, maxQuote), todo), took)
		return
	case answer.Get("hasBeenForciblyEnded") == "true":
		t.add("info", Fail, "the server shows the meeting as ended right after it was created"+todo, took)
		return
	}
	t.add("info", Pass, "the meeting is shown as it was created", took)
	if answer.Get("recording") != "true" {
		t.add("recording", Warning, "the server does not record, whatever front ends want: "+
			"set disableRecordingDefault=false in its bbb-web.properties, if it should", 0)
		return
	}
	t.add("recording", Pass, "the server would record a meeting that wants it", 0)
}

// checkList checks that the meeting is among all meetings, which is how the pool sees it, with its metadata, by which
// the pool tells tenants apart.
func (t *trial) checkList(ctx context.Context, p *probe) {
	t.steps.begin("list")
	list, took, err := p.getMeetings(ctx)
	if t.addError("list", err, took) {
		return
	}
	t.polls = append(t.polls, took)
	for _, m := range list.Meetings {
		if m.MeetingID != p.id || m.InternalID != p.created.InternalID {
			continue
		}
		switch {
		case !bytes.Contains(m.Raw, []byte("<"+bbb.ProbeMark+">")):
			t.add("list", Warning, "the server lists the meeting without its metadata, so the pool cannot tell tenants apart: "+
				"check the version of BigBlueButton there", took)
		case list.Broken > 0:
			t.add("list", Warning, fmt.Sprintf("%s of the server cannot be read: end what has no ID there",
				counted(list.Broken, "meeting", "meetings")), took)
		default:
			t.add("list", Pass, "the meeting is among "+counted(len(list.Meetings), "meeting", "meetings"), took)
		}
		return
	}
	t.add("list", Fail, "the meeting is missing from getMeetings, so the pool would not see it: "+
		"check that nothing between here and the server caches, and that only one server answers at this address", took)
}

// shownAfterEnd is how long a meeting may be shown after its end: BigBlueButton takes a few seconds.
const shownAfterEnd = 10 * time.Second

// checkEnd ends the meeting and looks whether it did.
func (t *trial) checkEnd(ctx context.Context, p *probe) {
	t.steps.begin("end")
	took, err := p.end(ctx)
	if t.addError("end", err, took) {
		return
	}
	const pause = 250 * time.Millisecond
	for i := range shownAfterEnd / pause {
		if i > 0 && !wait(ctx, pause) || ctx.Err() != nil {
			t.add("end", Pass, "the server took the end of the meeting", took)
			return
		}
		if p.over(ctx) {
			t.add("end", Pass, "the meeting has ended", took)
			return
		}
	}
	t.add("end", Warning, fmt.Sprintf("the server took the end of the meeting, and has not ended it %s later: look whether %s is "+
		"still listed there; a minute after its create it ends by itself", shownAfterEnd, p.id), took)
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
