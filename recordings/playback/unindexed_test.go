package playback_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/store"
)

// shaky is an index that can be away.
type shaky struct {
	index
	away  bool
	asked int
}

func (s *shaky) Recording(ctx context.Context, id string) (store.Recording, error) {
	s.asked++
	if s.away {
		return store.Recording{}, fmt.Errorf("recording %s: %w", id, store.ErrAway)
	}
	return s.index.Recording(ctx, id)
}

// marksOf are what the disk tells: which recordings are published there, and which of them are protected.
type marksOf map[string]bool

func (m marksOf) Shelved(recordID string) ([]string, bool, error) {
	protected, ok := m[recordID]
	if !ok {
		return nil, false, fs.ErrNotExist
	}
	return []string{"presentation", "video"}, protected, nil
}

// newShaky is a house over an index that can be away.
func newShaky(t *testing.T, m playback.Marks) (*house, *shaky) {
	t.Helper()
	x := &shaky{}
	h := newHouse(t, func(h *house) {
		all, ok := h.Recordings.(index)
		if !ok {
			t.Fatal("no index")
		}
		x.index = all
		h.Recordings, h.Marks = x, m
	})
	return h, x
}

// While the index is away what lies published plays, unless it is marked as protected: that plays for whoever has a cookie, and new
// links are told why they do not work, and are not used up.
func TestPlayback_IndexAway(t *testing.T) {
	h, x := newShaky(t, marksOf{open: false, protected: true, another: true})
	entered := h.do("GET " + h.link(protected, "video"))
	if entered.Code != http.StatusTemporaryRedirect {
		t.Fatalf("enter: %d", entered.Code)
	}
	cookie, _, _ := strings.Cut(entered.Header().Get("Set-Cookie"), ";")
	fresh := h.link(another, "video")
	x.away, x.asked = true, 0
	for _, one := range []struct {
		what, line string
		headers    []string
		want       int
		text       string
	}{
		{"an open one", "GET /video/" + open + "/video-0.m4v", nil, http.StatusOK, "0123456789"},
		{"the link to an open one", "GET /recording/" + open + "/video", nil, http.StatusTemporaryRedirect, ""},
		{"a format that is not there", "GET /notes/" + open + "/notes.pdf", nil, http.StatusNotFound, ""},
		{"a protected one", "GET /video/" + protected + "/video-0.m4v", nil, http.StatusNotFound, "protected"},
		{"a protected one with a cookie", "GET /video/" + protected + "/video-0.m4v", []string{"Cookie: " + cookie}, http.StatusOK, "0123456789"},
		{"another one with that cookie", "GET /video/" + another + "/video-0.m4v", []string{"Cookie: " + cookie}, http.StatusNotFound, ""},
		{"a new link", "GET " + fresh, nil, http.StatusServiceUnavailable, "The link stays good"},
		{"a hidden one", "GET /video/" + hidden + "/video-0.m4v", nil, http.StatusServiceUnavailable, ""},
	} {
		got := h.do(one.line, one.headers...)
		if got.Code != one.want || !strings.Contains(got.Body.String(), one.text) {
			t.Errorf("%s: %d %s, want %d with %q", one.what, got.Code, got.Body, one.want, one.text)
		}
	}
	if x.asked > 1 {
		t.Errorf("an index that is away was asked %d times", x.asked)
	}
	x.away = false
	h.now = h.now.Add(3 * time.Second)
	if got := h.do("GET " + fresh); got.Code != http.StatusTemporaryRedirect {
		t.Errorf("the link, when the index is back: %d %s", got.Code, got.Body)
	}
	if got := h.do("GET /video/" + hidden + "/video-0.m4v"); got.Code != http.StatusNotFound {
		t.Errorf("a hidden one, when the index is back: %d", got.Code)
	}
}

// Where marks cannot be relied on, nothing plays without the index.
func TestPlayback_IndexAwayUnmarked(t *testing.T) {
	for _, m := range []playback.Marks{nil, marksOf{}} {
		h, x := newShaky(t, m)
		x.away = true
		if got := h.do("GET /video/" + open + "/video-0.m4v"); got.Code != http.StatusServiceUnavailable {
			t.Errorf("without marks: %d %s", got.Code, got.Body)
		}
	}
}

// lostTokens cannot tell whether a token was used.
type lostTokens struct{}

func (lostTokens) SpendToken(context.Context, string, time.Time, time.Time) error {
	return fmt.Errorf("spend: %w", store.ErrAway)
}

// While nobody can tell which links were used new ones do not work, and say why; cookies that are out do.
func TestPlayback_TokensAway(t *testing.T) {
	h := newHouse(t)
	entered := h.do("GET " + h.link(protected, "video"))
	cookie, _, _ := strings.Cut(entered.Header().Get("Set-Cookie"), ";")
	h.Tokens = lostTokens{}
	if got := h.do("GET " + h.link(protected, "video")); got.Code != http.StatusServiceUnavailable ||
		!strings.Contains(got.Body.String(), "cannot be checked at the moment") || got.Header().Get("Set-Cookie") != "" {
		t.Errorf("a new link: %d %s", got.Code, got.Body)
	}
	if got := h.do("GET "+h.link(protected, "video"), "Cookie: "+cookie); got.Code != http.StatusTemporaryRedirect {
		t.Errorf("a new link with a cookie: %d %s", got.Code, got.Body)
	}
	if got := h.do("GET /video/"+protected+"/video-0.m4v", "Cookie: "+cookie); got.Code != http.StatusOK {
		t.Errorf("the film: %d", got.Code)
	}
}

// keys are those of all instances together.
type keys struct {
	known []byte
	away  bool
}

func (k *keys) Key(_ context.Context, _ string, fresh []byte) ([]byte, error) {
	if k.away {
		return nil, store.ErrAway
	}
	if k.known == nil {
		k.known = fresh
	}
	return k.known, nil
}

// All instances sign with one secret, which each has at hand when it starts while the index is away.
func TestOpen_SharedSecret(t *testing.T) {
	shared, one, other := &keys{}, t.TempDir(), t.TempDir()
	secret := func(dir string) store.Secret {
		h := newHouse(t, func(h *house) { h.Keys = shared })
		h.Secret = ""
		if err := h.Open(dir); err != nil {
			t.Fatal(err)
		}
		return h.Secret
	}
	first := secret(one)
	if got := secret(other); got != first {
		t.Error("two instances sign with two secrets")
	}
	shared.away = true
	if got := secret(other); got != first {
		t.Error("an instance that is started again while the index is away signs with another secret")
	}
}
