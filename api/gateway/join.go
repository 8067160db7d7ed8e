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
	"github.com/bbbpool/bbbpool/placement"
)

// joinPatience is how long a join waits for a create of its meeting that is under way.
const joinPatience = 20 * time.Second

// join sends a browser to the server that has the meeting, with a signature that this server accepts. It touches
// neither the store nor the server: the cookie that the session needs has to be set on the server's own host.
func (g *Gateway) join(ctx context.Context, c *call) error {
	params := &c.req.Params
	if err := bbb.CheckMeetingID(c.key.MeetingID); err != nil {
		return err
	}
	if params.Get("fullName") == "" {
		return bbb.ErrMissingFullName
	}
	found, err := g.find(ctx, c, joinPatience)
	if err != nil {
		return g.joinUnknown(c, err)
	}
	c.on(found.Claim)
	client := g.Pool.Client(c.server)
	if found.Standing == placement.Gone || client == nil {
		g.Metrics.joinFailures(joinOffline).Inc()
		return errJoinOffline
	}
	g.Ledger.Joined(c.key, g.person(params))
	g.Config.Params.join.apply(params)
	c.redirect(client.URL("join", params.Encode()), "redirect")
	return nil
}

// The errors of joins that BigBlueButton has no words for.
var (
	errJoinOffline = &bbb.Error{
		Key: bbb.ErrUnavailable.Key, Message: "The server of this meeting does not answer. The meeting can be created again.",
	}
	errJoinSlow = &bbb.Error{
		Key: bbb.ErrUnavailable.Key, Message: "The meeting is still being created. Please try again in a few seconds.",
	}
)

// joinUnknown counts why a meeting was not found. If no server could take it that is what people are told.
func (g *Gateway) joinUnknown(c *call, err error) error {
	switch why := g.refused.why(c.key, time.Now()); {
	case errors.Is(err, placement.ErrUnknown) && why != nil:
		g.Metrics.joinFailures(joinRefused).Inc()
		return why
	case errors.Is(err, placement.ErrUnknown):
		g.Metrics.joinFailures(joinUnknown).Inc()
		return bbb.ErrJoinUnknown
	case errors.Is(err, context.DeadlineExceeded):
		g.Metrics.joinFailures(joinSlow).Inc()
		return errJoinSlow
	}
	return err
}

func (c *call) redirect(target, outcome string) {
	c.outcome, c.status = outcome, http.StatusFound
	h := c.w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusFound)
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
		target = origin(c.r) + "/"
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
