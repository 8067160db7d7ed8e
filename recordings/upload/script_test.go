package upload_test

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

const (
	recordID = "183f0bf3a0982a127bdb8161e0c44eb696b3e75c-1712758751753"
	otherID  = "283f0bf3a0982a127bdb8161e0c44eb696b3e75c-1712758751754"
)

// ruby finds what BigBlueButton runs scripts with.
func ruby(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ruby")
	if err == nil {
		return path
	}
	if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
		t.Fatal("ruby is missing")
	}
	t.Skip("ruby is missing")
	return ""
}

// bbb is a BigBlueButton server with the script.
type bbb struct {
	ruby   string
	dir    string
	script string
	env    []string
}

// install makes a server with the script of a pool at a URL.
func install(t *testing.T, base string, server store.Server) *bbb {
	t.Helper()
	b := &bbb{ruby: ruby(t), dir: t.TempDir()}
	b.script = filepath.Join(b.dir, "bbbpool.rb")
	b.reinstall(t, base, server)
	b.env = []string{
		"PATH=" + os.Getenv("PATH"), "LANG=C", "BBBPOOL_PAUSE=0.001", "BBBPOOL_GIVE_UP=30",
		"BBBPOOL_PUBLISHED_DIR=" + filepath.Join(b.dir, "published"),
		"BBBPOOL_RECORDING_DIR=" + filepath.Join(b.dir, "recording"),
	}
	return b
}

func (b *bbb) reinstall(t *testing.T, base string, server store.Server) {
	t.Helper()
	text, err := upload.Script(base, server)
	if err == nil {
		err = os.WriteFile(b.script, text, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// publish makes a format of a recording.
func (b *bbb) publish(t *testing.T, format, id string, size int) {
	t.Helper()
	dir := filepath.Join(b.dir, "published", format, id)
	err := os.MkdirAll(filepath.Join(dir, "video"), 0o755)
	for name, content := range map[string][]byte{
		"metadata.xml": []byte("<recording><id>" + id + "</id></recording>"), "video/webcams of us.webm": random(size),
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the script, and fails unless it ends as wanted.
func (b *bbb) run(t *testing.T, wantOK bool, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), b.ruby, append([]string{"-w", b.script}, args...)...)
	c.Env = b.env
	said, err := c.CombinedOutput()
	if (err == nil) != wantOK {
		t.Fatalf("%v: %v\n%s", args, err, said)
	}
	if strings.Contains(string(said), "warning:") || strings.Contains(string(said), "bbbpool.rb:") {
		t.Errorf("%v: warnings, or a trace:\n%s", args, said)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "recording/bbbpool/*.tar")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	return string(said)
}

// marks are the notes of the script on a recording.
func (b *bbb) marks(id string) (kinds string) {
	paths, _ := filepath.Glob(filepath.Join(b.dir, "recording/status/published", id+"-bbbpool.*"))
	for _, path := range paths {
		kinds += filepath.Ext(path)
	}
	return kinds
}

// tree is what is published of a recording.
func (b *bbb) tree(t *testing.T, id string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(filepath.Join(b.dir, "published"))
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, id) {
			return err
		}
		content, err := fs.ReadFile(root, path)
		files[path] = digest(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// unpacked is what is in the archive that was accepted last.
func (p *pool) unpacked(t *testing.T) map[string]string {
	t.Helper()
	accepted := p.taken()
	content, err := os.ReadFile(filepath.Join(p.inbox, accepted[len(accepted)-1].SHA256))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	archive := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			content, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			files[header.Name] = digest(content)
		}
	}
}

// cutter forwards connections, and cuts each of the first few when so many bytes have gone through it.
func cutter(t *testing.T, target string, after int64, times int32) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	var left atomic.Int32
	left.Store(times)
	forward := func(here net.Conn) {
		defer func() { _ = here.Close() }()
		there, err := net.Dial("tcp", strings.TrimPrefix(target, "http://"))
		if err != nil {
			return
		}
		defer func() { _ = there.Close() }()
		go func() { _, _ = io.Copy(here, there) }()
		limit := int64(1 << 40)
		if left.Load() > 0 {
			limit = after
		}
		if n, _ := io.CopyN(there, here, limit); n == limit {
			left.Add(-1)
		}
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(conn)
		}
	}()
	return "http://" + listener.Addr().String()
}

