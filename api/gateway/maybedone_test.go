package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/store"
)

// An end whose leader has ended before it answered is handed to the next one, where the meeting is nowhere: as was wished for.
// Nobody but another instance can say so.
func TestEnd_HandedOnAgain(t *testing.T) {
	p := start(t, settings{servers: 1, poll: time.Hour})
	e := p.among()
	for _, c := range []struct {
		headers []string
		want    string
	}{
		{nil, "notFound"},
		{[]string{gateway.AgainHeader, "1s"}, "notFound"},
		{[]string{peerHeader, "yes"}, "notFound"},
		{[]string{peerHeader, "yes", gateway.AgainHeader, "1s"}, "sentEndMeetingRequest"},
	} {
		if said, _ := p.get("end", "meetingID=room&password=mp", c.headers...); !strings.Contains(said, c.want) {
			t.Errorf("%v: %s", c.headers, said)
		}
	}
	p.create("room")
	if err := p.sims[0].End("room"); err != nil {
		t.Fatal(err)
	}
	if said, _ := p.get("end", "meetingID=room&password=mp", peerHeader, "yes", gateway.AgainHeader, "1s"); !strings.Contains(said, "sentEndMeetingRequest") {
		t.Errorf("of one that is claimed yet: %s", said)
	}
	var passed string
	e.answer = func(_ http.ResponseWriter, r *http.Request) { passed = r.Header.Get(gateway.AgainHeader) }
	e.leading.Store(false)
	if p.get("end", "meetingID=room&password=mp", gateway.AgainHeader, "1s"); passed != "" {
		t.Error("what a front end says of that is handed on")
	}
}

// An end that a leader was at, and that it could not record, for it leads no more, is handed to the next one as what may be done; one
// that it has not begun is not.
func TestEnd_LostTheLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := &away{err: store.ErrFenced}
		g, ask := lone(t, lost)
		e := &elsewhere{}
		e.leading.Store(true)
		e.reachable.Store(true)
		g.Elsewhere = e
		ask("create", createQuery("room"))
		lost.fails.Store(-1)
		g.May = func(ctx context.Context) (context.Context, context.CancelFunc, bool) {
			ctx, cancel := context.WithCancel(ctx)
			time.Sleep(time.Second) // it was stopped meanwhile
			cancel()
			return ctx, cancel, true
		}
		handed, again := 0, ""
		e.answer = func(_ http.ResponseWriter, r *http.Request) {
			handed, again = handed+1, r.Header.Get(gateway.AgainHeader)
		}
		ask("end", "meetingID=room")
		if since, err := time.ParseDuration(again); handed != 1 || err != nil || since < time.Second {
			t.Errorf("it is handed on %d times, asked for since %q", handed, again)
		}
		ask("create", createQuery("another"))
		if handed != 2 || again != "" {
			t.Errorf("a create is handed on %d times, asked for since %q", handed-1, again)
		}
		g.Peer = func(*http.Request) bool { return true }
		for call, want := range map[string]bool{"end": true, "create": false} { // whoever has handed it on hands it to the next one
			query := "meetingID=room"
			if call == "create" {
				query = createQuery("another")
			}
			w := httptest.NewRecorder()
			target := "/bigbluebutton/api/" + call + "?" + bbb.SHA256.Sign(call, query, secret)
			g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
			if said := w.Header().Get(gateway.AgainHeader) != ""; w.Code != http.StatusMisdirectedRequest || said != want {
				t.Errorf("%s: %d, said to be done perhaps: %t", call, w.Code, said)
			}
		}
	})
}
