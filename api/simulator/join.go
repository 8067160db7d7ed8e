package simulator

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
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

// join lets somebody in and sends the browser to the client.
func (s *Server) join(w http.ResponseWriter, q *bbb.Request) {
	p := q.Params
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(p.Get("meetingID"))
	if err := checkJoin(p, m); err != nil {
		s.redirectError(w, p, err)
		return
	}
	if again := m.byInternal(p.Get("existingUserID")); again != nil {
		s.admitSession(again)
		s.redirectClient(w, p, again)
		return
	}
	if given := p.Get("createTime"); given != "" && given != strconv.FormatInt(m.created.UnixMilli(), 10) {
		s.joinError(w, p, errCreateTime)
		return
	}
	moderator, err := roleOf(p, m)
	if err != nil {
		fail(w, err)
		return
	}
	if m.isFull(p) {
		s.joinError(w, p, errMaxParticipants)
		return
	}
	someone := newPerson(m, p, moderator)
	status := m.guestStatus(p, moderator)
	if status == deny {
		s.joinError(w, p, errGuestDenied)
		return
	}
	s.letIn(someone, status)
	if truth(p.Get("redirect"), true) {
		s.redirectClient(w, p, someone)
		return
	}
	s.setCookie(w)
	succeed(w, bbb.Success().Message("successfullyJoined", "You have joined successfully.").
		Text("meeting_id", m.internal).Text("user_id", someone.internal).
		Text("auth_token", randomText(12, lowercase)).Text("session_token", someone.session).
		Text("guestStatus", status).Text("url", s.clientURL(p, someone)))
}

// checkJoin tells what is wrong with a join, or nil.
func checkJoin(p bbb.Params, m *meeting) *bbb.Error {
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
	case m.isEnded():
		return errEnded
	}
	return nil
}

// roleOf finds the role of somebody who joins, by name or by password.
func roleOf(p bbb.Params, m *meeting) (moderator bool, err *bbb.Error) {
	switch role := p.Get("role"); {
	case strings.EqualFold(role, "moderator"):
		return true, nil
	case strings.EqualFold(role, "viewer"):
		return false, nil
	}
	switch password := p.Get("password"); {
	case password == "":
		return false, errNoRole
	case same(password, m.moderatorPW):
		return true, nil
	case same(password, m.attendeePW):
		return false, nil
	}
	return false, errWrongPassword
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// isFull counts people by the IDs that their front ends know them by: who is in may come again.
func (m *meeting) isFull(p bbb.Params) bool {
	if len(m.people)+len(m.arriving)+len(m.waiting) >= MaxPeople {
		return true
	}
	if m.maxUsers == 0 || truth(p.Get("bot"), false) {
		return false
	}
	users := map[string]bool{}
	for _, list := range [][]*person{m.people, m.arriving} {
		for _, someone := range list {
			users[someone.userID] = true
		}
	}
	return len(users) >= m.maxUsers && !users[p.Get("userID")]
}

func newPerson(m *meeting, p bbb.Params, moderator bool) *person {
	internal := "w_" + randomText(12, lowercase)
	someone := &person{
		meeting: m, internal: internal, name: strings.Clone(p.Get("fullName")), moderator: moderator,
		userID: strings.Clone(or(p.Get("userID"), internal)), guest: truth(p.Get("guest"), false),
	}
	for _, param := range p {
		if name, ok := strings.CutPrefix(param.Name, "userdata-"); ok && bbb.ValidName(name) {
			someone.custom = set(someone.custom, strings.Clone(name), strings.Clone(param.Value))
		}
	}
	if link := or(p.Get("logoutURL"), m.logoutURL); isURL(link) {
		someone.logoutURL = strings.NewReplacer("%%MEETINGID%%", m.internal, "%%USERID%%", internal,
			"%%USERNAME%%", url.QueryEscape(someone.name)).Replace(link)
	}
	return someone
}

// What becomes of somebody who joins.
const (
	allow = "ALLOW"
	wait  = "WAIT"
	deny  = "DENY"
)

func (m *meeting) guestStatus(p bbb.Params, moderator bool) string {
	guest := truth(p.Get("guest"), false)
	authenticated := truth(p.Get("auth"), !p.Has("guest"))
	switch {
	case moderator:
		return allow
	case m.guestPolicy == "ALWAYS_DENY":
		return deny
	case m.guestPolicy == "ASK_MODERATOR" && (guest || !authenticated || !m.authGuests):
		return wait
	case m.guestPolicy == "ALWAYS_ACCEPT_AUTH" && !authenticated:
		return wait
	}
	return allow
}

// letIn gives somebody a session and, unless they have to wait, a place in the meeting, now or once they arrive. The
// caller holds s.mu.
func (s *Server) letIn(p *person, status string) {
	m := p.meeting
	s.admitSession(p)
	now := s.sim.cfg.Now()
	switch delay := s.sim.cfg.Life.JoinDelay; {
	case status == wait:
		p.arrives = now.Add(guestPatience)
		m.waiting = append(m.waiting, p)
	case delay > 0:
		p.arrives = now.Add(delay)
		m.arriving = append(m.arriving, p)
	default:
		m.enter(p)
	}
}

// guestPatience is how long a guest waits at the door.
const guestPatience = 30 * time.Second

func (s *Server) admitSession(p *person) {
	delete(s.sessions, p.session)
	p.session = randomText(16, lowercase)
	s.sessions[p.session] = p
}

// byInternal finds somebody who is in the meeting, or nil.
func (m *meeting) byInternal(id string) *person {
	if id == "" {
		return nil
	}
	for _, p := range m.people {
		if p.internal == id {
			return p
		}
	}
	return nil
}

func (s *Server) clientURL(p bbb.Params, someone *person) string {
	if p.Get("enforceLayout") != "" {
		return s.origin + "/html5client?waitLayout=1&sessionToken=" + someone.session
	}
	return s.origin + "/html5client?sessionToken=" + someone.session
}

func (s *Server) setCookie(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // not secure: there is no TLS here
		Name: "JSESSIONID", Value: strings.ToUpper(randomText(32, "0123456789abcdef")), Path: "/bigbluebutton",
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (s *Server) redirectClient(w http.ResponseWriter, p bbb.Params, someone *person) {
	s.setCookie(w)
	redirect(w, s.clientURL(p, someone))
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// joinError answers with XML if the caller wants no redirect.
func (s *Server) joinError(w http.ResponseWriter, p bbb.Params, e *bbb.Error) {
	if truth(p.Get("redirect"), true) {
		s.redirectError(w, p, e)
		return
	}
	fail(w, e)
}

var noTokens = strings.NewReplacer("%%MEETINGID%%", "", "%%USERID%%", "", "%%USERNAME%%", "")

// redirectError sends the browser away with the error in the query.
func (s *Server) redirectError(w http.ResponseWriter, p bbb.Params, e *bbb.Error) {
	target := s.origin
	for _, name := range []string{"logoutURL", "errorRedirectUrl"} { // the latter wins
		if link := noTokens.Replace(p.Get(name)); isURL(link) {
			target = link
		}
	}
	type entry struct {
		Key     string `json:"key"`
		Message string `json:"message"`
	}
	list := encode([]entry{{e.Key, e.Message}})
	u, err := url.Parse(target)
	if err != nil {
		fail(w, e)
		return
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "errors=" + url.QueryEscape(string(list))
	redirect(w, u.String())
}
