package storm_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The ways in which receivers misbehave, until they are cured. Each is a host of its own.
const (
	well     = iota
	flaky    // answers 500 or 503, or hangs up
	hanging  // does not answer
	leading  // redirects
	refusing // answers 400, 403 or 422
	garbled  // answers with what is no HTTP
	picky    // accepts what another secret of the tenant's has signed; this it never unlearns
	gone     // answers 410, after some failures; nor this
	moods
)

// heard is one request of the pool's to a front end.
type heard struct {
	at       time.Time // when it came
	answered time.Time
	status   int // 0 where there was no answer
	epoch    int // of the process that has sent it
	id       string
	mood     int
	lane     string // what goes in order: tenant, room and path
	tenant   string
	room     string
	what     string
	marks    string // of an end
	record   string // of a recording
	meeting  string
	secret   string // the name of the secret that has signed it
	wrong    string // what of it must not be
}

// final tells whether its receiver wants no more of it.
func (h *heard) final() bool { return h.status/100 == 2 || h.status == http.StatusGone }

// fronts are the front ends of all tenants.
type fronts struct {
	*world
	servers [moods]*httptest.Server
	trap    *httptest.Server // where redirects lead, and nobody follows
	cured   atomic.Bool
	free    chan struct{} // closed when nobody hangs any more
	stir    chan struct{} // something was heard

	mu  sync.Mutex
	log []*heard
}

func newFronts(w *world) *fronts {
	f := &fronts{world: w, free: make(chan struct{}), stir: make(chan struct{}, 1)}
	f.trap = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.t.Errorf("a redirect was followed to %s", r.URL)
	}))
	w.t.Cleanup(f.trap.Close)
	for mood := range moods {
		f.servers[mood] = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { f.hear(mood, rw, r) }))
		w.t.Cleanup(f.servers[mood].Close)
	}
	w.t.Cleanup(f.cure)
	return f
}

// cure makes all receivers well, but for those that are as they are for good.
func (f *fronts) cure() {
	if !f.cured.Swap(true) {
		close(f.free)
	}
}

// address is where a room is called back about all of its sessions. Some rooms have one address for everything.
func (f *fronts) address(r *room, what string) string {
	if r.single {
		what = "all"
	}
	return fmt.Sprintf("%s/%s/%s/%s?a=b", f.servers[r.mood].URL, r.tenant.id, r.id, what)
}

// hear notes a request and answers it.
func (f *fronts) hear(mood int, w http.ResponseWriter, r *http.Request) {
	h := f.read(mood, r)
	switch mood, cured := h.mood, f.cured.Load(); {
	case mood == gone && (cured || rand.IntN(2) == 0):
		h.status = http.StatusGone
	case mood == picky:
		h.status = f.pick(h)
	case cured || mood == well || rand.IntN(3) == 0:
		h.status = http.StatusOK
	case mood == hanging:
		select {
		case <-f.free:
		case <-r.Context().Done():
		}
	case mood == leading:
		w.Header().Set("Location", f.trap.URL)
		h.status = []int{301, 302, 303, 307, 308}[rand.IntN(5)]
	case mood == refusing:
		h.status = []int{400, 401, 403, 422}[rand.IntN(4)]
	case mood == garbled:
		f.enter(h)
		garble(w)
		return
	default:
		h.status = []int{0, 500, 502, 503}[rand.IntN(4)]
	}
	f.enter(h)
	if h.status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(h.status)
}

// pick accepts only what another secret has signed than that of the create; what is not signed it accepts.
func (f *fronts) pick(h *heard) int {
	if h.secret != "" && h.secret == secretOf(h.mood) {
		return http.StatusUnauthorized
	}
	return http.StatusOK
}

func garble(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	noise := make([]byte, 200)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	_, _ = conn.Write(noise)
	_ = conn.Close()
}

func (f *fronts) enter(h *heard) {
	h.answered = time.Now()
	f.mu.Lock()
	f.log = append(f.log, h)
	f.mu.Unlock()
	select {
	case f.stir <- struct{}{}:
	default:
	}
}

// read takes a request apart, and verifies what is signed by the secrets of the tenant whose address it is.
func (f *fronts) read(mood int, r *http.Request) *heard {
	h := &heard{at: time.Now(), mood: mood, id: r.Header.Get("Bbbpool-Delivery")}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	h.epoch, _ = strconv.Atoi(strings.TrimPrefix(r.Header.Get("User-Agent"), "bbbpool/storm-"))
	if len(parts) != 3 || query.Get("a") != "b" {
		h.wrong = "an address that nobody has given: " + r.URL.String()
		return h
	}
	h.tenant, h.room, h.what = parts[0], parts[1], kindOf(r)
	h.lane = strings.Join(parts, "/")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return h // the process is gone
	}
	switch h.what {
	case "end":
		h.marks, h.meeting = query.Get("recordingmarks"), query.Get("meetingID")
	case "ready":
		form, _ := url.ParseQuery(string(body))
		var claims struct{ MeetingID, RecordID string }
		h.secret, h.wrong = f.open("HS256", h.tenant, form.Get("signed_parameters"), &claims)
		h.meeting, h.record = claims.MeetingID, claims.RecordID
	case "analytics":
		h.meeting, h.wrong = f.attended(h, body)
		var claims struct{}
		name, wrong := f.open("HS512", h.tenant, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), &claims)
		h.secret, h.wrong = name, cmp.Or(h.wrong, wrong)
	}
	if h.meeting != "" && h.meeting != h.room {
		h.wrong = "it is about " + h.meeting
	}
	if strings.Contains(string(body), "/callbacks/") {
		h.wrong = "an address of the pool's is in it"
	}
	return h
}

// kindOf is what a request tells, by its form.
func kindOf(r *http.Request) string {
	switch {
	case r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/json":
		return "analytics"
	case r.Method == http.MethodPost:
		return "ready"
	case r.URL.Query().Has("recordingmarks"):
		return "end"
	}
	return "ended"
}

// attended is the meeting that analytics are about.
func (f *fronts) attended(h *heard, body []byte) (meeting, wrong string) {
	var told struct {
		MeetingID string `json:"meeting_id"`
		Data      struct{ Metadata map[string]string }
	}
	if err := json.Unmarshal(body, &told); err != nil {
		return "", err.Error()
	}
	if got := told.Data.Metadata["analytics_callback_url"]; !strings.HasSuffix(got, h.lane+"?a=b") {
		return "", "its own address is not in it, but " + got
	}
	return told.MeetingID, ""
}

// all is what was heard so far.
func (f *fronts) all() []*heard {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*heard(nil), f.log...)
}
