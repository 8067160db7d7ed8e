package playback_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/store"
)

// The recordings of the tests. All have the same files, as if the disk said nothing of their states.
const (
	open      = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1700000000001"
	protected = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-1700000000002"
	another   = "cccccccccccccccccccccccccccccccccccccccc-1700000000003" // protected, too
	hidden    = "dddddddddddddddddddddddddddddddddddddddd-1700000000004" // unpublished
	deleted   = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-1700000000005"
	early     = "ffffffffffffffffffffffffffffffffffffffff-1700000000006" // processing
	unknown   = "0000000000000000000000000000000000000000-1700000000007"
)

// files are what every recording has. What has no index is played by the page that is built in.
var files = map[string]string{
	"presentation/metadata.xml":                               "<recording/>",
	"presentation/shapes.svg":                                 "<svg/>",
	"presentation/.hidden":                                    "hidden",
	"presentation/video/webcams.webm":                         "0123456789",
	"presentation/video/webcams.mp4":                          "0123456789",
	"presentation/deskshare/deskshare.mp4":                    "0123456789",
	"presentation/presentation/p-1/thumbnails/thumb-1.png":    "png",
	"presentation/presentation/p-1/textfiles/slide 1 — ü.txt": "text",
	"presentation/notes.html":                                 "<p>notes</p>",
	"video/index.html":                                        "<video>",
	"video/metadata.xml":                                      "<recording/>",
	"video/video-0.m4v":                                       "0123456789",
	"video/sub/index.html":                                    "<p>sub</p>",
	"screenshare/index.html":                                  "<video>",
	"screenshare/screenshare.webm":                            "0123456789",
	"podcast/audio.ogg":                                       "0123456789",
	"notes/notes.pdf":                                         "pdf",
	"notes/index.html":                                        "<p>notes</p>",
	"secret/metadata.xml":                                     "a format that the index does not have",
}

var formats = map[string]string{
	"presentation": "/playback/presentation/2.3/%s",
	"video":        "/playback/video/%s/",
	"screenshare":  "/recording/screenshare/%s/",
	"podcast":      "/podcast/%s/audio.ogg",
	"notes":        "/notes/%s/notes.pdf",
}

// disk is a library without any judgement of its own.
type disk string

func (d disk) Open(recordID, format, name string) (fs.File, error) {
	root, err := os.OpenRoot(filepath.Join(string(d), format, recordID))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return root.Open(name)
}

type index map[string]store.Recording

func (x index) Recording(_ context.Context, id string) (store.Recording, error) {
	r, ok := x[id]
	if !ok {
		return r, fmt.Errorf("recording %s: %w", id, store.ErrNotFound)
	}
	return r, nil
}

type tokens struct {
	mu    sync.Mutex
	spent map[string]bool
}

func (t *tokens) SpendToken(_ context.Context, id string, _, _ time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent[id] {
		return store.ErrExists
	}
	t.spent[id] = true
	return nil
}

// house is a playback with everything around it.
type house struct {
	*playback.Playback
	t    testing.TB
	dir  string
	mux  *http.ServeMux
	now  time.Time
	log  strings.Builder
	hung bool
}

