package frontend

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// What is kept and read at most.
const (
	maxDeliveries = 50
	maxBody       = 4 << 20
	maxText       = 256
)

//go:embed deliveries.html
var pageHTML embed.FS

var page = template.Must(template.ParseFS(pageHTML, "deliveries.html"))

// Delivery is something that has arrived.
type Delivery struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"` // "end", "marks", "ready", "analytics", or "hook" and the event
	Meeting string    `json:"meeting,omitempty"`
	Verdict Verdict   `json:"verdict"`
}

// FrontEnd is a front end with a listener of its own. Its methods are safe for concurrent use.
type FrontEnd struct {
	listener net.Listener
	server   *http.Server
	serving  sync.WaitGroup

	mu     sync.Mutex
	secret bbb.Secret
	list   []Delivery // the newest first
}

// Listen starts a front end on a free port of the loopback interface. It must be closed.
func Listen() (*FrontEnd, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // takes no time
	if err != nil {
		return nil, err
	}
	f := &FrontEnd{listener: l}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.show)
	mux.HandleFunc("GET /deliveries", f.showJSON)
	mux.HandleFunc("GET /end", f.takeEnd)
	mux.HandleFunc("GET /marks", f.takeEnd)
	mux.HandleFunc("POST /ready", f.takeReady)
	mux.HandleFunc("POST /analytics", f.takeAnalytics)
	mux.HandleFunc("POST /hook", f.takeHook)
	f.server = &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	f.serving.Go(func() { _ = f.server.Serve(l) })
	return f, nil
}

// Close frees the port.
func (f *FrontEnd) Close() {
	_ = f.server.Close()
	f.serving.Wait()
}

// URL returns the address of the page.
func (f *FrontEnd) URL() string { return "http://" + f.listener.Addr().String() + "/" }

// HookURL returns the address that hooks are made with.
func (f *FrontEnd) HookURL() string { return f.URL() + "hook" }

// Trust gives the front end the secret that it verifies by. Before that nothing is verified.
func (f *FrontEnd) Trust(secret bbb.Secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secret = secret
}

func (f *FrontEnd) trusted() bbb.Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.secret
}

// Create returns the parameters of a create that has everything told to this front end.
func (f *FrontEnd) Create() url.Values {
	return url.Values{
		"meetingEndedURL":              {f.URL() + "end?meetingID=demo"},
		"meta_endCallbackUrl":          {f.URL() + "marks"},
		"meta_bbb-recording-ready-url": {f.URL() + "ready"},
		"meta_analytics-callback-url":  {f.URL() + "analytics"},
	}
}

// Deliveries returns what has arrived last, the newest first.
func (f *FrontEnd) Deliveries() []Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

func (f *FrontEnd) note(kind, meeting string, v Verdict) {
	short := func(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxText)], "") }
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = slices.Insert(f.list, 0, Delivery{time.Now(), short(kind), short(meeting), v})
	f.list = f.list[:min(len(f.list), maxDeliveries)]
}

// take reads a body, and answers what is too long.
func take(w http.ResponseWriter, r *http.Request) (body string, ok bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
	}
	return string(b), err == nil
}

func (f *FrontEnd) takeEnd(_ http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	kind := strings.TrimPrefix(r.URL.Path, "/")
	if marks := q.Get("recordingmarks"); marks != "" {
		kind += ", recorded: " + marks
	}
	f.note(kind, q.Get("meetingID"), Unsigned)
}

func (f *FrontEnd) takeReady(w http.ResponseWriter, r *http.Request) {
	body, ok := take(w, r)
	if !ok {
		return
	}
	form, _ := url.ParseQuery(body) // what is none has no parameters
	var said struct {
		Meeting string `json:"meeting_id"`
	}
	verified := verdict(openJWT(form.Get("signed_parameters"), f.trusted(), time.Now(), &said))
	f.note("ready", said.Meeting, verified)
	answer(w, verified)
}

// answer tells who signs with another secret that this is so, as front ends do.
func answer(w http.ResponseWriter, v Verdict) {
	if v == Forged {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func (f *FrontEnd) takeAnalytics(w http.ResponseWriter, r *http.Request) {
	body, ok := take(w, r)
	if !ok {
		return
	}
	var told struct {
		Meeting string `json:"meeting_id"`
	}
	_ = json.Unmarshal([]byte(body), &told) // what is none is about no meeting
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	verified := verdict(openJWT(token, f.trusted(), time.Now(), &struct{}{}))
	f.note("analytics", told.Meeting, verified)
	answer(w, verified)
}

// event is as much of an event as the page shows.
type event struct {
	Data struct {
		ID         string `json:"id"`
		Attributes struct {
			Meeting struct {
				ID string `json:"external-meeting-id"`
			} `json:"meeting"`
		} `json:"attributes"`
	} `json:"data"`
}

func (f *FrontEnd) takeHook(w http.ResponseWriter, r *http.Request) {
	body, ok := take(w, r)
	if !ok {
		return
	}
	form, _ := url.ParseQuery(body) // what is none has no parameters
	verified := verdict(checksumFits(f.HookURL(), body, r.URL.Query().Get("checksum"), f.trusted()))
	var events []event
	if json.Unmarshal([]byte(form.Get("event")), &events) != nil || len(events) == 0 {
		events = []event{{}}
	}
	for _, e := range events[:min(len(events), maxDeliveries)] {
		f.note("hook "+e.Data.ID, e.Data.Attributes.Meeting.ID, verified)
	}
	answer(w, verified)
}

func (f *FrontEnd) show(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := page.Execute(&b, f.Deliveries()); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // the browser hung up: nobody is left to tell
}

func (f *FrontEnd) showJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(f.Deliveries()) //nolint:errchkjson // the caller hung up: nobody is left to tell
}
