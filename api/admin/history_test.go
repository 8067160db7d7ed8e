package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	traces "github.com/bbbpool/bbbpool/placement/simulate"
	"github.com/bbbpool/bbbpool/store"
)

// reload counts how often tenants were read again.
func reload(times *int) func(context.Context) error {
	return func(context.Context) error {
		*times++
		return nil
	}
}

// past is a session of so many minutes that ended so many minutes after then.
func past(id string, end, minutes int) store.Session {
	ended := then.Add(time.Duration(end) * time.Minute)
	return store.Session{
		ID: id, Tenant: "default", Server: "a", Start: ended.Add(-time.Duration(minutes) * time.Minute), End: ended, Peak: 10,
		Hint: 12, Meeting: "hash-" + id,
	}
}

func (p *testPool) remember(t *testing.T, sessions ...store.Session) {
	t.Helper()
	for _, s := range sessions {
		if err := p.stores.Index.AddSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// counts pairs seconds with people.
func counts(pairs ...int) (list []traces.Count) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, traces.Count{After: pairs[i], People: pairs[i+1]})
	}
	return list
}

// The history is a trace that can be replayed, in the order of the ends, of the time that was asked for.
func TestClient_History(t *testing.T) {
	p := newTestPool(t)
	old, breakout, empty, nobody := past("old", 10, 6), past("room", 20, 60), past("empty", 30, 0), past("nobody", 40, 5)
	old.Meeting, breakout.Why.Basis, nobody.Peak = "", "parent", 0
	p.remember(t, breakout, past("late", 50, 60), nobody, old, empty, past("early", -10, 60))
	var out bytes.Buffer
	if _, err := p.History.Export(t.Context(), then, then.Add(50*time.Minute), &out); err != nil {
		t.Fatal(err)
	}
	got, err := traces.Read(&out)
	if err != nil {
		t.Fatal(err)
	}
	long := counts(0, 2, 75, 4, 150, 6, 225, 8, 300, 10, 3504, 8, 3528, 6, 3552, 4, 3576, 2, 3600, 0)
	short := counts(0, 2, 45, 4, 90, 6, 135, 8, 180, 10, 302, 8, 316, 6, 331, 4, 345, 2, 360, 0)
	meeting := func(id string, s store.Session, users []traces.Count) traces.Meeting {
		return traces.Meeting{ID: id, Tenant: "default", Hint: 12, Create: s.Start, End: s.End, Users: users}
	}
	want := []traces.Meeting{
		meeting("unknown-1", old, short), meeting("hash-room", breakout, long), meeting("hash-nobody", nobody, []traces.Count{}),
	}
	want[1].Breakout = true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	status, body := p.request(t, "GET", "/history?since=yesterday", "")
	if status != http.StatusBadRequest || !strings.Contains(body, "since") {
		t.Errorf("answered %d %s", status, body)
	}
}

// A history of more than a page comes whole, also where many meetings ended in the same moment.
func TestClient_History_Pages(t *testing.T) {
	p := newTestPool(t)
	const n = 2500
	p.api.History.Sessions = pages{p.api.History.Sessions, n, nil}
	var out bytes.Buffer
	if _, err := p.History.Export(t.Context(), time.Time{}, time.Time{}, &out); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		seen[line] = true
	}
	if len(seen) != n {
		t.Errorf("got %d meetings of %d", len(seen), n)
	}
	p.api.History.Sessions = pages{p.api.History.Sessions, n, errors.New("disk /var/private")}
	out.Reset()
	_, err := p.History.Export(t.Context(), time.Time{}, time.Time{}, &out)
	if e, ok := errors.AsType[*v1.Error](err); !ok || e.Code != "internal" || strings.Contains(e.Message, "private") {
		t.Errorf("broken off: %v", err)
	}
	if got := strings.Count(out.String(), "\n"); got != 1000 || strings.Contains(out.String(), "error") {
		t.Errorf("got %d lines before the error", got)
	}
}

type sessions = store.Sessions

// pages are n sessions that end in the same moment, and an error after the first page.
type pages struct {
	sessions
	n    int
	late error
}

func (p pages) SessionsSince(_ context.Context, _ time.Time, after string, limit int) (page []store.Session, err error) {
	if after != "" && p.late != nil {
		return nil, p.late
	}
	for i := range p.n {
		if id := fmt.Sprintf("s%05d", i); id > after && len(page) < limit {
			page = append(page, past(id, 0, 60))
		}
	}
	return page, nil
}
