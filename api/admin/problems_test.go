package admin_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// begins tells whether each text begins as it should.
func begins(got []string, want ...string) bool {
	return slices.EqualFunc(got, want, strings.HasPrefix)
}

// The one list of what is wrong has the worst on top, and names whom a server's silence concerns, and since when.
func TestClient_Status_WorstFirst(t *testing.T) {
	p, fake := withServers(t, 7)
	p.see(warned{p.poller})
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
	p.api.Pool.Ready = func() []string { return []string{"no server can take new meetings"} }
	fake.owed = []recordings.Owing{{Overdue: true}}
	fake.trouble = []string{"2 recordings are deleted, and their files are not"}
	fake.jobs = append(fake.jobs, store.Job{ID: "closed.tar", State: store.JobWaiting, Attempts: 2, Reason: "permission denied"},
		store.Job{ID: "new.tar", State: store.JobWaiting})
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

// A disk that is full is told of once, however many directories are on it, and also if the store is one of its victims.
func TestClient_Status_FullDisk(t *testing.T) {
	p, fake := withServers(t, 1)
	fake.jobs = nil
	full := func(name string, total int64) volume.Status {
		return volume.Status{
			Name: name, Path: "/mnt/" + name, Total: total, Problem: fmt.Sprintf("%s (/mnt/%s) is full: %d of them are free", name, name, total),
		}
	}
	fake.volumes = []volume.Status{full("published", 7), full("unpublished", 7), full("spool", 7), {Name: "good"}}
	fake.trouble = []string{"imports wait for room: bbbpool recording jobs says for how much", "index and disk differ"}
	const disk = "volume published (/mnt/published) is full: 7 of them are free; so it is with unpublished (/mnt/unpublished); so it is " +
		"with spool (/mnt/spool)"
	problems := func(want ...string) {
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
	problems(disk, "index and disk differ")
	p.api.Pool.Ready = func() []string { return []string{"the store cannot be written: no space left on device"} }
	problems("the store cannot be written: no space left on device; "+disk, "index and disk differ")
	fake.volumes[2] = full("spool", 8)
	p.api.Pool.Ready = nil
	problems(strings.TrimSuffix(disk, "; so it is with spool (/mnt/spool)"), "volume spool (/mnt/spool) is full: 8 of them are free",
		"index and disk differ")
}
