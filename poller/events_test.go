package poller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// What happened to a server is told in order, in words that say what follows from it, and never with a secret.
func TestEvents(t *testing.T) {
	start := time.Now()
	now := start
	c := config()
	c.Unhealthy = 2
	r := newRig(t, c, func() time.Time { return now }, "a", "b", "c")
	if list := r.Events("a"); len(list) != 0 {
		t.Errorf("at the start: %v", list)
	}
	report := func(err error) {
		now = now.Add(10 * time.Second)
		r.Report("a", r.Client("a"), err)
	}
	report(nil)
	report(errDown)
	report(errDown)
	report(nil)
	report(errDown)
	report(errDown)
	report(nil)
	changed := record("a")
	for _, state := range []store.ServerState{store.Cordoned, store.Draining, store.Disabled, store.Enabled} {
		changed.State = state
		r.SetServer(changed)
	}
	changed.URL, changed.Secret, changed.Weight = "http://moved/bigbluebutton/api", "a new secret", 7
	r.SetServer(changed)
	changed.State = store.Cordoned
	r.SetServer(changed)
	report(nil)
	want := []string{
		"10s online: online: it answers, and takes new meetings",
		"20s suspect: suspect: connection refused; no new meetings until it answers, while others can take them",
		"30s offline: offline: connection refused; its meetings are created elsewhere when somebody asks, none is ended",
		"40s online: online: it answers, and takes new meetings",
		"50s suspect: suspect: connection refused; no new meetings until it has answered 2 polls in a row, while others can take them",
		"1m0s offline: offline: connection refused; its meetings are created elsewhere when somebody asks, none is ended",
		"1m10s suspect: suspect: it answers again; no new meetings until it has answered 2 polls in a row, while others can take them",
		"1m10s state: cordoned: it takes no new meetings; those on it go on",
		"1m10s state: draining: it takes no new meetings and is on its way out; those on it go on",
		"1m10s state: disabled: it is not asked any more; what is on it is created elsewhere when somebody asks",
		"1m10s state: enabled: it takes new meetings once it answers",
		"1m10s changed: its address is now http://moved/bigbluebutton/api; its health is unknown until it has answered",
		"1m10s changed: its secret is another one; its health is unknown until it has answered",
		"1m10s state: cordoned: it takes no new meetings; those on it go on",
		"1m20s online: online: it answers; no new meetings, because it is cordoned",
	}
	var got []string
	for _, e := range r.Events("a") {
		got = append(got, fmt.Sprintf("%s %s: %s", e.At.Sub(start), e.Kind, e.Text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, line := range []string{
		`bbbpool_server_events_total{server="a",event="suspect"} 3`, `bbbpool_server_events_total{server="a",event="state"} 5`,
		`bbbpool_server_events_total{server="a",event="changed"} 2`, `bbbpool_server_events_total{server="b",event="online"} 0`,
	} {
		if !strings.Contains(r.metrics(), line+"\n") {
			t.Errorf("metrics without %s", line)
		}
	}
}

// Only the last 50 events of a server are kept; the metrics count all.
func TestEvents_Bounded(t *testing.T) {
	now := time.Now()
	r := newRig(t, config(), func() time.Time { return now }, "a")
	for range 40 {
		r.Report("a", r.Client("a"), errDown)
		now = now.Add(time.Hour)
		r.Report("a", r.Client("a"), nil)
	}
	list := r.Events("a")
	if len(list) != 50 {
		t.Errorf("%d events, want 50", len(list))
	}
	for i, e := range list[1:] {
		if e.At.Before(list[i].At) {
			t.Errorf("event %d is older than the one before", i+1)
		}
	}
	if last := list[len(list)-1]; last.Kind != string(poller.Online) || !last.At.Equal(now) {
		t.Errorf("last event %v", last)
	}
	if !strings.Contains(r.metrics(), `bbbpool_server_events_total{server="a",event="suspect"} 40`+"\n") {
		t.Errorf("metrics:\n%s", r.metrics())
	}
	list[0].Text = "changed by the caller"
	if got := r.Events("a")[0].Text; got == list[0].Text {
		t.Error("callers share the events")
	}
	if list := r.Events("nobody"); list != nil {
		t.Errorf("of a server that is not there: %v", list)
	}
}
