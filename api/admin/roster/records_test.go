package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// told is a pool that knows of servers what it was told last.
type told map[string]store.Server

func (p told) SetServer(s store.Server) { p[s.ID] = s }

func (p told) RemoveServer(_ context.Context, id string) error {
	delete(p, id)
	return nil
}

// records are those of an empty pool.
func records(t *testing.T) (*Records, told) {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	pool := told{}
	return &Records{Store: stores.State, Pool: pool}, pool
}

// However many change servers at the same time, the pool knows in the end what is stored; and whoever hangs up does not stop
// half of a change.
func TestRecords_InStep(t *testing.T) {
	r, pool := records(t)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	var changing sync.WaitGroup
	for i := range 40 {
		changing.Go(func() {
			id := fmt.Sprint("s", i%4)
			s := store.Server{ID: id, URL: "https://" + id + ".example/bigbluebutton/api", State: store.Disabled, Weight: 1}
			err := r.insert(gone, &s)
			refused, taken := errors.AsType[*v1.Error](err)
			if err != nil && (!taken || refused.Code != v1.CodeExists) {
				t.Error(err)
			}
			if _, err := r.update(gone, id, func(s *store.Server) error { s.Capacity++; return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	changing.Wait()
	stored, err := r.Store.Servers(t.Context())
	if err != nil || len(stored) != 4 {
		t.Fatalf("stored %+v, %v", stored, err)
	}
	for _, s := range stored {
		if diff := cmp.Diff(s, pool[s.ID]); diff != "" || s.Capacity != 10 {
			t.Errorf("%s (-stored +told), capacity %d:\n%s", s.ID, s.Capacity, diff)
		}
	}
}

// A server does not move to where another is, under whatever ID, and one that is not there cannot be changed.
func TestRecords_Move(t *testing.T) {
	r, pool := records(t)
	const a, b = "https://a.example/bigbluebutton/api", "https://b.example/bigbluebutton/api"
	for _, url := range []string{a, b} {
		if err := r.insert(t.Context(), &store.Server{URL: url, Weight: 1}); err != nil {
			t.Fatal(err)
		}
	}
	to := func(url string) error {
		_, err := r.move(t.Context(), store.Server{ID: "b.example", URL: url}, func(s *store.Server) error { s.URL = url; return nil })
		return err
	}
	if err := to(a); err == nil || !strings.Contains(err.Error(), "is in the pool already, as server a.example") || pool["b.example"].URL != b {
		t.Errorf("moved to where another is: %v, %+v", err, pool["b.example"])
	}
	const c = "https://c.example/bigbluebutton/api"
	if err := to(c); err != nil || pool["b.example"].URL != c {
		t.Errorf("moved: %v, %+v", err, pool["b.example"])
	}
	nothing := func(*store.Server) error { return nil }
	if _, err := r.update(t.Context(), "c.example", nothing); err == nil || !strings.Contains(err.Error(), "there is no server") {
		t.Errorf("changed what is not there: %v", err)
	}
}

// What has become of meetings is told one by one, with what went wrong, and never less than there were.
func TestTally(t *testing.T) {
	var lines []v1.Progress
	meetings := tally{tell: func(p v1.Progress) { lines = append(lines, p) }}
	key := func(id string) store.MeetingKey { return store.MeetingKey{Tenant: "default", MeetingID: id} }
	meetings.expect(2)
	meetings.count(key("a"), true, false, nil)
	meetings.count(key("b"), true, true, errors.New("server x: refused"))
	meetings.expect(1)
	meetings.count(key("c"), false, false, errors.New("server x: late"))
	want := []v1.Progress{
		{Done: 1, Total: 2, Current: "a"},
		{Done: 2, Total: 2, Current: "b", Problem: "server x: refused"},
		{Done: 2, Total: 3, Current: "c", Problem: "server x: late"},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	failed := []string{"b of tenant default: server x: refused", "c of tenant default: server x: late"}
	if diff := cmp.Diff(failed, meetings.failed); diff != "" || meetings.done() != 2 || meetings.forgotten != 1 {
		t.Errorf("%d done, %d forgotten, failed (-want +got):\n%s", meetings.done(), meetings.forgotten, diff)
	}
}

// What was changed is said field by field, and of a secret that it was.
func TestDifferences(t *testing.T) {
	before := store.Server{URL: "u", Secret: "old", Weight: 1, Capacity: 5, Tag: "x"}
	after := store.Server{URL: "u", Secret: "new", Weight: 2.5, Hard: true, Capacity: 5}
	want := []string{"secret: *** -> ***", "weight: 1 -> 2.5", "hard: false -> true", "tag: x -> none"}
	if diff := cmp.Diff(want, Differences(before, after)); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if list := Differences(after, after); len(list) != 0 {
		t.Errorf("nothing was changed: %v", list)
	}
}
