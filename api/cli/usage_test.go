package cli_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// used adds days of some tenants.
func (p *pool) used(t *testing.T) {
	t.Helper()
	err := p.stores.Index.AddUsage(t.Context(),
		store.Usage{Day: "2026-01-31", Tenant: "a", Meetings: 1, Joins: 9, PeopleMins: 90.25, PeakMeetings: 1, PeakPeople: 7},
		store.Usage{
			Day: "2026-02-27", Tenant: "a", Meetings: 3, Joins: 40, PeopleMins: 1200, PeakMeetings: 2, PeakPeople: 31, Recordings: 1,
			Bytes: 3 << 30,
		},
		store.Usage{Day: "2026-02-28", Tenant: "=b+1", Meetings: 2, PeakMeetings: 1},
	)
	if err != nil {
		t.Fatal(err)
	}
}

// Usage is a table with a sum, of the last 30 days where nobody says otherwise.
func TestUsageCmd(t *testing.T) {
	p := newPool(t)
	if o := p.run(t, "", "usage"); o.failed != nil || o.out != "nothing was used\n" {
		t.Errorf("%+v", o)
	}
	p.used(t)
	for args, want := range map[string]string{
		"":                             "2026-01-31 a 1 9 90 1 7 0 0 B\n2026-02-27 a 3 40 1200 2 31 1 3.0 GiB\n2026-02-28 =b+1 2 0 0 1 0 0 0 B\ntotal 6 49 1290 1 3.0 GiB\n",
		"--from 2026-02":               "2026-02-27 a 3 40 1200 2 31 1 3.0 GiB\n2026-02-28 =b+1 2 0 0 1 0 0 0 B\ntotal 5 40 1200 1 3.0 GiB\n",
		"--to 2026-01":                 "2026-01-31 a 1 9 90 1 7 0 0 B\n",
		"--by tenant --from 2026-01":   "=b+1 2 0 0 1 0 0 0 B\na 4 49 1290 2 31 1 3.0 GiB\ntotal 6 49 1290 1 3.0 GiB\n",
		"--by month --from 2026-02-28": "2026-02 =b+1 2 0 0 1 0 0 0 B\n",
		"--tenant c":                   "nothing was used\n",
	} {
		o := p.run(t, "", append([]string{"usage"}, strings.Fields(args)...)...)
		_, rows, _ := strings.Cut(o.out, "\n")
		if !strings.HasPrefix(o.out, "DAY ") {
			rows = o.out
		}
		var got strings.Builder
		for row := range strings.Lines(rows) {
			got.WriteString(strings.Join(strings.Fields(row), " ") + "\n")
		}
		if o.failed != nil || strings.ReplaceAll(got.String(), "- ", "") != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", args, o.failed, got.String(), want)
		}
	}
	for _, args := range []string{"--from yesterday", "--to 2026-13", "--by year", "--csv --json", "--from 2026-02 --to 2026-01"} {
		if o := p.run(t, "", append([]string{"usage"}, strings.Fields(args)...)...); o.failed == nil {
			t.Errorf("%s: %+v", args, o)
		}
	}
}

// CSV has one header for ever, and nothing in it that a spreadsheet would run.
func TestUsageCmd_CSV(t *testing.T) {
	p := newPool(t)
	p.used(t)
	o := p.run(t, "", "usage", "--csv", "--from", "2026-02")
	rows, err := csv.NewReader(strings.NewReader(o.out)).ReadAll()
	if err != nil || o.failed != nil || len(rows) != 3 {
		t.Fatal(rows, err, o.failed)
	}
	const header = "day,tenant,meetings,joins,people_minutes,peak_meetings,peak_people,recordings,bytes"
	if got := strings.Join(rows[0], ","); !strings.HasPrefix(got, header) {
		t.Errorf("header: %s", got)
	}
	if got := strings.Join(rows[1], ","); got != "2026-02-27,a,3,40,1200.0,2,31,1,3221225472" {
		t.Errorf("row: %s", got)
	}
	if rows[2][1] != "'=b+1" {
		t.Errorf("a formula: %q", rows[2][1])
	}
	o = p.run(t, "", "usage", "--json", "--by", "tenant", "--from", "2026-01-01")
	var list []v1.Usage
	if err := json.Unmarshal([]byte(o.out), &list); err != nil || len(list) != 2 {
		t.Errorf("%v: %s", err, o.out)
	}
}

