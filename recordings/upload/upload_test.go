package upload_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/upload"
)

// cut sends part of what it has announced, and closes the connection when that was read.
func (p *pool) cut(t *testing.T, archive []byte, from, to int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Count(p.log.String(), `"code":"broken"`)
	_, err = fmt.Fprintf(conn, "POST /api/v1/recordings?%s&offset=%d HTTP/1.1\r\nHost: pool\r\n"+
		"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		query(archive), from, upload.Token(bbb1).Reveal(), len(archive)-from, archive[from:to])
	if err = errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	p.log.wait(`"code":"broken"`, before+1)
}

// A connection that is cut costs nothing of what has arrived; afterwards the archive is what was sent.
func TestHandler_Resume(t *testing.T) {
	p := start(t)
	archive := random(3<<20 + 17)
	if a := p.ask(t, archive); a.State != "absent" || a.Offset != 0 || a.Complete {
		t.Errorf("before: %+v", a)
	}
	p.cut(t, archive, 0, len(archive)/2)
	if a := p.ask(t, archive); a.State != "partial" || a.Offset != int64(len(archive)/2) {
		t.Fatalf("half of it: %+v, want offset %d", a, len(archive)/2)
	}
	p.cut(t, archive, len(archive)/2, len(archive)-1)
	if a := p.send(t, archive, 5, archive[5:]); a.status != http.StatusConflict || a.Offset != int64(len(archive)-1) {
		t.Errorf("wrong offset: %+v", a)
	}
	a := p.send(t, archive, len(archive)-1, archive[len(archive)-1:])
	if a.status != http.StatusCreated || a.State != "waiting" {
		t.Fatalf("last byte: %+v", a)
	}
	p.has(t, archive)
	if a := p.ask(t, archive); !a.Complete || a.Offset != int64(len(archive)) {
		t.Errorf("afterwards: %+v", a)
	}
	if a := p.send(t, archive, 0, archive); a.status != http.StatusOK || !a.Complete {
		t.Errorf("again: %+v", a)
	}
	p.has(t, archive)
	if left := p.parts(t); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	for _, want := range []string{
		"upload begun", "upload resumed", "upload finished", `"server":"bbb1.example.org"`, `"name":"room-1.tar"`,
	} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("not logged: %s in\n%s", want, p.log)
		}
	}
}

// A pool that starts again goes on where it was, and believes nothing that no checkpoint covers.
func TestHandler_Restart(t *testing.T) {
	p := start(t)
	archive := random(1 << 20)
	p.cut(t, archive, 0, 700_000)
	for _, path := range p.parts(t) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want it for nobody else", path, info.Mode(), err)
		}
		if strings.HasSuffix(path, ".part") { // as a crash leaves it: bytes that were never synced
			if err := os.WriteFile(path, append(slices.Clone(archive[:700_000]), make([]byte, 4096)...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	again := start(t, func(h *upload.Handler) { h.Dir = p.Dir })
	if a := again.ask(t, archive); a.Offset != 700_000 {
		t.Fatalf("after the start: %+v", a)
	}
	if a := again.send(t, archive, 700_000, archive[700_000:]); a.status != http.StatusCreated {
		t.Fatalf("the rest: %+v", a)
	}
	again.has(t, archive)
}

// A pool that is killed in the middle of an upload has lost at most what came since the last checkpoint.
func TestHandler_Killed(t *testing.T) {
	large := func(h *upload.Handler) { h.Config.MaxUpload = 1 << 30 }
	p := start(t, large)
	const synced = 64 << 20
	archive := random(synced + 2<<20)
	body, feed := io.Pipe()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = do(t, request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(archive), body))
	}()
	if _, err := feed.Write(archive[:synced+1<<20]); err != nil {
		t.Fatal(err)
	}
	for a := p.ask(t, archive); a.Offset != synced; a = p.ask(t, archive) {
		if a.State != "uploading" || a.Offset != 0 {
			t.Fatalf("under way: %+v", a)
		}
	}
	again := start(t, large, func(h *upload.Handler) { h.Dir = p.Dir }) // knows nothing of the connection
	if a := again.ask(t, archive); a.Offset != synced || a.State != "partial" {
		t.Fatalf("after the start: %+v", a)
	}
	if a := again.send(t, archive, synced, archive[synced:]); a.status != http.StatusCreated {
		t.Fatalf("the rest: %+v", a)
	}
	again.has(t, archive)
	_ = feed.Close() // before the body is whole
	<-gone
}

