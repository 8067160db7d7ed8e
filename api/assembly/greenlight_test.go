package assembly_test

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
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
	"github.com/bbbpool/bbbpool/api/simulator/callback"
	"github.com/bbbpool/bbbpool/store"
)

// greenlight does what Greenlight 3 does: its meetings are made, its callbacks answered and its recordings counted as there. It
// signs with SHA-1 and verifies HS256 alone.
type greenlight struct {
	*flow

	server *httptest.Server
	mu     sync.Mutex
	rooms  map[string]*glRoom // by the meetingID
	wrong  []string           // what it could not take
	gone   bool               // what is before it has nothing behind it
	back   bool               // it is back once a recording was told of in vain
}

// glRoom is a room, as its database has it.
type glRoom struct {
	online     bool
	processing int      // recordings that are said to be in the making
	recordings []string // record IDs
	ends       []string // the queries of meeting_ended, and why they were told
	ready      int      // how often recording_ready was called
	created    string   // createTime of the last start
}

func newGreenlight(f *flow) *greenlight {
	g := &greenlight{flow: f, rooms: map[string]*glRoom{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /meeting_ended", g.meetingEnded)
	mux.HandleFunc("POST /recording_ready", g.recordingReady)
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.closed(r) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	f.t.Cleanup(g.server.Close)
	return g
}

// meetingEnded counts one recording more in the making, at each end with marks that it is told of.
func (g *greenlight) meetingEnded(_ http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	room := g.rooms[r.FormValue("meetingID")]
	if room == nil {
		return // 200, as there
	}
	if r.FormValue("recordingmarks") == "true" {
		room.processing++
	}
	room.online = false
	room.ends = append(room.ends, strings.TrimSpace(r.FormValue("recordingmarks")+" "+r.Header.Get("Bbbpool-Reason")))
}

func (g *greenlight) closed(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	gone := g.gone
	if g.back && strings.HasSuffix(r.URL.Path, "/recording_ready") { // not between an end that is told first, in vain, and that
		g.gone, g.back = false, false
	}
	return gone
}

// glRecordings is what of an answer to getRecordings is looked at.
type glRecordings struct {
	Code string `xml:"returncode"`
	List []struct {
		RecordID string `xml:"recordID"`
		Meeting  string `xml:"meetingID"`
		Metadata struct {
			Meeting string `xml:"meetingId"`
		} `xml:"metadata"`
		Formats []string `xml:"playback>format>type"`
	} `xml:"recordings>recording"`
}

// recordingReady takes a recording in: it asks for it, counts one less in the making, and writes to the pool how visible it is to
// be, before it answers. The count is changed before anything of that can fail.
func (g *greenlight) recordingReady(w http.ResponseWriter, r *http.Request) {
	claims, err := openToken(r.PostFormValue("signed_parameters"), "HS256", sha256.New)
	if err != nil {
		g.fail(w, http.StatusUnauthorized, err)
		return
	}
	meeting, record := fmt.Sprint(claims["meeting_id"]), fmt.Sprint(claims["record_id"])
	text, err := g.ask(bbb.SHA1, "getRecordings", "", url.Values{"recordID": {record}})
	var found glRecordings
	if err == nil {
		err = xml.Unmarshal([]byte(text), &found)
	}
	g.mu.Lock()
	room := g.rooms[meeting]
	if room != nil {
		room.ready++
		if !slices.Contains(room.recordings, record) && room.processing > 0 {
			room.processing--
		}
	}
	g.mu.Unlock()
	switch {
	case err != nil || found.Code != "SUCCESS" || room == nil:
		g.fail(w, http.StatusInternalServerError, fmt.Errorf("%s of %s: %w: %s", record, meeting, err, text))
		return
	case len(found.List) != 1 || found.List[0].RecordID != record || len(found.List[0].Formats) == 0 ||
		cmpOr(found.List[0].Metadata.Meeting, found.List[0].Meeting) != meeting:
		g.fail(w, http.StatusInternalServerError, fmt.Errorf("%s of %s is not found: %s", record, meeting, text))
		return
	}
	g.mu.Lock()
	if !slices.Contains(room.recordings, record) {
		room.recordings = append(room.recordings, record)
	}
	g.mu.Unlock()
	for name, params := range map[string]url.Values{
		"publishRecordings": {"recordID": {record}, "publish": {"true"}},
		"updateRecordings":  {"recordID": {record}, "protect": {"false"}, "meta_gl-listed": {"false"}},
	} {
		if text, err := g.ask(bbb.SHA1, name, "", params); err != nil || !strings.Contains(text, "SUCCESS") {
			g.fail(w, http.StatusInternalServerError, fmt.Errorf("%s: %w: %s", name, err, text))
			return
		}
	}
	_, _ = w.Write([]byte("{}"))
}

// cmpOr is the first that is not empty, as Ruby's || has it.
func cmpOr(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

func (g *greenlight) fail(w http.ResponseWriter, status int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong = append(g.wrong, err.Error())
	w.WriteHeader(status)
}

// start starts the meeting of a room, as whoever opens it does; a meeting that runs is started once more. It is tried three times.
func (g *greenlight) start(id, presentation string) {
	g.t.Helper()
	params := url.Values{
		"meetingID": {id}, "name": {"Bob's Room & more"}, "record": {"true"}, "guestPolicy": {"ALWAYS_ACCEPT"},
		"moderatorOnlyMessage": {"Invite: <br>https://gl.example.edu/rooms/" + id + "/join"},
		"loginURL":             {"https://gl.example.edu/rooms/" + id + "/join"}, "logoutURL": {"https://gl.example.edu/rooms/" + id + "/join"},
		"meta_endCallbackUrl": {g.server.URL + "/meeting_ended"}, "meta_bbb-recording-ready-url": {g.server.URL + "/recording_ready"},
		"meta_bbb-origin": {"greenlight"}, "meta_bbb-origin-server-name": {"gl.example.edu"}, "meta_bbb-origin-version": {"v3"},
		"meta_bbb-context-name": {"Bob's Room & more"}, "meta_bbb-context-id": {id[:3] + "-abc-def"},
	}
	body := ""
	if presentation != "" {
		body = `<?xml version="1.0" encoding="UTF-8"?><modules><module name="presentation"><document url="` +
			presentation + `"/></module></modules>`
	}
	for tries := 1; ; tries++ {
		text, err := g.ask(bbb.SHA1, "create", body, params)
		if err == nil && strings.Contains(text, "SUCCESS") {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.rooms[id] == nil {
				g.rooms[id] = &glRoom{}
			}
			g.rooms[id].online, g.rooms[id].created = true, element(text, "createTime")
			return
		}
		if tries == 3 {
			g.t.Fatalf("create of %s: %v %s", id, err, text)
		}
	}
}

// join has somebody come, by the role and the createTime that the room has, without a password.
func (g *greenlight) join(id, name string) {
	g.t.Helper()
	g.mu.Lock()
	created := g.rooms[id].created
	g.mu.Unlock()
	text, err := g.ask(bbb.SHA1, "join", "", url.Values{
		"meetingID": {id}, "fullName": {name}, "password": {""}, "role": {"Moderator"}, "userID": {"gl-" + name},
		"createTime": {created}, "redirect": {"false"},
	})
	if err != nil || !strings.Contains(text, "SUCCESS") {
		g.t.Fatalf("join of %s: %v %s", id, err, text)
	}
}

// hold starts a meeting that somebody is in and records, as polls have seen.
func (g *greenlight) hold(id string) *simulator.Server {
	g.t.Helper()
	g.start(id, "")
	return g.record(id)
}

// record has somebody come to a meeting and press the button.
func (g *greenlight) record(id string) *simulator.Server {
	g.t.Helper()
	g.join(id, "Bob")
	s := g.on(id)
	if err := s.Record(id, true); err != nil {
		g.t.Fatal(err)
	}
	g.seen(s)
	return s
}

// seen waits until a server was polled anew: two polls that began after now.
func (g *greenlight) seen(s *simulator.Server) {
	g.t.Helper()
	before := s.Calls("getMeetings")
	g.await("a poll", func() (bool, any) { return s.Calls("getMeetings") >= before+2, s.Calls("getMeetings") })
}

// end ends a meeting as somebody in it does.
func (g *greenlight) end(id string) {
	g.t.Helper()
	if err := g.on(id).End(id); err != nil {
		g.t.Fatal(err)
	}
}

// room is a room as it is now.
func (g *greenlight) room(id string) glRoom {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := *g.rooms[id]
	r.ends, r.recordings = slices.Clone(r.ends), slices.Clone(r.recordings)
	return r
}

// glCases are what may happen to a room between its start and its end. The count is what is in the making after the end.
var glCases = []struct {
	id     string
	count  int
	come   int // recordings, in the end
	happen func(g *greenlight, id string)
}{
	{"1111", 1, 1, func(g *greenlight, id string) { g.hold(id); g.end(id) }},
	// Repeats, as of everybody who opens the room, with slides and without.
	{"2222", 1, 1, func(g *greenlight, id string) {
		g.hold(id)
		g.start(id, "")
		g.start(id, "https://gl.example.edu/rails/active_storage/blobs/x.pdf")
		g.start(id, "")
		g.end(id)
	}},
	// Nobody has pressed the button.
	{"3333", 0, 0, func(g *greenlight, id string) {
		g.start(id, "")
		g.join(id, "Bob")
		g.seen(g.on(id))
		g.end(id)
	}},
	// The server does not tell of marks, or so late that nobody waits. Polls do not show them. What may not come is not counted,
	// for nobody would ever count it off again, and what comes all the same is there.
	{"4444", 0, 1, func(g *greenlight, id string) {
		g.unmarked(id, simulator.CallbackFault{Kind: callback.Never, Callbacks: []simulator.CallbackKind{callback.KindMarks}})
	}},
	{"5555", 0, 1, func(g *greenlight, id string) {
		g.unmarked(id, simulator.CallbackFault{
			Kind: callback.Late, Delay: time.Second, Callbacks: []simulator.CallbackKind{callback.KindMarks},
		})
	}},
	// It tells of nothing: polls do.
	{"6666", 0, 1, func(g *greenlight, id string) { g.unmarked(id, simulator.CallbackFault{Kind: callback.Never}) }},
	// It is away for a moment, with the meeting in it.
	{"7777", 1, 1, func(g *greenlight, id string) {
		s := g.hold(id)
		g.away(s, func() {})
		g.end(id)
	}},
	// It ends while the pool is not there, which so does not hear of marks.
	{"8888", 0, 1, func(g *greenlight, id string) {
		s := g.hold(id)
		g.restart(func() {
			if err := s.End(id); err != nil {
				g.t.Fatal(err)
			}
			g.await("nobody could be told", func() (bool, any) {
				return slices.ContainsFunc(s.Callbacks(), func(c simulator.CallbackTrace) bool { return c.Meeting == id }), s.Callbacks()
			})
		})
	}},
	// It goes on elsewhere, as its server does not answer, where people in the copy end that later: no end, but a recording.
	{"9999", 1, 2, func(g *greenlight, id string) {
		s := g.hold(id)
		g.away(s, func() {
			g.start(id, "")
			if g.on(id) == s {
				g.t.Fatal("it was not moved")
			}
			g.record(id)
		})
		if err := s.End(id); err != nil {
			g.t.Fatal(err)
		}
		g.await("the copy has called back", func() (bool, any) { _, there := s.Meeting(id); return !there, nil })
		g.end(id)
	}},
}

// unmarked ends a meeting while something is wrong with what its server calls back.
func (g *greenlight) unmarked(id string, wrong simulator.CallbackFault) {
	g.t.Helper()
	s := g.hold(id)
	if err := s.FailCallbacks(wrong); err != nil {
		g.t.Fatal(err)
	}
	g.end(id)
	g.over(id)
	s.HealCallbacks()
}

// misses has Greenlight away from the end of a meeting until its recording is there: it counts right all the same.
func (g *greenlight) misses(id string) {
	g.t.Helper()
	g.hold(id)
	g.mu.Lock()
	g.gone, g.back = true, true
	g.mu.Unlock()
	g.end(id)
	g.over(id)
	g.clock.add(time.Hour)
	g.await("the recording is told of in vain", func() (bool, any) {
		rows, err := g.Stores.Index.Callbacks(g.t.Context(), store.CallbackFilter{MeetingID: id, Kinds: []store.CallbackKind{store.CallbackReady}})
		return err == nil && len(rows) == 1 && rows[0].Attempts > 0, rows
	})
	g.await(id+" is recorded", func() (bool, any) {
		r := g.room(id)
		return len(r.recordings) == 1 && len(r.ends) == 1 && r.processing == 0, r
	})
}

// Greenlight's count of recordings in the making is right whatever happens between a start and an end, with servers that tell of
// ends twice and with those that do so once; and each recording is there, by getRecordings, when it is told of, also after
// a restart of the pool in between.
func TestPool_Greenlight(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"3.0.26", "3.0.37"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			cfg := simulator.Config{Servers: 2, Release: release, RecordingDelay: time.Hour}
			cfg.Life.ManualRecording = true
			g := newGreenlight(newFlow(t, cfg, nil))
			for _, c := range glCases {
				c.happen(g, c.id)
				g.await(c.id+" is told", func() (bool, any) { r := g.room(c.id); return len(r.ends) > 0, r })
			}
			g.restart(func() {})
			for _, c := range glCases {
				if r := g.room(c.id); r.processing != c.count || len(r.ends) != 1 || r.online {
					t.Errorf("%s: %+v", c.id, r)
				}
			}
			g.clock.add(time.Hour)
			for _, c := range glCases {
				g.await(c.id+" is recorded", func() (bool, any) { r := g.room(c.id); return len(r.recordings) == c.come && r.processing == 0, r })
				if r := g.room(c.id); len(r.ends) != 1 || r.ready != c.come {
					t.Errorf("%s: %+v", c.id, r)
				}
			}
			g.misses("aaaa")
			g.quiet()
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.wrong != nil {
				t.Errorf("not taken: %q", g.wrong)
			}
		})
	}
}
