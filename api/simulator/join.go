package simulator

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// The errors of join.
var (
	errEnded = &bbb.Error{
		Key: "meetingForciblyEnded", Message: "You can not join a meeting that has already been forcibly ended",
	}
	errGuest      = &bbb.Error{Key: "validationError", Message: "Guest must be a boolean value (true or false)"}
	errAuth       = &bbb.Error{Key: "validationError", Message: "Auth must be a boolean value (true or false)"}
	errCreateTime = &bbb.Error{
		Key: "mismatchCreateTimeParam", Message: "The createTime parameter submitted mismatches with the current meeting.",
	}
	errMaxParticipants = &bbb.Error{
		Key: "maxParticipantsReached", Message: "The number of participants allowed for this meeting has been reached.",
	}
	errGuestDenied = &bbb.Error{
		Key:     "guestDeniedAccess",
		Message: "You have been denied access to this meeting based on the meeting's guest policy",
	}
	errWrongPassword = &bbb.Error{Key: "Params required", Message: "You must enter a valid password"}
	errNoRole        = &bbb.Error{
		Key: "Params required",
		Message: "You must either send the valid role of the user, or the password, " +
			"sould the meeting has one.", //nolint:misspell // sic
	}
)

// joinCall is the call that browsers make.
type joinCall struct {
	holdings *holdings
	browser  browser
	life     Settings
	now      func() time.Time
}

// join lets somebody in and sends the browser to the client.
func (c *joinCall) join(w http.ResponseWriter, q *bbb.Request, from rooms.Origin) {
	p := q.Params
	held, unlock := c.holdings.lock()
	defer unlock()
	m := held.rooms.Find(p.Get("meetingID"))
	if err := checkJoin(p, m); err != nil {
		c.browser.redirectError(w, p, err)
		return
	}
	if again := m.People.Find(p.Get("existingUserID")); again != nil {
		held.rooms.Renew(again)
		c.browser.redirectClient(w, p, again)
		return
	}
	if given := p.Get("createTime"); given != "" && given != strconv.FormatInt(m.Created.UnixMilli(), 10) {
		c.browser.joinError(w, p, errCreateTime)
		return
	}
	moderator, err := roleOf(p, m)
	if err != nil {
		fail(w, err)
		return
	}
	limit := m.MaxUsers
	if truth(p.Get("bot"), false) {
		limit = 0
	}
	if m.People.IsFull(limit, p.Get("userID")) {
		c.browser.joinError(w, p, errMaxParticipants)
		return
	}
	someone := newPerson(m, p, moderator)
	someone.From = from
	status := guestStatus(m, p, moderator)
	if status == deny {
		c.browser.joinError(w, p, errGuestDenied)
		return
	}
	held.rooms.LetIn(someone, c.now(), c.life.JoinDelay, status == wait)
	if truth(p.Get("redirect"), true) {
		c.browser.redirectClient(w, p, someone)
		return
	}
	c.browser.setCookie(w)
	succeed(w, bbb.Success().Message("successfullyJoined", "You have joined successfully.").
		Text("meeting_id", m.Internal).Text("user_id", someone.Internal).
		Text("auth_token", rooms.RandomText(12, rooms.Lowercase)).Text("session_token", someone.Session).
		Text("guestStatus", status).Text("url", c.browser.clientURL(p, someone)))
}

// checkJoin tells what is wrong with a join, or nil.
func checkJoin(p bbb.Params, m *rooms.Meeting) *bbb.Error {
	err := bbb.CheckMeetingID(p.Get("meetingID"))
	switch {
	case err != nil:
		return err
	case p.Get("fullName") == "":
		return bbb.ErrMissingFullName
	case !validPassword(p.Get("password")):
		return errPassword
	case !emptyOr(p.Get("guest"), isBoolean):
		return errGuest
	case !emptyOr(p.Get("auth"), isBoolean):
		return errAuth
	case m == nil:
		return bbb.ErrJoinUnknown
	case m.IsOver():
		return errEnded
	}
	return nil
}

// roleOf finds the role of somebody who joins, by name or by password.
func roleOf(p bbb.Params, m *rooms.Meeting) (moderator bool, err *bbb.Error) {
	switch role := p.Get("role"); {
	case strings.EqualFold(role, "moderator"):
		return true, nil
	case strings.EqualFold(role, "viewer"):
		return false, nil
	}
	switch password := p.Get("password"); {
	case password == "":
		return false, errNoRole
	case same(password, m.ModeratorPW):
		return true, nil
	case same(password, m.AttendeePW):
		return false, nil
	}
	return false, errWrongPassword
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// newPerson is somebody as the parameters of a join describe them.
func newPerson(m *rooms.Meeting, p bbb.Params, moderator bool) *rooms.Person {
	internal := rooms.RandomUserID()
	someone := &rooms.Person{
		Meeting: m, Internal: internal, Name: strings.Clone(p.Get("fullName")), Moderator: moderator,
		Guest:  truth(p.Get("guest"), false),
		UserID: strings.Clone(cmp.Or(p.Get("userID"), internal)),
	}
	for _, param := range p {
		if name, ok := strings.CutPrefix(param.Name, "userdata-"); ok && bbb.ValidName(name) {
			someone.Custom = someone.Custom.With(strings.Clone(name), strings.Clone(param.Value))
		}
	}
	if link := cmp.Or(p.Get("logoutURL"), m.LogoutURL); rooms.IsURL(link) {
		someone.LogoutURL = strings.NewReplacer("%%MEETINGID%%", m.Internal, "%%USERID%%", internal,
			"%%USERNAME%%", url.QueryEscape(someone.Name)).Replace(link)
	}
	return someone
}

// What becomes of somebody who joins.
const (
	allow = "ALLOW"
	wait  = "WAIT"
	deny  = "DENY"
)

// guestStatus says what becomes of somebody who joins.
func guestStatus(m *rooms.Meeting, p bbb.Params, moderator bool) string {
	guest := truth(p.Get("guest"), false)
	authenticated := truth(p.Get("auth"), !p.Has("guest"))
	switch {
	case moderator:
		return allow
	case m.GuestPolicy == "ALWAYS_DENY":
		return deny
	case m.GuestPolicy == "ASK_MODERATOR" && (guest || !authenticated || !m.AuthGuests):
		return wait
	case m.GuestPolicy == "ALWAYS_ACCEPT_AUTH" && !authenticated:
		return wait
	}
	return allow
}
