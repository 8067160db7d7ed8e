package upload_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/upload"
)

// Behind a balancer the pieces of an archive come to any instance: each goes on where another one has stopped, and two are never
// at one archive.
func TestHandler_Several(t *testing.T) {
	shared := func(h *upload.Handler) { h.Shared = true }
	one := start(t, shared)
	other := start(t, shared, func(h *upload.Handler) { h.Dir, h.Known, h.Accept = one.Dir, one.known, one.accept })
	archive := random(1 << 20)
	body, feed := io.Pipe()
	first := request(t, http.MethodPost, one.url+"/api/v1/recordings?"+query(archive), body)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if response, err := http.DefaultClient.Do(first); err == nil {
			_ = response.Body.Close()
		}
	}()
	if _, err := feed.Write(archive[:1000]); err != nil {
		t.Fatal(err)
	}
	one.log.wait("upload begun", 1)
	if a := other.ask(t, archive); a.State != "uploading" || a.Complete {
		t.Errorf("asked at another instance meanwhile: %+v", a)
	}
	if a := other.send(t, archive, 0, archive); a.status != http.StatusLocked || a.header.Get("Retry-After") == "" {
		t.Errorf("sent to another instance meanwhile: %+v", a)
	}
	if err := feed.CloseWithError(io.ErrUnexpectedEOF); err != nil {
		t.Fatal(err)
	}
	<-gone
	a := other.ask(t, archive)
	for a.State == "uploading" { // until the instance has seen that the connection is gone
		a = other.ask(t, archive)
	}
	half := int(a.Offset) + 1000
	if a := other.send(t, archive, int(a.Offset), archive[a.Offset:half]); a.status != http.StatusAccepted {
		t.Errorf("a piece: %+v", a)
	}
	if a := one.send(t, archive, half, archive[half:]); a.status != http.StatusCreated {
		t.Errorf("the rest, at the other: %+v", a)
	}
	one.has(t, archive)
	if left := one.parts(t); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// An instance that cannot know that an archive is here takes it anew. What it has got of that goes as soon as anybody knows.
func TestHandler_Several_SentAnew(t *testing.T) {
	shared := func(h *upload.Handler) { h.Shared = true }
	one := start(t, shared)
	blind := start(t, shared, func(h *upload.Handler) { h.Dir = one.Dir })
	archive := random(1 << 20)
	if a := one.send(t, archive, 0, archive); a.status != http.StatusCreated {
		t.Fatalf("sent: %+v", a)
	}
	for name, again := range map[string]func() answer{
		"asked": func() answer { return one.ask(t, archive) },
		"sent":  func() answer { return one.send(t, archive, 1000, archive[1000:]) },
	} {
		if a := blind.send(t, archive, 0, archive[:1000]); a.status != http.StatusAccepted {
			t.Fatalf("%s: a piece, where nobody knows: %+v", name, a)
		}
		if a := again(); a.status != http.StatusOK || !a.Complete {
			t.Errorf("%s: %+v", name, a)
		}
		if left := one.parts(t); len(left) > 0 {
			t.Errorf("%s: left over: %v", name, left)
		}
	}
	one.has(t, archive)
}