func newHouse(t testing.TB, change ...func(*house)) *house {
	h := &house{t: t, dir: t.TempDir(), mux: http.NewServeMux(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	all := index{}
	for id, state := range map[string]store.RecordingState{
		open: store.Published, protected: store.Published, another: store.Published,
		hidden: store.Unpublished, deleted: store.Deleted, early: store.Processing,
	} {
		r := store.Recording{RecordID: id, Name: "Maths & <b>more</b>", State: state}
		r.Protected = id == protected || id == another
		for _, format := range slices.Sorted(maps.Keys(formats)) {
			r.Formats = append(r.Formats, store.Format{Type: format, Path: fmt.Sprintf(formats[format], id)})
		}
		all[id] = r
		for name, text := range files {
			format, rest, _ := strings.Cut(name, "/")
			h.write(format+"/"+id+"/"+rest, text)
		}
	}
	h.Playback = &playback.Playback{
		Config: playback.Config{
			TokenTimeout: playback.Minutes(time.Hour), CookieTimeout: playback.Minutes(6 * time.Hour),
			Secret: "0123456789abcdef0123456789abcdef",
		},
		Recordings: all, Library: disk(h.dir), Tokens: &tokens{spent: map[string]bool{}},
		Metrics: metrics.NewSet(), Log: zerolog.New(zerolog.SyncWriter(&h.log)),
		Now: func() time.Time { return h.now }, Gone: func() bool { return h.hung },
		Page: func(w http.ResponseWriter, _ *http.Request, status int, title, text string) {
			http.Error(w, title+"\n"+text, status)
		},
	}
	for _, f := range change {
		f(h)
	}
	if err := h.Init(); err != nil {
		t.Fatal(err)
	}
	h.Mount(h.mux)
	return h
}

func (h *house) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// recording changes a recording in the index.
func (h *house) recording(id string, change func(*store.Recording)) {
	all := h.Recordings.(index)
	r := all[id]
	change(&r)
	all[id] = r
}

// link is the link that a front end hands out.
func (h *house) link(id, format string) string {
	r, err := h.Recordings.Recording(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	i := slices.IndexFunc(r.Formats, func(f store.Format) bool { return f.Type == format })
	return h.Link(r, r.Formats[i])
}

// do sends a request as it would come over the wire: "GET /path", and headers as "Name: value".
func (h *house) do(line string, headers ...string) *httptest.ResponseRecorder {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + " HTTP/1.1\r\nHost: pool.test\r\n" +
		strings.Join(append(headers, "\r\n"), "\r\n"))))
	if err != nil {
		return nil // net/http refuses it by itself
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); proto != "" { // the server in front makes this out
		r.URL.Scheme, r.URL.Host = proto, r.Host
	}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	return w
}

// follow follows a link and returns the Cookie header that a browser has afterwards.
func (h *house) follow(link string, headers ...string) (cookie, location string) {
	h.t.Helper()
	w := h.do("GET "+link, headers...)
	if w.Code != http.StatusTemporaryRedirect {
		h.t.Fatalf("%s: %d", link, w.Code)
	}
	for _, c := range w.Result().Cookies() {
		cookie = "Cookie: " + c.Name + "=" + c.Value
	}
	return cookie, w.Header().Get("Location")
}

// refused fails unless the answer is the one that everybody gets who gets nothing of a recording that does not play.
func (h *house) refused(what string, w *httptest.ResponseRecorder) {
	h.t.Helper()
	h.like(what, w, "/presentation/"+unknown+"/metadata.xml", "There is no recording here")
}

// nothing fails unless the answer is the one for an address that is no recording's.
func (h *house) nothing(what string, w *httptest.ResponseRecorder) {
	h.t.Helper()
	h.like(what, w, "/none", "There is nothing here")
}

// barred fails unless the answer is the one that everybody gets who may not see a protected recording.
func (h *house) barred(what string, w *httptest.ResponseRecorder) {
	h.t.Helper()
	h.like(what, w, "/presentation/"+another+"/metadata.xml", "This recording is protected")
}

// like fails unless an answer is the one that this path gets, down to its headers.
func (h *house) like(what string, w *httptest.ResponseRecorder, path, title string) {
	h.t.Helper()
	want := h.do("GET " + path)
	if want.Code != http.StatusNotFound || want.Header().Get("Cache-Control") != "no-store" ||
		!strings.Contains(want.Body.String(), title) {
		h.t.Fatalf("%s: %d %v %s", path, want.Code, want.Header(), want.Body)
	}
	if w.Code != want.Code || w.Body.String() != want.Body.String() {
		h.t.Errorf("%s: %d %s", what, w.Code, w.Body)
	}
	if diff := cmp.Diff(want.Header(), w.Header()); diff != "" {
		h.t.Errorf("%s: headers tell it from %s:\n%s", what, path, diff)
	}
}

// counted returns a line of the metrics.
func (h *house) counted(name string) string {
	var b strings.Builder
	h.Metrics.WritePrometheus(&b)
	for line := range strings.Lines(b.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