// A checkpoint that was damaged, or has lost its part, costs the part and nothing else.
func TestHandler_DamagedCheckpoint(t *testing.T) {
	archive := random(100_000)
	for name, damage := range map[string]func(path string) error{
		"no JSON":  func(path string) error { return os.WriteFile(path+".state", []byte("{"), 0o600) },
		"no hash":  func(path string) error { return os.WriteFile(path+".state", []byte(`{"offset":5,"length":9}`), 0o600) },
		"no part":  func(path string) error { return os.Remove(path + ".part") },
		"too long": func(path string) error { return os.Truncate(path+".part", 10) },
		"no state": func(path string) error { return os.Remove(path + ".state") },
	} {
		p := start(t)
		p.cut(t, archive, 0, 50_000)
		if err := damage(strings.TrimSuffix(p.parts(t)[0], filepath.Ext(p.parts(t)[0]))); err != nil {
			t.Fatal(err)
		}
		if a := p.ask(t, archive); a.Offset != 0 || a.State != "absent" {
			t.Errorf("%s: %+v, want to begin again", name, a)
		}
		if a := p.send(t, archive, 0, archive); a.status != http.StatusCreated {
			t.Errorf("%s: %+v", name, a)
		}
		p.has(t, archive)
	}
}

// Two connections never write one part: while one is at it the other is sent away, and nothing is
// taken twice.
func TestHandler_OneConnection(t *testing.T) {
	p := start(t)
	archive := random(1 << 20)
	body, feed := io.Pipe()
	first := make(chan answer)
	go func() {
		r := request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(archive), body)
		first <- do(t, r)
	}()
	if _, err := feed.Write(archive[:1000]); err != nil {
		t.Fatal(err)
	}
	p.log.wait("upload begun", 1)
	if a := p.send(t, archive, 0, archive); a.status != http.StatusLocked || a.header.Get("Retry-After") == "" {
		t.Errorf("second connection: %+v", a)
	}
	if a := p.ask(t, archive); a.State != "uploading" || a.Complete {
		t.Errorf("asked meanwhile: %+v", a)
	}
	if _, err := feed.Write(archive[1000:]); err != nil {
		t.Fatal(err)
	}
	_ = feed.Close()
	if a := <-first; a.status != http.StatusCreated {
		t.Errorf("first connection: %+v", a)
	}
	p.has(t, archive)
}

// However many connections bring one archive at once, it is accepted once, and each learns how it stands.
func TestHandler_Crowd(t *testing.T) {
	p := start(t, func(h *upload.Handler) { h.Config.MaxUploads = 100 })
	archive := random(300_000)
	var crowd sync.WaitGroup
	for range 12 {
		crowd.Go(func() {
			if a := p.send(t, archive, 0, archive); !a.Complete && a.status != http.StatusLocked {
				t.Errorf("%+v", a)
			}
		})
	}
	crowd.Wait()
	p.has(t, archive)
}

// More uploads than allowed are told to come back; the room is that of all of them together.
func TestHandler_Limits(t *testing.T) {
	p := start(t, func(h *upload.Handler) {
		h.Config = upload.Config{MaxUpload: 1 << 20, MaxUploads: 1}
		h.Room = func(bytes int64) error {
			if bytes > 500_000 {
				return errors.New("500000 bytes are free")
			}
			return nil
		}
	})
	large, middle, small := random(1<<20+1), random(600_000), random(300_000)
	if a := p.ask(t, large); a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.Error, "--max-upload") {
		t.Errorf("large: %+v", a)
	}
	if a := p.send(t, large, 0, large); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("large: %+v", a)
	}
	for _, a := range []answer{p.ask(t, middle), p.send(t, middle, 0, middle)} {
		if a.status != http.StatusInsufficientStorage || a.header.Get("Retry-After") == "" ||
			!strings.Contains(a.Error, "600000") || !strings.Contains(a.Error, "500000 bytes are free") {
			t.Errorf("no room: %+v", a)
		}
	}
	body, feed := io.Pipe()
	first := make(chan answer)
	go func() { first <- do(t, request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(small), body)) }()
	p.log.wait("upload begun", 1)
	other := random(250_000)
	for _, a := range []answer{p.ask(t, other), p.send(t, other, 0, other)} {
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" ||
			!strings.Contains(a.Error, "--max-uploads") {
			t.Errorf("busy: %+v", a)
		}
	}
	if _, err := io.Copy(feed, bytes.NewReader(small)); err != nil {
		t.Fatal(err)
	}
	_ = feed.Close()
	if a := <-first; a.status != http.StatusCreated {
		t.Errorf("the one under way: %+v", a)
	}
}

// The room has to do for the rest of the uploads under way, too.
func TestHandler_RoomTogether(t *testing.T) {
	p := start(t, func(h *upload.Handler) {
		h.Config.MaxUploads = 8
		h.Room = func(bytes int64) error {
			if bytes > 500_000 {
				return errors.New("500000 bytes are free")
			}
			return nil
		}
	})
	one, other := random(300_000), random(300_001)
	body, feed := io.Pipe()
	first := make(chan answer)
	go func() { first <- do(t, request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(one), body)) }()
	p.log.wait("upload begun", 1)
	if a := p.ask(t, other); a.status != http.StatusInsufficientStorage || !strings.Contains(a.Error, "600001") {
		t.Errorf("beside another: %+v", a)
	}
	_, _ = io.Copy(feed, bytes.NewReader(one))
	_ = feed.Close()
	<-first
	if a := p.send(t, other, 0, other); a.status != http.StatusCreated {
		t.Errorf("alone: %+v", a)
	}
	p.has(t, one, other)
}

