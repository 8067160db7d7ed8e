package assembly_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// moodle does what Moodle's mod_bigbluebuttonbn does: one page for all callbacks, which tells by its query what it is called for. It
// verifies recordings by HS256 and attendance by HS512, each alone, and knows a recording by the internal ID that the create's
// answer had.
type moodle struct {
	*flow

	server     *httptest.Server
	mu         sync.Mutex
	activities map[string]*mdActivity // by their IDs
	wrong      []string
	closed     bool // for maintenance, as an update of Moodle has it
}

// mdActivity is an activity, with its one room.
type mdActivity struct {
	seed     string   // what the meetingID begins with
	internal string   // of the last create
	noticed  []string // recordings that people got a notice of
	attended []string // "42 in room", as completion has it
	answers  []string // "recording_ready 202"
	gone     bool
	broken   bool // its processing of attendance fails
	awaits   []string
}

func newMoodle(f *flow) *moodle {
	m := &moodle{flow: f, activities: map[string]*mdActivity{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/moodle/mod/bigbluebuttonbn/bbb_broker.php", m.broker)
	m.server = httptest.NewServer(mux)
	f.t.Cleanup(m.server.Close)
	return m
}

// broker is the page that is called.
func (m *moodle) broker(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	closed, activity := m.closed, m.activities[r.FormValue("bigbluebuttonbn")]
	m.mu.Unlock()
	action, status, err := r.FormValue("action"), http.StatusBadRequest, error(nil)
	switch {
	case closed:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case activity == nil || activity.gone:
		status = http.StatusGone
	case action == "recording_ready":
		status, err = m.recordingReady(activity, r)
	case action == "meeting_events":
		status, err = m.meetingEvents(activity, r)
	default:
		err = errors.New("action " + action)
	}
	m.mu.Lock()
	if err != nil {
		m.wrong = append(m.wrong, action+": "+err.Error())
	}
	if activity != nil {
		activity.answers = append(activity.answers, fmt.Sprint(action, " ", status))
	}
	m.mu.Unlock()
	w.WriteHeader(status)
}

// recordingReady has those told who are waiting for a recording, once, and then shows it to them.
func (m *moodle) recordingReady(a *mdActivity, r *http.Request) (int, error) {
	claims, err := openToken(r.FormValue("signed_parameters"), "HS256", sha256.New)
	if err != nil {
		return http.StatusBadRequest, err
	}
	record := fmt.Sprint(claims["record_id"])
	m.mu.Lock()
	known := slices.Contains(a.awaits, record)
	if known && !slices.Contains(a.noticed, record) {
		a.noticed = append(a.noticed, record)
	}
	m.mu.Unlock()
	if !known {
		return http.StatusInternalServerError, fmt.Errorf("recording %s of %s", record, a.seed)
	}
	text, err := m.ask(bbb.SHA256, "getRecordings", "", url.Values{"recordID": {record}, "state": {"any"}})
	var found struct {
		Code string   `xml:"returncode"`
		IDs  []string `xml:"recordings>recording>recordID"`
		Type []string `xml:"recordings>recording>playback>format>type"`
	}
	if err == nil {
		err = xml.Unmarshal([]byte(text), &found)
	}
	if err != nil || !slices.Equal(found.IDs, []string{record}) || len(found.Type) == 0 {
		return http.StatusAccepted, fmt.Errorf("it is not shown: %w: %s", err, text)
	}
	return http.StatusAccepted, nil
}

// meetingEvents enters attendance, once for each meeting.
func (m *moodle) meetingEvents(a *mdActivity, r *http.Request) (int, error) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	claims, err := openToken(token, "HS512", sha512.New)
	if expires, _ := claims["exp"].(float64); err != nil || int64(expires) < time.Now().Unix() {
		return http.StatusBadRequest, fmt.Errorf("%w, or it has expired: %v", err, claims)
	}
	body, err := io.ReadAll(r.Body)
	var told struct {
		Meeting  string `json:"meeting_id"`
		Internal string `json:"internal_meeting_id"`
		Data     struct {
			Attendees []struct {
				User string `json:"ext_user_id"`
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &told)
	}
	if err != nil {
		return http.StatusBadRequest, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	room, _, _ := strings.Cut(told.Meeting, "[")
	if seed, _, _ := strings.Cut(room, "-"); seed != a.seed || a.broken {
		return map[bool]int{false: http.StatusGone, true: http.StatusInternalServerError}[a.broken], nil
	}
	for _, one := range told.Data.Attendees {
		a.attended = append(a.attended, one.User+" in "+told.Internal)
	}
	return http.StatusOK, nil
}

// create makes the meeting of an activity, as whoever comes first does. Older releases ask for recordings by another name.
func (m *moodle) create(id, ready string) {
	m.t.Helper()
	a := &mdActivity{seed: fmt.Sprintf("%x", sha256.Sum256([]byte(id)))[:40]}
	m.mu.Lock()
	m.activities[id] = a
	m.mu.Unlock()
	at := func(action string) string {
		return m.server.URL + "/moodle/mod/bigbluebuttonbn/bbb_broker.php?action=" + action + "&bigbluebuttonbn=" + id
	}
	text, err := m.ask(bbb.SHA256, "create", "", url.Values{
		"meetingID": {m.meeting(id)}, "name": {"Übung & Fragen"}, "attendeePW": {"ap"}, "moderatorPW": {"mp"},
		"logoutURL": {m.server.URL + "/moodle/mod/bigbluebuttonbn/bbb_view.php?action=logout&id=9&courseid=3"},
		"record":    {"true"}, "autoStartRecording": {"true"}, "welcome": {"Willkommen!<br><br>Aufzeichnung"},
		"meta_bbb-origin": {"Moodle"}, "meta_bbb-origin-version": {"4.5 (Build: 20241007)"}, "meta_bbb-origin-server-name": {"127.0.0.1"},
		"meta_bbb-origin-server-common-name": {""}, "meta_bbb-origin-tag": {"moodle-mod_bigbluebuttonbn (2024100700)"},
		"meta_bbb-context": {"Kurs & Übung"}, "meta_bbb-context-id": {"3"}, "meta_bbb-context-name": {"Kurs & Übung"},
		"meta_bbb-context-label": {"K1"}, "meta_bbb-recording-name": {"Übung"}, "meta_bbb-recording-description": {""},
		"meta_bbb-recording-tags": {""}, "meta_bn-recording-status": {`{"email":["\"A B\" <a@x.test>"],"context":{}}`},
		"meta_" + ready: {at("recording_ready")}, "meta_analytics-callback-url": {at("meeting_events")},
	})
	if err != nil || !strings.Contains(text, "SUCCESS") {
		m.t.Fatalf("create: %v %s", err, text)
	}
	m.mu.Lock()
	a.internal = element(text, "internalMeetingID")
	a.awaits = append(a.awaits, a.internal)
	m.mu.Unlock()
}

// meeting is the meetingID of an activity's room: with its course, its ID, and a group.
func (m *moodle) meeting(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.activities[id].seed + "-3-" + id + "[0]"
}

// hold has somebody come and the meeting ended, as who may end it does on Moodle's page.
func (m *moodle) hold(id, ready string) {
	m.t.Helper()
	m.create(id, ready)
	for name, params := range map[string]url.Values{"join": {
		"fullName": {"Ada L"}, "password": {"mp"}, "role": {"MODERATOR"}, "userID": {"42"}, "guest": {"false"}, "redirect": {"false"},
		"userdata-bbb_override_default_locale": {"de"},
	}} {
		params.Set("meetingID", m.meeting(id))
		if text, err := m.ask(bbb.SHA256, name, "", params); err != nil || !strings.Contains(text, "SUCCESS") {
			m.t.Fatalf("%s: %v %s", name, err, text)
		}
	}
}

func (m *moodle) end(id string) {
	m.t.Helper()
	text, err := m.ask(bbb.SHA256, "end", "", url.Values{"meetingID": {m.meeting(id)}, "password": {"mp"}})
	if err != nil || !strings.Contains(text, "SUCCESS") {
		m.t.Fatalf("end: %v %s", err, text)
	}
}

// activity is an activity as it is now.
func (m *moodle) activity(id string) mdActivity {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := *m.activities[id]
	a.answers, a.noticed, a.attended = slices.Clone(a.answers), slices.Clone(a.noticed), slices.Clone(a.attended)
	return a
}

// change changes an activity.
func (m *moodle) change(id string, change func(*mdActivity)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.activities[id])
}

// Moodle learns who was there, and that a recording is there, which it finds and shows: also through maintenance and a restart of
// the pool, where attendance cannot be entered, and from an older release of it. An activity that was deleted is told of nothing.
func TestPool_Moodle(t *testing.T) {
	t.Parallel()
	m := newMoodle(newFlow(t, simulator.Config{Servers: 2}, nil))
	for id, ready := range map[string]string{
		"7": store.MetaReady, "8": store.MetaReadyBN, "9": store.MetaReady, "10": store.MetaReady,
	} {
		m.hold(id, ready)
	}
	info, err := m.ask(bbb.SHA256, "getMeetingInfo", "", url.Values{"meetingID": {m.meeting("8")}})
	if err != nil || !strings.Contains(info, "bbb_broker.php?action=recording_ready&amp;bigbluebuttonbn=8") || strings.Contains(info, "/callbacks/") {
		t.Errorf("its own is not shown to it: %v %s", err, info)
	}
	m.change("9", func(a *mdActivity) { a.gone = true })
	m.change("10", func(a *mdActivity) { a.broken = true })
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	for _, id := range []string{"7", "8", "9", "10"} {
		m.end(id)
	}
	m.await("recordings are there", func() (bool, any) {
		text, err := m.ask(bbb.SHA256, "getRecordings", "", url.Values{"state": {"any"}})
		return strings.Count(text, "<recordID>") == 4, err
	})
	m.restart(func() {})
	m.mu.Lock()
	m.closed = false
	m.mu.Unlock()
	for _, id := range []string{"7", "8"} {
		m.await(id, func() (bool, any) { a := m.activity(id); return len(a.answers) == 2, a })
		a := m.activity(id)
		slices.Sort(a.answers)
		if !slices.Equal(a.answers, []string{"meeting_events 200", "recording_ready 202"}) ||
			!slices.Equal(a.noticed, []string{a.internal}) || !slices.Equal(a.attended, []string{"42 in " + a.internal}) {
			t.Errorf("%s: %+v", id, a)
		}
	}
	m.await("9", func() (bool, any) { a := m.activity("9"); return len(a.answers) == 2, a })
	m.await("10", func() (bool, any) { a := m.activity("10"); return len(a.noticed) == 1 && len(a.answers) > 2, a })
	m.change("10", func(a *mdActivity) { a.broken = false })
	m.await("10", func() (bool, any) { a := m.activity("10"); return len(a.attended) == 1, a })
	m.quiet()
	if a := m.activity("9"); !slices.Equal(a.answers, []string{"meeting_events 410", "recording_ready 410"}) && len(a.answers) != 2 || len(a.noticed) != 0 {
		t.Errorf("%+v", a)
	}
	if m.wrong != nil {
		t.Errorf("not taken: %q", m.wrong)
	}
}