// What is over is found by its IDs, and what nobody knows is said to be unknown.
func TestMeetingFindCmd(t *testing.T) {
	p := newPool(t)
	key := store.MeetingKey{Tenant: "default", MeetingID: "algebra"}
	err := p.stores.Index.AddSession(t.Context(), store.Session{
		ID: "i-1", Tenant: "default", Server: "gone", Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour), Peak: 25, Joins: 30,
		Reason: "ended", Meeting: p.ledger.Hash(key),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"algebra", "i-1"} {
		o := p.run(t, "", "meeting", "find", id)
		if o.failed != nil || !strings.Contains(o.out, "i-1") || !strings.Contains(o.out, "ended") || !strings.Contains(o.out, "gone") {
			t.Errorf("%s: %+v", id, o)
		}
	}
	if o := p.run(t, "", "meeting", "find", "algebra", "--tenant", "other"); o.failed == nil {
		t.Errorf("another tenant's is found: %+v", o)
	}
	o := p.run(t, "", "meeting", "find", "nothing\x1b", "--json")
	if o.failed != nil || strings.TrimSpace(o.out) != "[]" {
		t.Errorf("%+v", o)
	}
}

// Somebody is shown what there is and asked; then it is gone, and the report says what and what not.
func TestForgetCmd(t *testing.T) {
	p := newPool(t)
	add := func() {
		err := p.stores.Index.CreateRecording(t.Context(), store.Recording{
			RecordID: "r1", Tenant: "default", MeetingID: "m", State: store.Published, Imported: now, Server: "bbb7",
			Name: "Anna\x1b[2J Müller", Meta: map[string]string{"presenter": "Anna Müller"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add()
	presenter := func() string {
		r, err := p.stores.Index.Recording(t.Context(), "r1")
		if err != nil {
			t.Fatal(err)
		}
		return string(r.State) + " " + r.Name + r.Meta["presenter"]
	}
	for _, args := range []string{"", "an", "--meeting m", "anna --tenant"} {
		if o := p.run(t, "y\n", append([]string{"forget"}, strings.Fields(args)...)...); o.failed == nil {
			t.Errorf("%q: %+v", args, o)
		}
	}
	untouched := presenter()
	for _, c := range []struct{ answer, args, want string }{
		{"", "anna müller --dry-run", "to be removed:\n"},
		{"n\n", "anna müller", ""},
		{"", "anna müller", ""},
		{"y\n", "somebody else", "nothing was found, and so nothing removed\n"},
	} {
		o := p.run(t, c.answer, append([]string{"forget"}, strings.Fields(c.args)...)...)
		if !strings.Contains(o.out, c.want) || c.want == "" && o.failed == nil || presenter() != untouched {
			t.Errorf("%q with %q: %+v", c.args, c.answer, o)
		}
	}
	o := p.run(t, "y\n", "forget", "anna müller", "anna")
	if o.failed != nil || presenter() != "published " {
		t.Fatalf("%+v: %s", o, presenter())
	}
	for _, want := range []string{
		"removed:\n", "what the index had found in 1 recording", "r1 of tenant default, published: found in name, meta_presenter",
		"out of reach", "backups", "[bbb7]", "bbb-record --delete", "--recordings deletes",
	} {
		if !strings.Contains(o.out, want) {
			t.Errorf("%q is missing in\n%s", want, o.out)
		}
	}
	if !strings.Contains(o.err, "found: 0 sessions, 0 entries of the audit log, 1 recording\n") || strings.Contains(o.out, "\x1b") {
		t.Errorf("asked: %s", o.err)
	}
	o = p.run(t, "", "forget", "m", "--meeting", "m", "--tenant", "default", "--recordings", "--yes", "--json")
	if o.failed == nil {
		t.Errorf("a text of one letter: %+v", o)
	}
	o = p.run(t, "", "forget", "--meeting", "m", "--tenant", "default", "--recordings", "--yes", "--json")
	var done v1.Forgotten
	if err := json.Unmarshal([]byte(o.out), &done); err != nil || len(done.Recordings) != 1 || !done.Recordings[0].Deleted || presenter() != "deleted " {
		t.Errorf("%v: %+v %s", err, o, presenter())
	}
}
