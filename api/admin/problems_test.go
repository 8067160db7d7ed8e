package admin_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// begins tells whether each text begins as it should.
func begins(got []string, want ...string) bool {
	return slices.EqualFunc(got, want, strings.HasPrefix)
}

// The one list of what is wrong has the worst on top, and names whom a server's silence concerns, and since when.
func TestClient_Status_WorstFirst(t *testing.T) {
	p, _ := withServers(t, 7)
	p.warn()
	ids := strings.Split("abcdefg", "")
	claim := p.create(t, class)
	for _, id := range []string{"one", "two", "three", "four"} { // they go where the class is: no other is open
		for _, s := range ids {
			if s != claim.Server {
				if _, err := p.Servers.Cordon(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
		}
		p.create(t, store.MeetingKey{Tenant: "default", MeetingID: id})
	}
	p.people(class, 3)
	others := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == claim.Server })
	p.fail(t, claim.Server)
	for _, id := range others[1:] { // or it would be our own network
		p.poller.Report(id, p.poller.Client(id), nil)
	}
	p.fail(t, others[0])
	p.poller.Report(others[1], p.poller.Client(others[1]), &bbb.CallError{Reason: bbb.Refused, Err: errors.New("nobody there")})
	p.found = []problems.Problem{
		{Severity: problems.Late, Text: "1 archive is in quarantine, and not imported: one.tar (truncated)"},
		{Severity: problems.Late, Text: "1 archive cannot be imported, and is tried again: closed.tar (permission denied)"},
		{Severity: problems.Late, Text: "1 recording is overdue"},
		{Severity: problems.Stuck, Text: "2 recordings are deleted, and their files are not"},
		{Severity: problems.Refusing, Text: "no server can take new meetings", Unready: true},
	}
	st, err := p.Pool.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	since := st.Problems[1][len("server x is offline, since "):][:len("2026-01-01 00:00:00 UTC")]
	want := []string{
		"no server can take new meetings", "server " + claim.Server + " is offline, since ",
		"2 recordings are deleted, and their files are not", "server " + others[0] + " is offline, since ",
		"server " + others[1] + " is suspect, failing for ", "1 archive is in quarantine, and not imported: one.tar (truncated)",
		"1 archive cannot be imported, and is tried again: closed.tar (permission denied)", "1 recording is overdue",
	}
	for _, id := range ids {
		want = append(want, "server "+id+": its clock")
	}
	if !begins(st.Problems, want...) {
		t.Errorf("problems (-want +got):\n%s", cmp.Diff(want, st.Problems))
	}
	concerned := fmt.Sprintf("; nobody can join its 5 meetings with 3 people until it is back, or the next create makes them anew "+
		"elsewhere: %s, ", class.MeetingID)
	if !strings.Contains(st.Problems[1], concerned) || !strings.Contains(st.Problems[1], "and 2 more; bbbpool meeting list --server") {
		t.Errorf("whom it concerns: %s", st.Problems[1])
	}
	m, err := p.Meetings.Show(t.Context(), v1.MeetingKey(class))
	if err != nil || m.OfflineSince == nil || m.OfflineSince.Format("2006-01-02 15:04:05 MST") != since {
		t.Errorf("meeting %+v, %v; offline since %s", m, err, since)
	}
	told, err := p.Meetings.Explain(t.Context(), v1.MeetingKey(class))
	if err != nil || told.Sessions[0].OfflineSince == nil || !told.Sessions[0].OfflineSince.Equal(*m.OfflineSince) {
		t.Errorf("explained %+v, %v", told, err)
	}
	if list, err := p.Meetings.List(t.Context(), "", ""); err != nil || len(list) != 5 || list[0].OfflineSince == nil {
		t.Errorf("meetings %+v, %v", list, err)
	}
	p.poller.Report(claim.Server, p.poller.Client(claim.Server), nil)
	if _, body := p.request(t, "GET", "/meeting?id="+url.QueryEscape(class.MeetingID), ""); !strings.Contains(body, `"offline_since":null`) {
		t.Errorf("once it is back: %s", body)
	}
}

