package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Limits of a tenant are told in the form of the API, counted, and in force at once.
func TestLimits(t *testing.T) {
	p := start(t, settings{servers: 1})
	arts, bio, _ := p.faculties()
	limits := func(l store.Limits) { arts.set(func(t *store.Tenant) { t.Limits = l }) }
	count := func(limit, want string) {
		t.Helper()
		if got := p.metric(fmt.Sprintf(`bbbpool_tenant_limits_total{tenant="arts",limit=%q}`, limit)); got != want {
			t.Errorf("%s: counted %q, want %q", limit, got, want)
		}
	}
	limits(store.Limits{Meetings: 1, NoRecording: true, Duration: 90 * time.Minute, MeetingPeople: 2})
	arts.create("room-1", "&record=true&duration=0&maxParticipants=1000")
	body := p.told(p.sims[0].ID(), "arts_room-1")
	for _, want := range []string{"<recording>false", "<duration>90<", "<maxUsers>2<"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s: %s", want, body)
		}
	}
	if a := arts.call("create", createQuery("room-2")); a.Key != "tenantMeetingsReached" {
		t.Errorf("a second meeting: %s", a.body)
	}
	bio.create("room-2", "")
	for _, limit := range []string{"meetings", "recording", "duration", "meetingPeople"} {
		count(limit, "1")
	}
	if got := p.metric(`bbbpool_placement_refusals_total{cause="meetings"}`); got != "1" {
		t.Errorf("refused: %s", got)
	}
	for i, want := range []string{"", "", "maxParticipantsReached"} {
		to := arts.target(fmt.Sprintf("meetingID=room-1&fullName=Ada&role=VIEWER&userID=u%d", i))
		if errors := to.Query().Get("errors"); !strings.Contains(errors, want) || want == "" && errors != "" {
			t.Errorf("join %d: %s", i, to)
		}
	}
	count("meetingPeople", "2")
	limits(store.Limits{Requests: 0.001, Statuses: true})
	want := []int{http.StatusOK, http.StatusTooManyRequests}
	for _, status := range want {
		resp, err := p.client.Get(arts.url("getMeetings", ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("status %d, want %d", resp.StatusCode, status)
		}
	}
	count("requests", "1")
}
