package bbb

import (
	"fmt"
	"net/http"
	"time"
)

// Reply is what a server said, whatever it was.
type Reply struct {
	Status      int
	ContentType string
	Location    string // where a redirect leads
	Body        []byte
	Date        time.Time // what the server, or nginx before it, took for now; to the second; zero where it did not say
	Expires     time.Time // when its certificate does; zero over http
}

// What replies tell of a server, and people should hear of.
const (
	// MaxClockSkew is how far its clock may be from ours.
	MaxClockSkew = 5 * time.Second
	// RenewCertificate is how long its certificate must live still.
	RenewCertificate = 14 * 24 * time.Hour
)

// Skew is the server's clock minus ours, in whole seconds, by the reply to a call that we began and ended at these times.
// It is 0 where the reply does not tell: it has no Date, or the difference may as well come from the length of the call,
// and from Date having no fractions of a second. Beyond a year it is a year, ahead or behind.
func (r *Reply) Skew(began, ended time.Time) time.Duration {
	if r.Date.IsZero() {
		return 0
	}
	const fraction = time.Second / 2
	half := ended.Sub(began) / 2
	skew := r.Date.Add(fraction).Sub(began.Add(half))
	if skew.Abs() <= half+fraction {
		return 0
	}
	return min(max(skew.Round(time.Second), -farthest), farthest)
}

// farthest is as far as clocks may be apart. What is said beyond that may be any date, and overflows what is made of it.
const farthest = 365 * 24 * time.Hour

// Answer reads the head of the reply to a call. It fails with a *CallError where that is not BigBlueButton's.
func (r *Reply) Answer(call string) (Answer, error) {
	answer, err := ParseAnswer(r.Body)
	if err != nil {
		return Answer{}, &CallError{Call: call, Reason: NotBBB, Status: r.Status, Err: err}
	}
	return answer, nil
}

// reply sorts out replies that are none.
func (r received) reply(call string) (*Reply, error) {
	status, limit := r.resp.StatusCode, maxAnswer(call)
	switch {
	case int64(len(r.body)) > limit:
		err := fmt.Errorf("more than %d MiB", limit>>20)
		return nil, &CallError{Call: call, Reason: TooLarge, Status: status, Err: err}
	case status >= 500, status >= 400 && !turnedDown(call, status):
		err := fmt.Errorf("%d %s", status, http.StatusText(status))
		return nil, &CallError{Call: call, Reason: Status, Status: status, Err: err}
	}
	header := r.resp.Header
	reply := &Reply{
		Status: status, ContentType: header.Get("Content-Type"), Location: header.Get("Location"),
		Body: r.body, Date: date(header),
	}
	if state := r.resp.TLS; state != nil && len(state.PeerCertificates) > 0 {
		reply.Expires = state.PeerCertificates[0].NotAfter
	}
	return reply, nil
}

// date reads when a reply was made. The zero time is for one that does not say, or says what nobody understands.
func date(header http.Header) time.Time {
	t, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
