package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
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
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// servers are the servers of a pool.
type servers map[string]store.Server

func (s servers) Server(_ context.Context, id string) (store.Server, error) {
	if id == "broken" {
		return store.Server{}, io.ErrUnexpectedEOF
	}
	if server, ok := s[id]; ok {
		return server, nil
	}
	return store.Server{}, fmt.Errorf("server %s: %w", id, store.ErrNotFound)
}

var (
	bbb1 = store.Server{ID: "bbb1.example.org", Secret: "s3cret", State: store.Enabled}
	bbb2 = store.Server{ID: "bbb2.example.org", Secret: "s3cret", State: store.Enabled}
)

// pool takes uploads, and keeps what was accepted under its digest.
type pool struct {
	*upload.Handler
	url   string
	inbox string
	log   *lines

	mu        sync.Mutex
	accepted  []upload.Upload
	refuse    error  // for Accept to return
	undecided string // the server that has sent everything, which is not decided about
}

// start runs a pool whose HTTP server has the timeouts of the real one.
func start(t *testing.T, change ...func(*upload.Handler)) *pool {
	t.Helper()
	p := &pool{inbox: t.TempDir(), log: newLines()}
	p.Handler = &upload.Handler{
		Config: upload.Config{MaxUpload: 64 << 20, MaxUploads: 4},
		Servers: servers{
			bbb1.ID: bbb1, bbb2.ID: bbb2,
			"off":   {ID: "off", Secret: "s3cret", State: store.Disabled},
			"empty": {ID: "empty"},
			"rekey": {ID: "rekey", Secret: "new", Former: "f0rmer"},
		},
		Dir: filepath.Join(t.TempDir(), "parts"), Room: func(int64) error { return nil }, Known: p.known, Accept: p.accept,
		Log: zerolog.New(p.log).Level(zerolog.InfoLevel), Metrics: metrics.NewSet(),
	}
	for _, c := range change {
		c(p.Handler)
	}
	p.url = serve(t, p.Handler)
	return p
}

// serve serves a handler, and returns the URL.
func serve(t *testing.T, h *upload.Handler) string {
	t.Helper()
	mux := http.NewServeMux()
	h.Mount(mux)
	mux.HandleFunc("/api/v1/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "administration", http.StatusTeapot)
	})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 2*time.Minute, 3*time.Minute
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func (p *pool) known(_ context.Context, server, digest string) (string, bool) {
	p.mu.Lock()
	other := p.undecided
	p.mu.Unlock()
	if other != "" {
		return "waiting", server == other
	}
	if _, err := os.Stat(filepath.Join(p.inbox, digest)); err != nil {
		return "", false
	}
	return "waiting", true
}

func (p *pool) accept(_ context.Context, u upload.Upload) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse
	}
	p.accepted = append(p.accepted, u)
	return os.Rename(u.Path, filepath.Join(p.inbox, u.SHA256))
}

func (p *pool) accepts(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = err
}

// taken are the uploads that were accepted so far.
func (p *pool) taken() []upload.Upload {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.accepted)
}

// has fails unless exactly these archives were accepted, byte for byte.
func (p *pool) has(t *testing.T, archives ...[]byte) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.accepted) != len(archives) {
		t.Fatalf("accepted: %+v, want %d archives", p.accepted, len(archives))
	}
	for i, want := range archives {
		got, err := os.ReadFile(filepath.Join(p.inbox, digest(want)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("archive %d is not what was sent: %d bytes, %v", i, len(got), err)
		}
		if u := p.accepted[i]; u.SHA256 != digest(want) || u.Bytes != int64(len(want)) {
			t.Errorf("accepted: %+v", u)
		}
	}
}

// parts are the files of uploads under way.
func (p *pool) parts(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(p.Dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// answer is what the pool says.
type answer struct {
	Offset   int64
	Complete bool
	State    string
	Code     string
	Error    string

	status int
	header http.Header
}

// do sends a request and reads the answer.
func do(t *testing.T, r *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		t.Fatalf("status %d: the answer is no JSON: %v", response.StatusCode, err)
	}
	if a.status >= 400 && (a.Code == "" || a.Error == "") {
		t.Errorf("status %d does not tell why: %+v", a.status, a)
	}
	return a
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+upload.Token(bbb1).Reveal())
	return r
}

// query says what is sent.
func query(archive []byte) string {
	return fmt.Sprintf("name=room-1.tar&length=%d&sha256=%s", len(archive), digest(archive))
}

// ask asks how far an archive is.
func (p *pool) ask(t *testing.T, archive []byte) answer {
	t.Helper()
	return do(t, request(t, http.MethodGet, p.url+"/api/v1/recordings/upload?"+query(archive), nil))
}

// send sends bytes of an archive from an offset on.
func (p *pool) send(t *testing.T, archive []byte, offset int, body []byte) answer {
	t.Helper()
	url := fmt.Sprintf("%s/api/v1/recordings?%s&offset=%d", p.url, query(archive), offset)
	return do(t, request(t, http.MethodPost, url, bytes.NewReader(body)))
}

// random is an archive that is not compressible and the same in every run.
func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)}).Read(b)
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// lines are a log that can be waited for.
type lines struct {
	mu   sync.Mutex
	more *sync.Cond
	text strings.Builder
}

func newLines() *lines {
	l := &lines{}
	l.more = sync.NewCond(&l.mu)
	return l
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.more.Broadcast()
	return l.text.Write(p)
}

// wait returns when a text was logged so many times.
func (l *lines) wait(text string, times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for strings.Count(l.text.String(), text) < times {
		l.more.Wait()
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