// What is wrong with a disk is told by status and by check, and that the store is on it, too, in the same line.
func TestClient_Status_FullDisk(t *testing.T) {
	p, _ := withServers(t, 1)
	full := problems.Problem{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume, ID: "published"}, Root: problems.NoSpace,
		Text: "volume published (/mnt/published) is full",
	}
	differ := problems.Problem{Severity: problems.Stuck, Name: "differ", Text: "index and disk differ"}
	wait := problems.Problem{Severity: problems.Stuck, Cause: problems.NoSpace, Text: "imports wait for room"}
	want := func(want ...string) {
		t.Helper()
		st, err := p.Pool.Status(t.Context())
		if diff := cmp.Diff(want, st.Problems); err != nil || diff != "" {
			t.Errorf("status, %v (-want +got):\n%s", err, diff)
		}
		check, err := p.Pool.Check(t.Context())
		if diff := cmp.Diff(want, check.Problems); err != nil || diff != "" || check.OK {
			t.Errorf("check, %v (-want +got):\n%s", err, diff)
		}
	}
	p.found = []problems.Problem{full, wait, differ}
	want(full.Text, differ.Text)
	p.found = append(p.found, problems.Problem{
		Severity: problems.Refusing, Text: "the store cannot be written: no space left on device", Unready: true, Cause: problems.NoSpace,
	})
	want("the store cannot be written: no space left on device; "+full.Text, differ.Text)
	p.found = []problems.Problem{full, differ}
	want(full.Text, differ.Text)
}

// Programs get everything that is wrong with its parts, and what is advised, which people are told by check alone.
func TestClient_Problems(t *testing.T) {
	p, _ := withServers(t, 1)
	if list, err := p.Pool.Problems(t.Context()); err != nil || list == nil || len(list) != 0 {
		t.Errorf("all is well: %v, %v", list, err)
	}
	p.fail(t, "a")
	began := time.Date(2026, 3, 1, 11, 0, 0, 123_456_789, time.FixedZone("here", 7200))
	p.found = []problems.Problem{{
		Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting}, Name: "public-url", Text: "links lead nowhere:",
		Remedy: "set --public-url", Since: began,
	}}
	list, err := p.Pool.Problems(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	server := v1.Problem{
		Severity: "away", Subject: v1.Subject{Kind: "server", ID: "a"}, Name: "offline", Since: list[0].Since, Text: list[0].Text,
	}
	if diff := cmp.Diff(server, list[0]); diff != "" || list[0].Since.IsZero() || !strings.HasPrefix(list[0].Text, "server a is offline, since") {
		t.Errorf("the server, since %s (-want +got):\n%s", list[0].Since, diff)
	}
	advice := v1.Problem{
		Severity: "advised", Subject: v1.Subject{Kind: "setting"}, Name: "public-url", Since: list[1].Since, Text: "links lead nowhere:",
		Remedy: "set --public-url",
	}
	if diff := cmp.Diff(advice, list[1]); diff != "" || list[1].Since.IsZero() {
		t.Errorf("the advice, since %s (-want +got):\n%s", list[1].Since, diff)
	}
	if _, body := p.request(t, "GET", "/problems", ""); !strings.Contains(body, `"since":"2026-03-01T09:00:00.123Z"`) {
		t.Errorf("a time is not as everywhere else in the API: %s", body)
	}
	if st, err := p.Pool.Status(t.Context()); err != nil || len(st.Problems) != 1 {
		t.Errorf("status: %q, %v", st.Problems, err)
	}
	check, err := p.Pool.Check(t.Context())
	if diff := cmp.Diff([]string{"links lead nowhere: set --public-url"}, check.Advice); err != nil || diff != "" {
		t.Errorf("check, %v (-want +got):\n%s", err, diff)
	}
}
