package simulator

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// The errors of create that have no place in package bbb.
var (
	errPassword    = &bbb.Error{Key: "invalidPassword", Message: "Invalid password"}
	errVoiceBridge = &bbb.Error{Key: "validationError", Message: "Voice bridge must be an integral value"}
	errRecord      = &bbb.Error{Key: "validationError", Message: "Record must be a boolean value (true or false)"}
	errBreakout    = &bbb.Error{
		Key: "validationError", Message: "You must provide a boolean value (true or false) for the breakout room",
	}
	errUploadURL = &bbb.Error{
		Key: "validationError", Message: "Param 'presentationUploadExternalUrl' is not a valid URL",
	}
	errNotUnique = &bbb.Error{
		Key: "idNotUnique", Message: "A meeting already exists with that meeting ID.  Please use a different meeting ID.",
	}
	errParentMissing = &bbb.Error{
		Key: "parentMeetingIDMissing", Message: "No parent meeting ID was provided for the breakout room",
	}
	errParentUnknown = &bbb.Error{
		Key: "parentMeetingDoesNotExist", Message: "No parent meeting exists for the breakout room",
	}
	errFileName    = &bbb.Error{Key: "fileNameError", Message: "Cannot decode the uploaded file name"}
	errNotesEditor = &bbb.Error{
		Key: "invalidSharedNotesEditor", Message: "sharedNotesEditor must be either etherpad or blockNote",
	}
	errVoiceBridgeUse = &bbb.Error{
		Key: "nonUniqueVoiceBridge", Message: "The selected voice bridge is already in use.",
	}
	// errFull is our own: a real server has no limit.
	errFull = &bbb.Error{
		Key: "maxMeetingsReached", Message: "This simulated server has as many meetings as it may have",
	}
)

var (
	integral = regexp.MustCompile(`^[+-]?[0-9]{1,10}$`)
	metaName = regexp.MustCompile(`^meta_[A-Za-z][A-Za-z0-9-]*$`)
)

// create makes a meeting, or finds the one that is there.
func (s *Server) create(w http.ResponseWriter, q *bbb.Request) {
	if err := checkCreate(q.Params); err != nil {
		fail(w, err)
		return
	}
	mods, err := readModules(q.Body)
	sequence, badSequence := sequenceOf(q.Params)
	if err != nil || badSequence {
		failPage(w, http.StatusInternalServerError)
		return
	}
	documents, failed := documentsOf(mods, q.Params)
	if failed != nil {
		fail(w, failed)
		return
	}
	m := s.newMeeting(q.Params)
	m.sequence, m.modules, m.documents = sequence, mods.names, documents

	s.mu.Lock()
	defer s.mu.Unlock()
	answer, failed := s.admit(m)
	switch {
	case failed == errVoiceBridgeUse:
		failList(w, failed)
	case failed != nil:
		fail(w, failed)
	default:
		succeed(w, answer)
	}
}

// checkCreate tells what is wrong with the parameters of a create, or nil.
func checkCreate(p bbb.Params) *bbb.Error {
	if err := bbb.CheckMeetingID(p.Get("meetingID")); err != nil {
		return err
	}
	if err := bbb.CheckName(p.Get("name")); err != nil {
		return err
	}
	editor := p.Get("sharedNotesEditor")
	switch {
	case !validPassword(p.Get("attendeePW")), !validPassword(p.Get("moderatorPW")):
		return errPassword
	case !emptyOr(p.Get("voiceBridge"), integral.MatchString):
		return errVoiceBridge
	case !emptyOr(p.Get("record"), isBoolean):
		return errRecord
	case !emptyOr(p.Get("isBreakoutRoom"), isBoolean):
		return errBreakout
	case !emptyOr(p.Get("presentationUploadExternalUrl"), isURL):
		return errUploadURL
	case editor != "" && editor != "etherpad" && editor != "blockNote":
		return errNotesEditor
	}
	return nil
}

