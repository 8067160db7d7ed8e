package admin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// someday is when meetings were.
var someday = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// past puts a session, and perhaps a recording of it, into the records.
func (p *testPool) past(tenant, meetingID, internalID string, recorded bool) {
	p.t.Helper()
	s := store.Session{
		ID: internalID, Tenant: tenant, Server: "bbb1", Start: someday, End: someday.Add(time.Hour), Peak: 31, Joins: 40, Reason: "ended",
		Recorded: recorded, Meeting: p.ledger.Hash(store.MeetingKey{Tenant: tenant, MeetingID: meetingID}),
	}
	if err := p.stores.Index.AddSession(p.t.Context(), s); err != nil {
		p.t.Fatal(err)
	}
	if recorded {
		p.recorded(store.Recording{RecordID: internalID, Tenant: tenant, MeetingID: meetingID})
	}
}

func (p *testPool) recorded(r store.Recording) {
	p.t.Helper()
	r.State, r.Start, r.Imported, r.Server = store.Published, someday, someday, "bbb1"
	if err := p.stores.Index.CreateRecording(p.t.Context(), r); err != nil {
		p.t.Fatal(err)
	}
}

// has makes a tenant.
func (p *testPool) has(tenant string) {
	p.t.Helper()
	if _, err := p.stores.State.CreateTenant(p.t.Context(), store.Tenant{ID: tenant}); err != nil {
		p.t.Fatal(err)
	}
}

