package gateway

import (
	"context"
	"encoding/json"
	"errors"
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
		return g.joinUnknown(err)
	}
	c.on(found.Claim)
	client := g.Pool.Client(c.server)
	if found.Standing == placement.Gone || client == nil {
		g.Metrics.joinFailure("offline")
		return bbb.ErrJoinUnknown
	}
	g.Ledger.Joined(c.key, g.person(params))
	g.Config.Params.join.apply(params)
	c.redirect(client.URL("join", params.Encode()), "redirect")
	return nil
}

// joinUnknown counts why a meeting was not found.
func (g *Gateway) joinUnknown(err error) error {
	switch {
	case errors.Is(err, placement.ErrUnknown):
		g.Metrics.joinFailure("unknown")
		return bbb.ErrJoinUnknown
	case errors.Is(err, context.DeadlineExceeded):
		g.Metrics.joinFailure("slowCreate")
		return bbb.ErrUnavailable
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
// as BigBlueButton appends it. Only a verified request can say where that is; everybody else gets our own page.
func (c *call) joinFailed(e *bbb.Error) {
	target := "/"
	if c.tenant != "" {
		target = errorTarget(c.req.Params)
	}
	list, err := json.Marshal([]map[string]string{{"key": e.Key, "message": e.Message}})
	if err != nil {
		list = []byte("[]")
	}
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	c.redirect(target+sep+"errors="+url.QueryEscape(string(list)), e.Key)
}

func errorTarget(params bbb.Params) string {
	for _, name := range []string{"errorRedirectUrl", "logoutURL"} {
		u, err := url.Parse(params.Get(name))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			continue
		}
		u.Fragment = ""
		return strings.NewReplacer("%%MEETINGID%%", "", "%%USERID%%", "", "%%USERNAME%%", "").Replace(u.String())
	}
	return "/"
}