// An archive with another digest, or more bytes, than was told is dropped, and does not stand in the way of the right
// one.
func TestHandler_WrongDigest(t *testing.T) {
	p := start(t)
	archive := random(200_000)
	wrong := slices.Clone(archive)
	wrong[77] ^= 1
	if a := p.send(t, archive, 0, wrong); a.status != http.StatusUnprocessableEntity || a.Offset != 0 ||
		!strings.Contains(a.Error, "again") {
		t.Errorf("wrong digest: %+v", a)
	}
	longer := request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(archive),
		io.MultiReader(bytes.NewReader(archive), strings.NewReader("more")))
	if a := do(t, longer); a.status != http.StatusUnprocessableEntity {
		t.Errorf("longer than told: %+v", a)
	}
	if left := p.parts(t); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	if a := p.send(t, archive, 0, archive); a.status != http.StatusCreated {
		t.Errorf("the right one: %+v", a)
	}
	p.has(t, archive)
}

// An archive may come in pieces; the lengths have to add up.
func TestHandler_Pieces(t *testing.T) {
	p := start(t)
	archive := random(500_000)
	for from := 0; from < len(archive); from += 150_000 {
		to := min(from+150_000, len(archive))
		want := http.StatusAccepted
		if to == len(archive) {
			want = http.StatusCreated
		}
		if a := p.send(t, archive, from, archive[from:to]); a.status != want || a.Offset != int64(to) {
			t.Fatalf("from %d: %+v", from, a)
		}
	}
	p.has(t, archive)
	other := random(1000)
	if a := p.send(t, other, 500, other); a.status != http.StatusBadRequest {
		t.Errorf("more from 500 on than there can be: %+v", a)
	}
	if a := p.send(t, other, 1001, nil); a.status != http.StatusBadRequest {
		t.Errorf("behind the end: %+v", a)
	}
}

// Without a digest an archive is taken in one go, or not at all.
func TestHandler_SingleShot(t *testing.T) {
	p := start(t)
	archive := random(300_000)
	url := p.url + "/api/v1/recordings?name=room-1.tar.gz"
	post := func(body io.Reader) answer { return do(t, request(t, http.MethodPost, url, body)) }
	if a := post(bytes.NewReader(archive)); a.status != http.StatusCreated {
		t.Errorf("first: %+v", a)
	}
	if a := post(bytes.NewReader(archive)); a.status != http.StatusOK || !a.Complete {
		t.Errorf("again: %+v", a)
	}
	p.has(t, archive)
	if a := post(io.MultiReader(bytes.NewReader(archive))); a.status != http.StatusLengthRequired {
		t.Errorf("without a length: %+v", a)
	}
	url += "&length=300001"
	if a := post(io.MultiReader(bytes.NewReader(archive))); a.status != http.StatusUnprocessableEntity {
		t.Errorf("shorter than told: %+v", a)
	}
	p.accepts(errors.New("no"))
	url = p.url + "/api/v1/recordings?name=room-1.tar"
	if a := post(bytes.NewReader(archive[1:])); a.status != http.StatusServiceUnavailable {
		t.Errorf("not accepted: %+v", a)
	}
	if left := p.parts(t); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// What cannot be taken over stays here: the sender repeats the end alone, and nothing of why is shown.
func TestHandler_NotAccepted(t *testing.T) {
	p := start(t)
	archive := random(100_000)
	p.accepts(errors.New("secret trouble"))
	if a := p.send(t, archive, 0, archive); a.status != http.StatusServiceUnavailable ||
		strings.Contains(a.Error, "secret") || a.header.Get("Retry-After") == "" {
		t.Errorf("not accepted: %+v", a)
	}
	p.log.wait("secret trouble", 1)
	p.accepts(fmt.Errorf("rename: %w", syscall.ENOSPC))
	if a := p.send(t, archive, len(archive), nil); a.status != http.StatusInsufficientStorage ||
		!strings.Contains(a.Error, "full") {
		t.Errorf("full disk: %+v", a)
	}
	p.accepts(nil)
	if a := p.ask(t, archive); a.Offset != int64(len(archive)) || a.Complete {
		t.Errorf("asked: %+v", a)
	}
	if a := p.send(t, archive, len(archive), nil); a.status != http.StatusCreated {
		t.Errorf("repeated: %+v", a)
	}
	p.has(t, archive)
}
