package admin_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// analyses has a pool keep what servers have told of meetings of two tenants, of one of them twice.
func analyses(t *testing.T, p *testPool) {
	t.Helper()
	for i, a := range []store.Analysis{
		{ID: "i-1", Tenant: "a", MeetingID: "room"}, {ID: "i-2", Tenant: "a", MeetingID: "room"}, {ID: "i-3", Tenant: "b", MeetingID: "room"},
	} {
		if i != 1 { // a tenant that has it still
			_, _ = p.stores.State.CreateTenant(t.Context(), store.Tenant{ID: a.Tenant, Name: a.Tenant}) // the second time it is there
		}
		a.At = time.Date(2026, 3, 2, 10, i, 0, 0, time.UTC)
		a.Body = []byte(`{"meeting_id":"room","internal_meeting_id":"` + a.ID + `","data":{"duration":90,"n":1.50,"attendees":[` +
			`{"ext_user_id":"u1","name":"Anna","moderator":true,"duration":61,"engagement":{"chats":2,"talks":"3","talk_time":5}},7]}}`)
		if err := p.stores.Index.KeepAnalysis(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
}

// Who did what is found by the server's ID, or the front end's; for whoever sees one tenant alone, of that one.
func TestAnalytics(t *testing.T) {
	p := newTestPool(t)
	analyses(t, p)
	for what, give := range map[string]struct{ id, tenant, want string }{
		"by the server's": {"i-1", "", "i-1"}, "by the front end's": {"room", "a", "i-2"}, "the newest of all": {"room", "", "i-3"},
		"another tenant's": {"i-3", "a", ""}, "unknown": {"i-9", "", ""}, "of no tenant": {"room", "c", ""},
	} {
		a, err := p.History.Analysis(t.Context(), give.id, give.tenant)
		if (err != nil) != (give.want == "") || a.InternalID != give.want {
			t.Errorf("%s: %q, %v", what, a.InternalID, err)
		}
	}
	a, err := p.History.Analysis(t.Context(), "room", "a")
	want := v1.Attendee{UserID: "u1", Name: "Anna", Moderator: true, Seconds: 61, Talked: 5, Talks: 3, Chats: 2}
	if err != nil || len(a.People) != 1 || a.People[0] != want || a.Seconds != 90 || len(a.Others) != 1 || a.Others[0] != "i-1" {
		t.Errorf("%+v, %v", a, err)
	}
	if !strings.Contains(string(a.Analysis), `"n":1.50`) {
		t.Errorf("%s", a.Analysis)
	}
}

// What was kept of a meeting goes with it, and what is yet to be passed on of it.
func TestForget_Analytics(t *testing.T) {
	p := newTestPool(t)
	analyses(t, p)
	row := store.Callback{
		ID: "c1", Kind: store.CallbackAnalytics, Tenant: "a", MeetingID: "room", Subject: "i-1", URL: "https://front/", Body: []byte("{}"),
		State: store.CallbackDead, Created: time.Now(),
	}
	list := []store.Callback{row}
	for n := range 120 { // events of webhooks, which have the names of people in them
		event := row
		event.ID, event.Kind, event.State = "e"+strconv.Itoa(n), store.CallbackEvent, store.CallbackWaiting
		list = append(list, event)
	}
	if err := p.stores.Index.AddCallbacks(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		done, err := p.History.Forget(t.Context(), v1.Forget{Tenant: "a", Meeting: "room", DryRun: dry})
		if err != nil || done.Analytics != 2 {
			t.Errorf("%+v, %v", done, err)
		}
	}
	if _, err := p.History.Analysis(t.Context(), "room", "a"); err == nil {
		t.Error("it is kept")
	}
	if _, err := p.History.Analysis(t.Context(), "room", "b"); err != nil {
		t.Errorf("another's: %v", err)
	}
	rows, err := p.stores.Index.Callbacks(t.Context(), store.CallbackFilter{})
	if err != nil || len(rows) != len(list) {
		t.Fatal(len(rows), err)
	}
	for _, c := range rows {
		if c.State != store.CallbackDone || c.Body != nil {
			t.Errorf("%+v", c)
		}
	}
}
