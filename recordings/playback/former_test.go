package playback_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// formerLinks are links by their tokens, with what they are for; err is what all of them say.
type formerLinks struct {
	links map[string]string
	err   error
}

func (f *formerLinks) TakeLink(_ context.Context, token, recordID, format string) error {
	if f.err != nil {
		return f.err
	}
	if f.links[token] != recordID+" "+format {
		return store.ErrNotFound
	}
	delete(f.links, token)
	return nil
}

// A link that Scalelite has given out lets in once, and whoever it has let in goes on; nothing else looks like one.
func TestPlayback_FormerLinks(t *testing.T) {
	token := strings.Repeat("0f", 32)
	f := &formerLinks{links: map[string]string{token: protected + " video", "short": protected + " video"}}
	h := newHouse(t, func(h *house) { h.Former = f })
	at := "/recording/" + protected + "/video?token="
	for _, c := range []struct {
		what, line string
		want       int
	}{
		{"of another format", "GET /recording/" + protected + "/presentation?token=" + token, http.StatusNotFound},
		{"of another recording", "GET /recording/" + another + "/video?token=" + token, http.StatusNotFound},
		{"a look", "HEAD " + at + token, http.StatusNotFound},
		{"too short", "GET " + at + "short", http.StatusNotFound},
		{"unknown", "GET " + at + strings.Repeat("00", 32), http.StatusNotFound},
	} {
		if got := h.do(c.line); got.Code != c.want {
			t.Errorf("%s: %d", c.what, got.Code)
		}
	}
	f.err = store.ErrAway
	if got := h.do("GET " + at + token); got.Code != http.StatusServiceUnavailable {
		t.Errorf("while the database is away: %d", got.Code)
	}
	f.err = nil
	entered := h.do("GET " + at + token)
	cookie, _, _ := strings.Cut(entered.Header().Get("Set-Cookie"), ";")
	if entered.Code != http.StatusTemporaryRedirect || cookie == "" {
		t.Fatalf("entered: %d", entered.Code)
	}
	if got := h.do("GET "+at+token, "Cookie: "+cookie); got.Code != http.StatusTemporaryRedirect {
		t.Errorf("a reload: %d", got.Code)
	}
	if got := h.do("GET " + at + token); got.Code != http.StatusNotFound {
		t.Errorf("once more, by somebody else: %d", got.Code)
	}
}