// The connection breaks in the middle, twice: the script goes on where it was, and what arrives is what was published,
// with all its formats. It is marked as sent then, and not sent again.
func TestScript_Interrupted(t *testing.T) {
	p := start(t)
	b := install(t, cutter(t, p.url, 3<<20, 2), bbb1)
	b.publish(t, "presentation", recordID, 7<<20)
	b.publish(t, "podcast", recordID, 1<<20)
	b.publish(t, "presentation", otherID, 10)
	said := b.run(t, true, "-m", recordID, "-f", "presentation")
	if !strings.Contains(said, "sent podcast, presentation") || !strings.Contains(said, "trying again") {
		t.Errorf("said:\n%s", said)
	}
	if diff := cmp.Diff(b.tree(t, recordID), p.unpacked(t)); diff != "" {
		t.Errorf("what was published and what arrived (-published +arrived):\n%s", diff)
	}
	if !strings.Contains(p.log.String(), "upload resumed") {
		t.Errorf("not resumed:\n%s", p.log)
	}
	if u := p.taken()[0]; u.Name != recordID+".tar" || u.Server != bbb1.ID {
		t.Errorf("accepted: %+v", u)
	}
	if kinds := b.marks(recordID); kinds != ".done" {
		t.Errorf("marks: %s", kinds)
	}
	b.run(t, true, "--meeting-id", recordID, "--format", "podcast") // packs the same bytes
	if len(p.taken()) != 1 {
		t.Errorf("accepted: %+v", p.taken())
	}
}

// All that the pool does not have is sent once: what is new, has a new format, or was changed.
func TestScript_All(t *testing.T) {
	p := start(t)
	b := install(t, p.url+"/", bbb1)
	b.publish(t, "presentation", recordID, 1000)
	b.publish(t, "presentation", otherID, 1000)
	b.publish(t, "presentation", "$(id)", 1000) // is no recording
	all := func(want int) {
		t.Helper()
		before := len(p.taken())
		said := b.run(t, true, "--all")
		if !strings.Contains(said, fmt.Sprintf("%d recordings to send", want)) || len(p.taken()) != before+want {
			t.Errorf("want %d sent, accepted %d:\n%s", want, len(p.taken())-before, said)
		}
	}
	all(2)
	all(0)
	b.publish(t, "podcast", recordID, 1000)
	old := time.Now().Add(-time.Hour) // its files are older than the mark
	metadata := filepath.Join(b.dir, "published/podcast", recordID, "metadata.xml")
	if err := os.Chtimes(metadata, old, old); err != nil {
		t.Fatal(err)
	}
	all(1)
	all(0)
	coming := time.Now().Add(time.Second)
	err := errors.Join(os.WriteFile(metadata, []byte("<recording/>"), 0o644), os.Chtimes(metadata, coming, coming))
	if err != nil {
		t.Fatal(err)
	}
	all(1)
	b.publish(t, "presentation", otherID, 1001)
	mark := filepath.Join(b.dir, "recording/status/published", otherID+"-bbbpool.done")
	later := time.Now().Add(time.Hour)                                                        // than anything that was made
	if err := errors.Join(os.Truncate(mark, 0), os.Chtimes(mark, later, later)); err != nil { // by hand: not wanted
		t.Fatal(err)
	}
	if said := b.run(t, true, "--all"); strings.Contains(said, otherID) {
		t.Errorf("marked by hand:\n%s", said)
	}
}

// A recording that could not be sent is noted, and sent along with the next one that can.
func TestScript_Retry(t *testing.T) {
	p := start(t)
	wrong := bbb1
	wrong.Secret = "before"
	b := install(t, p.url, wrong)
	b.publish(t, "presentation", recordID, 1000)
	b.publish(t, "presentation", otherID, 1000)
	said := b.run(t, false, "-m", recordID)
	if !strings.Contains(said, "bbbpool server script "+bbb1.ID) || strings.Contains(said, upload.Token(wrong).Reveal()) {
		t.Errorf("wrong secret:\n%s", said)
	}
	if kinds := b.marks(recordID); kinds != ".retry" {
		t.Errorf("marks: %s", kinds)
	}
	b.reinstall(t, p.url, bbb1)
	b.run(t, true, "-m", otherID)
	if b.marks(recordID) != ".done" || b.marks(otherID) != ".done" || len(p.taken()) != 2 {
		t.Errorf("marks %s %s, accepted %+v", b.marks(recordID), b.marks(otherID), p.taken())
	}
}

// A pool that does not answer, or nothing that is the pool, is given up on after a while, and said.
func TestScript_NoPool(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	b := install(t, "http://"+listener.Addr().String(), bbb1)
	b.env = append(b.env, "BBBPOOL_GIVE_UP=0.01")
	b.publish(t, "presentation", recordID, 1000)
	said := b.run(t, false, "--all")
	if !strings.Contains(said, "given up for now") || !strings.Contains(said, "refused") {
		t.Errorf("nobody listens:\n%s", said)
	}
	if kinds := b.marks(recordID); kinds != ".retry" {
		t.Errorf("marks: %s", kinds)
	}
	page := serveFunc(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) })
	b.reinstall(t, page, bbb1)
	if said := b.run(t, false, "--all"); !strings.Contains(said, "pool's URL") {
		t.Errorf("another page:\n%s", said)
	}
}