func emptyOr(value string, valid func(string) bool) bool { return value == "" || valid(value) }

func isBoolean(s string) bool { return s == "true" || s == "false" }

func validPassword(s string) bool {
	n := utf8.RuneCountInString(s)
	return n == 0 || 2 <= n && n <= 64
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// truth reads a boolean as Java does: what is not "true" is false. An empty one has the default.
func truth(s string, otherwise bool) bool {
	if s == "" {
		return otherwise
	}
	return strings.EqualFold(s, "true")
}

// sequenceOf reads the number of a breakout room, which BigBlueButton breaks down over if it is none.
func sequenceOf(p bbb.Params) (n int, bad bool) {
	if !truth(p.Get("isBreakout"), false) {
		return 0, false
	}
	n, err := strconv.Atoi(p.Get("sequence"))
	return n, err != nil
}

// number reads a number as BigBlueButton does: what is none has the default.
func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n < 1<<31 {
		return n
	}
	return otherwise
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// newMeeting makes a meeting of its parameters; admit completes it.
func (s *Server) newMeeting(p bbb.Params) *meeting {
	life := s.sim.cfg.Life
	minutes := func(name string, otherwise time.Duration) time.Duration {
		if n := number(p.Get(name), -1); n >= 0 {
			return time.Duration(n) * time.Minute
		}
		return otherwise
	}
	m := &meeting{
		id: p.Get("meetingID"), name: p.Get("name"), params: p,
		attendeePW: p.Get("attendeePW"), moderatorPW: p.Get("moderatorPW"),
		voice: p.Get("voiceBridge"), webVoice: p.Get("webVoice"), dial: or(p.Get("dialNumber"), "613-555-1234"),
		duration: minutes("duration", 0), maxUsers: number(p.Get("maxParticipants"), 0),
		record: truth(p.Get("record"), false), metadata: metadataOf(p),
		guestPolicy: guestPolicyOf(p.Get("guestPolicy")), authGuests: truth(p.Get("authenticatedGuest"), true),
		logoutURL: p.Get("logoutURL"), endedURL: p.Get("meetingEndedURL"),
		keepEvents:  truth(p.Get("meetingKeepEvents"), false),
		neverJoined: minutes("meetingExpireIfNoUserJoinedInMinutes", life.NeverJoined),
		deserted:    minutes("meetingExpireWhenLastUserLeftInMinutes", life.Deserted),
		breakout:    truth(p.Get("isBreakout"), false), freeJoin: truth(p.Get("freeJoin"), false),
	}
	if truth(p.Get("endWhenNoModerator"), false) {
		m.noModerator = max(minutes("endWhenNoModeratorDelayInMinutes", time.Minute), time.Nanosecond)
	}
	return m
}

// metadataOf returns the metadata: names in lower case, and those that BigBlueButton does not like left out.
func metadataOf(p bbb.Params) []pair {
	var pairs []pair
	for _, param := range p {
		if metaName.MatchString(param.Name) {
			name := strings.ToLower(strings.TrimPrefix(param.Name, "meta_"))
			if bbb.ValidName(name) {
				pairs = set(pairs, name, param.Value)
			}
		}
	}
	return pairs
}

func guestPolicyOf(s string) string {
	switch s {
	case "ALWAYS_DENY", "ASK_MODERATOR", "ALWAYS_ACCEPT_AUTH":
		return s
	}
	return "ALWAYS_ACCEPT"
}

// admit adds a meeting to the server, unless it has one of that ID: then the two passwords decide whether it is the
// same. The caller holds s.mu.
func (s *Server) admit(m *meeting) (*bbb.Builder, *bbb.Error) {
	if old := s.meetings[m.id]; old != nil && !old.isEnded() && !m.breakout {
		given := m.attendeePW != "" || m.moderatorPW != ""
		if given && (m.attendeePW != old.attendeePW || m.moderatorPW != old.moderatorPW) {
			return nil, errNotUnique
		}
		return created(old, "duplicateWarning",
			"This conference was already in existence and may currently be in progress."), nil
	}
	if s.ended > maxEnded {
		s.forgetEnded(s.sim.cfg.Now())
	}
	if len(s.order)-s.ended >= MaxMeetings {
		return nil, errFull
	}
	if m.breakout {
		if err := s.adopt(m); err != nil {
			return nil, err
		}
	}
	if s.voices[m.voice] != nil || s.voices[m.webVoice] != nil {
		return nil, errVoiceBridgeUse
	}
	s.identify(m)
	s.meetings[m.id], s.internal[m.internal] = m, m
	s.voices[m.voice] = m
	if m.webVoice != "" {
		s.voices[m.webVoice] = m
	}
	if m.parent != nil {
		m.parent.rooms = append(m.parent.rooms, m)
		m.parent.changed()
	}
	s.order = append(s.order, m)
	return created(m, "", ""), nil
}

// adopt finds the parent of a breakout room and gives the room the ID that it goes by.
func (s *Server) adopt(m *meeting) *bbb.Error {
	parent := m.params.Get("parentMeetingID")
	if parent == "" {
		return errParentMissing
	}
	if m.parent = s.find(parent); m.parent == nil || m.parent.isEnded() {
		return errParentUnknown
	}
	if s.internal[m.id] != nil {
		return errNotUnique
	}
	_, stamp, _ := strings.Cut(m.id, "-")
	m.internal = m.id
	m.id = sha1hex(m.parent.internal+"-"+stamp+"-"+strconv.Itoa(m.sequence)) + "-" + stamp
	return nil
}

// identify gives a meeting what its front end left out, and what no other meeting has. The caller holds s.mu.
func (s *Server) identify(m *meeting) {
	m.created = s.sim.cfg.Now().Truncate(time.Millisecond)
	if m.internal == "" {
		m.internal = internalID(m.id, m.created)
		for s.internal[m.internal] != nil || s.recording(m.internal) != nil {
			m.created = m.created.Add(time.Millisecond)
			m.internal = internalID(m.id, m.created)
		}
	}
	if m.attendeePW == "" {
		m.attendeePW = randomText(8, alphanumeric)
	}
	if m.moderatorPW == "" {
		m.moderatorPW = randomText(8, alphanumeric)
	}
	for range 10 {
		if m.voice != "" {
			break
		}
		if voice := randomText(5, decimal); s.voices[voice] == nil {
			m.voice = voice
		}
	}
	if m.voice == "" {
		m.voice = randomText(10, decimal)
	}
}

// find returns a meeting by its meetingID or its internal ID, ended ones included, or nil. The caller holds s.mu.
func (s *Server) find(id string) *meeting {
	if m := s.meetings[id]; m != nil {
		return m
	}
	return s.internal[id]
}

func created(m *meeting, key, message string) *bbb.Builder {
	parent := "bbb-none"
	if m.parent != nil {
		parent = m.parent.internal
	}
	return bbb.Success().Text("meetingID", m.id).Text("internalMeetingID", m.internal).
		Text("parentMeetingID", parent).Text("attendeePW", m.attendeePW).Text("moderatorPW", m.moderatorPW).
		Int("createTime", m.created.UnixMilli()).Text("voiceBridge", m.voice).Text("dialNumber", m.dial).
		Text("createDate", bbb.CreateDate(m.created.UTC())).Bool("hasUserJoined", m.joined > 0).
		Int("duration", int64(m.duration/time.Minute)).Bool("hasBeenForciblyEnded", false).
		Message(key, message)
}

// failList answers in the form that has a list of errors and no messageKey.
func failList(w http.ResponseWriter, e *bbb.Error) {
	x := &bbb.Builder{}
	x.Open("response").Text("returncode", "FAILED").Open("errors").Open("error").
		Text("key", e.Key).Text("message", e.Message).Close("error").Close("errors")
	succeed(w, x)
}
