package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/placement"
)

// joins sends people to their meetings.
type joins struct {
	ledger  *placement.Ledger
	servers Servers
	refused *refusals
	metrics *counts.Metrics
	people  func(string) placement.Person // tells people apart
}

// joinWait is how long a join waits for a create of its meeting that is under way.
const joinWait = 20 * time.Second

// join sends a browser to the server that has the meeting, with a signature that this server accepts. It touches
// neither the store nor the server: the cookie that the session needs has to be set on the server's own host.
func (j *joins) join(ctx context.Context, c *call) error {
	params := &c.req.Params
	if err := bbb.CheckMeetingID(c.key.MeetingID); err != nil {
		return err
	}
	if params.Get("fullName") == "" {
		return bbb.ErrMissingFullName
	}
	found, known, err := locate(ctx, j.ledger, c, joinWait)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return j.failed(counts.JoinSlow, errJoinSlow)
	case err != nil:
		return err
	case c.hearsay && (!known || found.Standing == placement.Gone):
		return errMoved
	case !known:
		return j.unknown(c)
	}
	c.setClaim(found.Claim)
	client := j.servers.Client(c.server)
	if found.Standing == placement.Gone || client == nil {
		return j.failed(counts.JoinOffline, errJoinOffline)
	}
	if err := j.ledger.Admit(c.key, j.person(params), c.caller.Limits); err != nil {
		return j.full(c, err)
	}
	c.caller.Rules.Join.Apply(params)
	if c.alias != "" || found.Claim.Breakout {
		params.Set("meetingID", c.onServer())
	}
	c.redirect(client.URL("join", params.Encode()), "redirect")
	return nil
}

// unknown answers a join of a meeting that is nowhere. If no server could take it that is what people are told.
func (j *joins) unknown(c *call) error {
	if why := j.refused.why(c.key, time.Now()); why != nil {
		return j.failed(counts.JoinRefused, why)
	}
	return j.failed(counts.JoinUnknown, bbb.ErrJoinUnknown)
}

// failed counts why a join does not get through.
func (j *joins) failed(cause string, told *bbb.Error) error {
	j.metrics.JoinFailures(cause).Inc()
	return told
}

// person is who a join is of: the front end's ID for the user, else the link itself.
func (j *joins) person(params *bbb.Params) placement.Person {
	if id := params.Get("userID"); id != "" {
		return j.people(id)
	}
	return j.people(params.Encode())
}

// joinFailed sends a browser, which has a person behind it, to where the front end wants errors shown: with the error
// as BigBlueButton appends it. Only a verified request can say where that is; everybody else gets a page of our own.
func (c *call) joinFailed(e *bbb.Error) {
	target := ""
	if c.tenant != "" {
		target = errorTarget(c.req.Params)
	}
	if target == "" && c.showJoinFailed(e) {
		return
	}
	if target == "" {
		target = c.origin() + "/"
	}
	list, err := json.Marshal([]map[string]string{{"key": e.Key, "message": e.Message}})
	if err != nil {
		list = []byte("[]")
	}
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	c.redirect(target+sep+"errors="+strings.ReplaceAll(url.QueryEscape(string(list)), "+", "%20"), e.Key)
}

// errorTarget is where a front end wants the errors of a join shown, or "".
func errorTarget(params bbb.Params) string {
	blank := strings.NewReplacer("%%MEETINGID%%", "", "%%USERID%%", "", "%%USERNAME%%", "")
	for _, name := range []string{"errorRedirectUrl", "logoutURL"} {
		u, err := url.Parse(blank.Replace(params.Get(name)))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			continue
		}
		u.Fragment, u.RawFragment, u.RawQuery = "", "", escape(u.RawQuery)
		return u.String()
	}
	return ""
}

// escape encodes what may not stand in the query of an address, and leaves what is encoded as it is.
func escape(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Page writes a page for people: what did not work, and what to do about it.
type Page func(w http.ResponseWriter, r *http.Request, status int, title, text string)

// joinPage is what such a page says of a join.
type joinPage struct {
	status      int
	title, text string
}

// joinPages are the pages for what a person can do something about.
var joinPages = map[*bbb.Error]joinPage{
	bbb.ErrJoinUnknown: {
		http.StatusNotFound, "This meeting is not running",
		"It may not have started yet, or be over already. Go back and try again in a moment, or ask whoever invited you.",
	},
	errJoinOffline: {
		http.StatusServiceUnavailable, "The server of this meeting does not answer",
		"The meeting was interrupted. Go back to the page that you came from and start the meeting again: " +
			"it gets another server.",
	},
	errJoinSlow: {
		http.StatusServiceUnavailable, "The meeting is just being started",
		"This takes longer than usual. Go back and try again in a few seconds.",
	},
	errFull: {
		http.StatusServiceUnavailable, "All servers are full",
		"There is no room for this meeting at the moment. Try again in a few minutes.",
	},
	errNoTag: {
		http.StatusServiceUnavailable, "No server is fit for this meeting",
		"It asks for a kind of server that is not there at the moment. Tell whoever looks after your meetings.",
	},
	errMeetings: {
		http.StatusServiceUnavailable, "There are too many meetings",
		"As many are running as are allowed at once. Try again when one of them is over.",
	},
	errPerHour: {
		http.StatusServiceUnavailable, "Too many meetings were started",
		"As many were started within an hour as are allowed. Try again later.",
	},
	errMeetingPeople: {
		http.StatusForbidden, "This meeting is full",
		"As many people are in it as are allowed. Try again when somebody has left.",
	},
	errPeople: {
		http.StatusForbidden, "All meetings are full",
		"As many people are in them as are allowed at once. Try again when somebody has left.",
	},
	errTooMany: {
		http.StatusTooManyRequests, "Too many at once",
		"Everybody is joining at the same moment. Go back and try again in a few seconds.",
	},
	errNoLeader: {
		http.StatusServiceUnavailable, "One moment, please",
		"Something is just being taken over by another machine. Go back and try again in a few seconds.",
	},
	bbb.ErrUnavailable: {
		http.StatusServiceUnavailable, "No server can take this meeting",
		"Go back and try again in a few seconds. If that does not help, tell whoever looks after your meetings.",
	},
	bbb.ErrChecksum: {
		http.StatusForbidden, "This link is not valid",
		"It may have been cut off or changed. Go back to the page that it came from and follow it again.",
	},
	bbb.ErrMissingFullName: {
		http.StatusBadRequest, "Your name is missing",
		"The link does not say who you are. Go back and enter your name.",
	},
	bbb.ErrInternal: {
		http.StatusInternalServerError, "Something went wrong here",
		"This is not your fault. Go back and try again in a moment.",
	},
}

// otherPage is for everything else: a front end has made a link that no join can be.
var otherPage = joinPage{
	http.StatusBadRequest, "This link does not work",
	"Go back to the page that it came from and try again. If that does not help, tell whoever looks after that page.",
}

// showJoinFailed writes a page for a person, and tells whether there is one to write it for: who takes HTML is a browser,
// anybody else a program, which gets what BigBlueButton sends.
func (c *call) showJoinFailed(e *bbb.Error) bool {
	if !strings.Contains(c.r.Header.Get("Accept"), "text/html") {
		return false
	}
	p, ok := joinPages[e]
	if !ok {
		p = otherPage
	}
	c.status = p.status
	c.page(c.w, c.r, p.status, p.title, p.text)
	return true
}