func serveFunc(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// The pool's certificate is checked.
func TestScript_TLS(t *testing.T) {
	p := start(t)
	mux := http.NewServeMux()
	p.Mount(mux)
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	b := install(t, server.URL, bbb1)
	b.publish(t, "presentation", recordID, 1000)
	known := b.env
	b.env = append(known, "BBBPOOL_GIVE_UP=0.001")
	if said := b.run(t, false, "-m", recordID); !strings.Contains(said, "certificate verify failed") {
		t.Errorf("a certificate that nobody knows:\n%s", said)
	}
	file := filepath.Join(b.dir, "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	b.env = append(known, "SSL_CERT_FILE="+file)
	b.run(t, true, "-m", recordID)
	if len(p.taken()) != 1 {
		t.Errorf("accepted: %+v", p.taken())
	}
}

// A proxy that lets only small bodies through makes it slower, and no more.
func TestScript_SmallProxy(t *testing.T) {
	p := start(t)
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	b := install(t, serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 1<<20 {
			http.Error(w, "<html>413 Request Entity Too Large</html>", http.StatusRequestEntityTooLarge)
			return
		}
		proxy.ServeHTTP(w, r)
	}), bbb1)
	b.publish(t, "presentation", recordID, 3<<20)
	b.run(t, true, "-m", recordID)
	if diff := cmp.Diff(b.tree(t, recordID), p.unpacked(t)); diff != "" {
		t.Errorf("what was published and what arrived (-published +arrived):\n%s", diff)
	}
}

// A recording that the pool refuses does not keep the others back, and what fails for a while is tried again.
func TestScript_Refused(t *testing.T) {
	p := start(t, func(h *upload.Handler) { h.Config.MaxUpload = 1 << 20 })
	var asked atomic.Int32
	p.Room = func(int64) error {
		if asked.Add(1) < 3 {
			return errors.New("it is full")
		}
		return nil
	}
	b := install(t, p.url, bbb1)
	b.publish(t, "presentation", recordID, 2<<20)
	b.publish(t, "presentation", otherID, 1000)
	said := b.run(t, false, "--all")
	if !strings.Contains(said, "--max-upload") || !strings.Contains(said, "it is full") || len(p.taken()) != 1 {
		t.Errorf("accepted %+v, said:\n%s", p.taken(), said)
	}
	if b.marks(recordID) != ".retry" || b.marks(otherID) != ".done" {
		t.Errorf("marks %s %s", b.marks(recordID), b.marks(otherID))
	}
}

// Arguments are data: nothing in them reaches a shell or leaves the directories.
func TestScript_Arguments(t *testing.T) {
	p := start(t)
	b := install(t, p.url, bbb1)
	b.publish(t, "presentation", recordID, 10)
	for _, args := range [][]string{
		{}, {"-m", "../" + recordID}, {"-m", "*"}, {"-m", "$(touch x)"}, {"-m", "a\nb"}, {"-m", otherID}, {"--wrong"},
	} {
		if said := b.run(t, false, args...); !strings.HasPrefix(said, "bbbpool: ") {
			t.Errorf("%q: %s", args, said)
		}
	}
	if len(p.taken()) > 0 {
		t.Errorf("accepted: %+v", p.taken())
	}
}

// A script is made only where it can work, and nothing in it has been put there by somebody else.
func TestScript(t *testing.T) {
	text, err := upload.Script("https://pool.example.org/", bbb1)
	if err != nil || !bytes.Contains(text, []byte("POOL   = 'https://pool.example.org'\n")) ||
		bytes.Contains(text, []byte(bbb1.Secret.Reveal())) ||
		!bytes.Contains(text, []byte(upload.Token(bbb1).Reveal())) || bytes.Contains(text, []byte("@POOL@")) {
		t.Errorf("%v\n%.900s", err, text)
	}
	for _, base := range []string{
		"", "pool.example.org", "ftp://pool.example.org", "https://", "https://:443", "https://u:p@pool.example.org",
		"https://pool.example.org/?a", "https://pool.example.org/#a",
		"https://pool.example.org/'+`id`+'", "https://pool.example.org/\nx",
		"https://a b",
	} {
		if _, err := upload.Script(base, bbb1); err == nil || strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%q: %v", base, err)
		}
	}
	for _, server := range []store.Server{{ID: "a"}, {Secret: "s"}, {ID: "a'b", Secret: "s"}} {
		if _, err := upload.Script("https://pool.example.org", server); err == nil {
			t.Errorf("%+v: it was made", server)
		}
	}
}
