package trial

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// caller makes the calls to a server, each in its time, and measures what they take.
type caller struct {
	client  *bbb.Client
	timeout time.Duration // of each call
	now     func() time.Time
}

// getMeetings asks for the server's meetings.
func (c caller) getMeetings(ctx context.Context) (bbb.Listing, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := c.now()
	list, err := c.client.Meetings(ctx)
	took := c.now().Sub(began)
	if list.Reply != nil {
		if _, notBBB := list.Answer("getMeetings"); notBBB != nil {
			err = notBBB
		}
	}
	return list, took, err
}

// do makes a call within its time.
func (c caller) do(ctx context.Context, call, query string) (*bbb.Reply, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := c.now()
	reply, err := c.client.Do(ctx, call, query, "", nil)
	return reply, c.now().Sub(began), err
}

// ask makes a call and reads the head of its answer. A FAILED is an error, too.
func (c caller) ask(ctx context.Context, call string, q bbb.Params) (*bbb.Reply, bbb.Answer, time.Duration, error) {
	reply, took, err := c.do(ctx, call, q.Encode())
	if err != nil {
		return nil, bbb.Answer{}, took, err
	}
	answer, err := reply.Answer(call)
	return reply, answer, took, cmp.Or(err, asError(answer))
}

// probe is a probe meeting.
type probe struct {
	caller

	id       string
	password string // of its moderators
	record   bool
	sent     bool // the create was
	created  bbb.CreateAnswer
}

// newProbe makes up a meeting. Its ID is nobody's, whatever happens on the server meanwhile.
func newProbe(c caller, record bool) *probe {
	return &probe{caller: c, id: bbb.ProbePrefix + strings.ToLower(rand.Text()), password: rand.Text(), record: record}
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
		{"meta_" + bbb.ProbeMark, "true"},
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
	return took, nil
}

// join lets a moderator in who never connects. A server that sends him on to its client is fine, too.
func (p *probe) join(ctx context.Context) (time.Duration, error) {
	var q bbb.Params
	q.Set("meetingID", p.id)
	q.Set("fullName", "bbbpool")
	q.Set("role", "MODERATOR")
	q.Set("password", p.password)
	q.Set("redirect", "false")
	reply, took, err := p.do(ctx, "join", q.Encode())
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

func (p *probe) info(ctx context.Context) (bbb.Answer, time.Duration, error) {
	var q bbb.Params
	q.Set("meetingID", p.id)
	_, answer, took, err := p.ask(ctx, "getMeetingInfo", q)
	return answer, took, err
}

// endTimeout is what the end of a meeting may take, when the trial itself is over.
const endTimeout = 5 * time.Second

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

// over tells whether the meeting is.
func (p *probe) over(ctx context.Context) bool {
	answer, _, err := p.info(ctx)
	if refused, ok := errors.AsType[*bbb.Error](err); ok {
		return refused.Key == bbb.ErrMeetingNotFound.Key
	}
	endTime := answer.Get("endTime")
	return err == nil && (answer.Get("hasBeenForciblyEnded") == "true" || endTime != "" && endTime != "0")
}

// seenAtOnce is how many servers are asked for a meeting at the same time.
const seenAtOnce = 8

// Seen tells through which of some addresses a server is reached as well: it holds a meeting at the target, of which
// nothing is recorded, and asks for it at each of the others. The algorithms of all must be known. It returns the
// positions, in order; those that do not answer before ctx ends are not among them. An error says that nothing is known.
func Seen(ctx context.Context, target Target, others []bbb.Endpoint) ([]int, error) {
	at := func(e bbb.Endpoint) caller { return caller{target.NewClient(e), callTimeout, time.Now} }
	p := newProbe(at(target.Endpoint), false)
	defer p.abandon(ctx)
	if _, err := p.create(ctx); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var seen []int
	var asking sync.WaitGroup
	slots := make(chan struct{}, seenAtOnce)
	for i, other := range others {
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answer, _, err := (&probe{caller: at(other), id: p.id}).info(ctx)
			if err == nil && answer.Get("internalMeetingID") == p.created.InternalID {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, i)
			}
		})
	}
	asking.Wait() // who does not answer tells nothing
	slices.Sort(seen)
	return seen, nil
}
