package gateway

import (
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
)

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
	if c.page == nil || !strings.Contains(c.r.Header.Get("Accept"), "text/html") {
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