// A meeting is found by every ID that it was ever told by, of one tenant or of all, and with what became of its recording.
func TestPast_Find(t *testing.T) {
	p := newTestPool(t)
	p.has("a")
	p.has("b")
	p.past("a", "room-1", "i-1", true)
	p.past("b", "room-1", "i-2", false)
	p.past("a", "room-2", "i-3", false)
	p.recorded(store.Recording{RecordID: "r-9", Tenant: "gone", MeetingID: "room-9"}) // of a tenant that is not there any more
	if err := p.stores.State.CreateServer(t.Context(), store.Server{ID: "bbb1", State: store.Enabled, Weight: 1}); err != nil {
		t.Fatal(err)
	}
	p.ledger.SetServer(placement.Server{ID: "bbb1", Enabled: true, Weight: 1, Standing: placement.Open})
	creation, err := p.ledger.Begin(t.Context(), store.MeetingKey{Tenant: "a", MeetingID: "room-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := creation.Place(t.Context(), placement.Wish{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := creation.Confirm(t.Context(), placement.Made{InternalID: "i-4", CreateTime: 1}); err != nil {
		t.Fatal(err)
	}
	creation.End()
	for _, c := range []struct {
		id, tenant string
		want       []string
	}{
		{"room-1", "", []string{"a room-1 i-4 running", "a room-1 i-1 ended published", "b room-1 i-2 ended"}},
		{"room-1", "b", []string{"b room-1 i-2 ended"}},
		{"i-1", "", []string{"a room-1 i-1 ended published"}},
		{"i-1", "b", nil},
		{"i-4", "", []string{"a room-1 i-4 running"}},
		{"i-3", "", []string{"a  i-3 ended"}}, // what it was called is kept as a hash alone
		{"room-2", "a", []string{"a room-2 i-3 ended"}},
		{"room-9", "", []string{"gone room-9 r-9  published"}},
		{"r-9", "", []string{"gone room-9 r-9  published"}},
		{"r-9", "a", nil},
		{"room", "", nil},
	} {
		list, err := p.History.Find(t.Context(), c.id, c.tenant)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range list {
			state := m.Reason
			if m.Running {
				state = "running"
			}
			if m.Recording != nil {
				state += " " + m.Recording.State
			}
			got = append(got, fmt.Sprintf("%s %s %s %s", m.Tenant, m.MeetingID, m.InternalID, state))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s of %q (-want +got):\n%s", c.id, c.tenant, diff)
		}
	}
	for _, query := range []string{"", "?id=", "?id=" + strings.Repeat("x", 2000)} {
		if code, body := p.request(t, "GET", "/history/find"+query, ""); code != 400 && code != 422 {
			t.Errorf("%.20s: %d %s", query, code, body)
		}
	}
}

// anna is known by name, and by an address.
func anna(p *testPool) {
	p.has("a")
	p.has("b")
	p.past("a", "room-1", "i-1", true)
	p.past("a", "room-1", "i-2", false)
	p.past("a", "room-2", "i-3", false)
	p.recorded(store.Recording{
		RecordID: "r-name", Tenant: "a", MeetingID: "room-3", Name: "Tutoring for ANNA Müller",
		Meta:    map[string]string{"presenter": "Anna Müller", "bbb-origin": "moodle", "mail": "anna@example.edu"},
		Edits:   store.Edits{Meta: map[string]string{"presenter": "Anna Müller"}},
		Formats: []store.Format{{Type: "presentation", Bytes: 1, Images: []store.Image{{Alt: "by anna müller"}, {Alt: "two"}}}},
	})
	p.recorded(store.Recording{RecordID: "r-other", Tenant: "b", MeetingID: "room-4", Name: "of anna müller, elsewhere"})
	p.recorded(store.Recording{RecordID: "r-id", Tenant: "a", MeetingID: "anna müller's room"})
	for i, a := range []store.Audit{
		{Kind: "recording", Object: "r-name", Tenant: "a", Who: "token ci", Before: `{"presenter":"Anna Müller"}`, After: `{}`},
		{Kind: "tenant", Object: "a", Tenant: "a", Who: "user anna müller", After: `{"tag":"gpu"}`},
		{Kind: "server", Object: "bbb1", Who: "token ci", After: `{"tag":"gpu"}`},
		{Kind: "recording", Object: "r-x", Tenant: "b", Who: "token ci", Before: `{"name":"R\u0026D of \"ΘΩΜΑΣ\""}`},
	} {
		a.ID, a.At, a.Action = fmt.Sprint("x", i), someday.Add(time.Duration(i)*time.Minute), "set"
		if err := p.stores.Index.AddAudit(p.t.Context(), a); err != nil {
			p.t.Fatal(err)
		}
	}
	event := store.Event{At: someday, Kind: "ended", Text: "ended meeting anna müller's room here"}
	if err := p.stores.Index.KeepEvents(p.t.Context(), "bbb1", []store.Event{event}); err != nil {
		p.t.Fatal(err)
	}
	if err := p.stores.Index.CreateAdminToken(p.t.Context(), store.AdminToken{Name: "Anna Müller"}); err != nil {
		p.t.Fatal(err)
	}
}

// everything is what the records have, as text.
func (p *testPool) everything() string {
	p.t.Helper()
	recordings, err := p.stores.Index.ScanRecordings(p.t.Context(), "", 100)
	if err != nil {
		p.t.Fatal(err)
	}
	audits, err := p.stores.Index.Audits(p.t.Context(), store.AuditFilter{Limit: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	sessions, err := p.stores.Index.SessionsSince(p.t.Context(), time.Time{}, "", 100)
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprintf("%+v\n%+v\n%+v", recordings, audits, sessions)
}

// A dry run says what there is and changes nothing; then that is taken out, and the rest of the records stays as it was; what
// is no business of the command is told.
func TestPast_Forget(t *testing.T) {
	p := newTestPool(t)
	anna(p)
	before, wish := p.everything(), v1.Forget{Texts: []string{"anna müller", "anna@example.edu"}, Tenant: "a", Meeting: "room-1", DryRun: true}
	dry, err := p.History.Forget(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	if after := p.everything(); after != before {
		t.Errorf("a dry run has changed something:\n%s", cmp.Diff(before, after))
	}
	wish.DryRun = false
	done, err := p.History.Forget(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	dry.DryRun = false
	if diff := cmp.Diff(dry, done); diff != "" {
		t.Errorf("the dry run has said something else (-dry +done):\n%s", diff)
	}
	want := []v1.ForgottenRecording{{
		RecordID: "r-name", Tenant: "a", Server: "bbb1", State: "published", Files: true,
		Where: []string{"name", "meta_mail", "meta_presenter", "words on slides"},
	}}
	if diff := cmp.Diff(want, done.Recordings); diff != "" || done.Sessions != 2 || done.Audits != 1 {
		t.Errorf("%+v\n%s", done, diff)
	}
	var left []string
	for _, l := range done.Left {
		left = append(left, l.What+" "+l.ID)
	}
	if diff := cmp.Diff([]string{"recording i-1", "recording r-id", "audit log 2026-01-05T08:01:00Z set tenant"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	all := strings.ToLower(p.everything())
	if strings.Count(all, "anna") != 1+1+1 { // another tenant's, the meeting ID, who it was
		t.Errorf("left in the records:\n%s", all)
	}
	for _, kept := range []string{"bbb-origin:moodle", "i-3", "two", "gpu", store.Erased} {
		if !strings.Contains(all, kept) {
			t.Errorf("%s is gone from the records:\n%s", kept, all)
		}
	}
	if again, err := p.History.Forget(t.Context(), wish); err != nil || again.Sessions+again.Audits+len(again.Recordings) > 0 {
		t.Errorf("again: %+v %v", again, err)
	}
	if strings.Contains(strings.ToLower(p.log.String()), "anna") {
		t.Errorf("the log has the name: %s", p.log)
	}
}

// With --recordings the recordings go, those of a meeting too, and what remains of them tells of nobody.
func TestPast_ForgetRecordings(t *testing.T) {
	p := newTestPool(t)
	anna(p)
	done, err := p.History.Forget(t.Context(), v1.Forget{
		Texts: []string{"Anna Müller"}, Tenant: "a", Meeting: "room-1", Recordings: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var gone []string
	for _, r := range done.Recordings {
		gone = append(gone, r.RecordID)
	}
	if diff := cmp.Diff([]string{"i-1", "r-id", "r-name"}, gone); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	for _, id := range gone {
		r, err := p.stores.Index.Recording(t.Context(), id)
		if err != nil || r.State != store.Deleted || r.Name != "" || len(r.Meta) > 0 || len(r.Formats) > 0 {
			t.Errorf("%+v %v", r, err)
		}
	}
	if !slices.ContainsFunc(done.Beyond, func(b string) bool { return strings.Contains(b, "[bbb1]") }) {
		t.Errorf("nothing says that bbb1 has them still: %v", done.Beyond)
	}
}

// A text is found however its letters are written, and however a record quotes it.
func TestPast_ForgetSpellings(t *testing.T) {
	p := newTestPool(t)
	anna(p)
	for text, want := range map[string]int{"r&d": 1, "\"θωμασ": 1, "θωμας": 1, "ANNA MÜLLER": 1, "anna mueller": 0} {
		done, err := p.History.Forget(t.Context(), v1.Forget{Texts: []string{text}, DryRun: true})
		if err != nil || done.Audits != want {
			t.Errorf("%s is found in %d entries, want %d: %v", text, done.Audits, want, err)
		}
	}
}

// What was removed before something went wrong is written down.
func TestPast_ForgetHalf(t *testing.T) {
	p := newTestPool(t)
	anna(p)
	p.api.Past.Erasers.Index = unblanked{p.stores.Index}
	wish := v1.Forget{Texts: []string{"anna müller"}, Tenant: "a", Meeting: "room-1"}
	if done, err := p.History.Forget(t.Context(), wish); err == nil {
		t.Fatalf("%+v", done)
	}
	list, err := p.stores.Index.Audits(t.Context(), store.AuditFilter{Action: "forget", Limit: 2})
	if err != nil || len(list) != 1 || !strings.Contains(list[0].After, `"sessions":2`) || !strings.Contains(list[0].After, `"error"`) {
		t.Errorf("the audit log has %+v, %v", list, err)
	}
}

// unblanked is an index whose audit log cannot be changed.
type unblanked struct{ store.Index }

func (unblanked) BlankAudit(context.Context, store.Audit) error {
	return errors.New("the disk is full")
}

// Without a tenant everybody's records are looked through; a token that is named after the person is told of.
func TestPast_ForgetEverywhere(t *testing.T) {
	p := newTestPool(t)
	anna(p)
	done, err := p.History.Forget(t.Context(), v1.Forget{Texts: []string{"anna müller"}, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, l := range done.Left {
		left = append(left, l.What+" "+l.ID)
	}
	want := []string{"recording r-id", "audit log 2026-01-05T08:01:00Z set tenant", "token Anna Müller", "server event bbb1"}
	if diff := cmp.Diff(want, left); diff != "" || len(done.Recordings) != 2 {
		t.Errorf("%+v\n%s", done, diff)
	}
}

// What would be found everywhere, or nowhere, is not looked for.
func TestPast_ForgetRefused(t *testing.T) {
	p := newTestPool(t)
	for _, f := range []v1.Forget{
		{},
		{Texts: []string{""}},
		{Texts: []string{"an"}},
		{Texts: []string{"  a  "}},
		{Texts: []string{strings.Repeat("x", 201)}},
		{Meeting: "room"},
		{Texts: slices.Repeat([]string{"anna"}, 21)},
		{Tenant: "a"},
	} {
		if done, err := p.History.Forget(t.Context(), f); err == nil {
			t.Errorf("%+v: %+v", f, done)
		}
	}
}

// Usage is shown by day, month and tenant, and what is no day is refused.
func TestUsage_List(t *testing.T) {
	p := newTestPool(t)
	for _, u := range []store.Usage{
		{Day: "2026-01-05", Tenant: "a", Meetings: 1, PeakPeople: 7},
		{Day: "2026-01-06", Tenant: "a", Meetings: 2, PeakPeople: 5},
		{Day: "2026-02-01", Tenant: "b", Meetings: 3},
	} {
		if err := p.stores.Index.AddUsage(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		query v1.UsageQuery
		want  string
	}{
		{v1.UsageQuery{}, "[2026-01-05 a 1 7] [2026-01-06 a 2 5] [2026-02-01 b 3 0]"},
		{v1.UsageQuery{By: "month"}, "[2026-01 a 3 7] [2026-02 b 3 0]"},
		{v1.UsageQuery{By: "tenant", From: "2026-01-06"}, "[ a 2 5] [ b 3 0]"},
		{v1.UsageQuery{Tenant: "a", To: "2026-01-05"}, "[2026-01-05 a 1 7]"},
		{v1.UsageQuery{Tenant: "c"}, ""},
	} {
		list, err := p.Usage.List(t.Context(), c.query)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range list {
			got = append(got, fmt.Sprint([]any{u.Day, u.Tenant, u.Meetings, u.PeakPeople}))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.query, got, c.want)
		}
	}
	for _, q := range []v1.UsageQuery{{From: "yesterday"}, {To: "2026-13-01"}, {By: "year"}} {
		if list, err := p.Usage.List(t.Context(), q); err == nil {
			t.Errorf("%+v: %v", q, list)
		}
	}
}
