package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

func withRecordings(t *testing.T) (*testPool, *fakeRecordings) {
	t.Helper()
	p, fake := newTestPool(t), newRecordings()
	fake.real = p.owed
	p.have(fake)
	_, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{
		ID: "other", Secrets: []store.TenantSecret{{Name: "first", Secret: "secret of other"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, fake
}

// A pool without recordings says so, whatever is asked of them.
func TestRecordings_None(t *testing.T) {
	p := newTestPool(t)
	for _, route := range p.api.Routes() {
		method, path, _ := strings.Cut(strings.ReplaceAll(route, "{id}", "x"), " ")
		for _, word := range []string{"/recordings", "/owed", "/job", "/volumes", "/script"} {
			if !strings.Contains(path, word) {
				continue
			}
			if status, body := p.request(t, method, path, ""); status != 404 || !strings.Contains(body, "has no recordings") {
				t.Errorf("%s: answered %d %s", route, status, body)
			}
		}
	}
	if st, err := p.Pool.Status(t.Context()); err != nil || st.Recordings != nil {
		t.Errorf("status: %+v, %v", st.Recordings, err)
	}
}

// A list is a page of what was asked for, without what is deleted.
func TestRecordings_List(t *testing.T) {
	p, fake := withRecordings(t)
	page, err := p.Recordings.List(t.Context(), v1.RecordingFilter{
		Tenant: "default", MeetingIDs: []string{"a,b"}, Meta: []v1.MetaMatch{{Key: "Course", Value: "7%"}}, Limit: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	end := then.Add(time.Hour)
	want := v1.RecordingPage{Total: 2, Recordings: []v1.Recording{{
		RecordID: "r1", MeetingID: "algebra", Tenant: "default", Name: "Algebra", State: "published", Published: true,
		Start: &then, End: &end, Participants: 12, RawSize: 1 << 30, Size: 1024, Formats: []string{"presentation", "video"},
	}}}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	asked := store.RecordingFilter{
		Tenant: "default", MeetingIDs: []string{"a,b"}, Meta: []store.MetaMatch{{Key: "course", Value: "7%"}}, Limit: 1,
		States: []store.RecordingState{store.Processing, store.Processed, store.Published, store.Unpublished},
	}
	if diff := cmp.Diff(asked, fake.filter); diff != "" {
		t.Errorf("filter (-want +got):\n%s", diff)
	}
	page, err = p.Recordings.List(t.Context(), v1.RecordingFilter{States: []string{"any"}, Offset: 1})
	if err != nil || page.Total != 3 || len(page.Recordings) != 2 {
		t.Errorf("all but the first: %+v, %v", page, err)
	}
}

// indexed lists what a real index has.
type indexed struct {
	*fakeRecordings
	index store.Index
}

func (x indexed) Recordings(ctx context.Context, f store.RecordingFilter) ([]store.Recording, int, error) {
	return x.index.Recordings(ctx, f)
}

// Without a tenant those of all are listed, also of tenants that are there no more, in one order and page by page.
func TestRecordings_ListAllTenants(t *testing.T) {
	p, fake := withRecordings(t)
	p.have(indexed{fake, p.stores.Index})
	for i, tenant := range []string{"default", "gone", "other", "gone", "", "default"} {
		err := p.stores.Index.CreateRecording(t.Context(), store.Recording{
			RecordID: strconv.Itoa(i), Tenant: tenant, State: store.Published, Start: then.Add(time.Duration(i) * time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter v1.RecordingFilter
		want   string
		total  int
	}{
		{v1.RecordingFilter{}, "543210", 6},
		{v1.RecordingFilter{Limit: 2}, "54", 6},
		{v1.RecordingFilter{Limit: 2, Offset: 3}, "21", 6},
		{v1.RecordingFilter{Tenant: "gone"}, "31", 2},
		{v1.RecordingFilter{Tenant: "nobody"}, "", 0},
		{v1.RecordingFilter{RecordIDs: []string{"1", "2"}}, "21", 2},
	} {
		page, err := p.Recordings.List(t.Context(), c.filter)
		got := ""
		for _, r := range page.Recordings {
			got += r.RecordID
		}
		if err != nil || got != c.want || page.Total != c.total {
			t.Errorf("%+v: got %s of %d, %v, want %s of %d", c.filter, got, page.Total, err, c.want, c.total)
		}
	}
}

// One recording is shown with all that is known of it.
func TestRecordings_Show(t *testing.T) {
	p, fake := withRecordings(t)
	fake.list[0].Owed = &store.Owed{Server: "a", Step: store.OwedPublished, Since: then, Formats: []string{"podcast"}}
	r, err := p.Recordings.Show(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	imported := then.Add(2 * time.Hour)
	want := v1.Details{
		Formats: []v1.Format{
			{Type: "presentation", Length: 90, Bytes: 1000, Link: "/playback/r1"},
			{Type: "video", Length: 90, Bytes: 24, Link: "/video/r1/"},
		},
		Meta: map[string]string{"course": "7"}, Edits: v1.Edits{Meta: map[string]string{}}, Server: "a",
		Owed:     &v1.Owed{Server: "a", Step: "published", Since: &then, Formats: []string{"podcast"}},
		Imported: &imported, BreakoutRooms: []string{},
	}
	if diff := cmp.Diff(want, r.Details); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

// What is changed goes to the recording's own tenant, comes back as it has become, and is logged.
func TestRecordings_Change(t *testing.T) {
	p, fake := withRecordings(t)
	ctx := t.Context()
	if r, err := p.Recordings.Publish(ctx, "r1", false); err != nil || r.State != "unpublished" || r.Published {
		t.Errorf("unpublished: %+v, %v", r, err)
	}
	if r, err := p.Recordings.Publish(ctx, "r1", true); err != nil || !r.Published {
		t.Errorf("published: %+v, %v", r, err)
	}
	if r, err := p.Recordings.Protect(ctx, "r1", true); err != nil || !r.Protected {
		t.Errorf("protected: %+v, %v", r, err)
	}
	if r, err := p.Recordings.Protect(ctx, "r1", false); err != nil || r.Protected {
		t.Errorf("unprotected: %+v, %v", r, err)
	}
	change := v1.RecordingChange{Meta: map[string]string{"Course": "8"}}
	if r, err := p.Recordings.Change(ctx, "r1", change); err != nil || r.Details.Edits.Meta["course"] != "8" {
		t.Errorf("changed: %+v, %v", r, err)
	}
	if r, err := p.Recordings.Assign(ctx, "r1", "other"); err != nil || r.Tenant != "other" {
		t.Errorf("assigned: %+v, %v", r, err)
	}
	if err := p.Recordings.Delete(ctx, "r1"); err != nil || fake.list[0].State != store.Deleted {
		t.Errorf("deleted: %+v, %v", fake.list[0], err)
	}
	if r, err := p.Recordings.Restore(ctx, "r1"); err != nil || r.State != "unpublished" {
		t.Errorf("restored: %+v, %v", r, err)
	}
	want := []string{
		"publish default [r1]", "publish default [r1]", "update map[] default [r1]", "update map[] default [r1]",
		"update map[course:8] default [r1]", "delete other [r1]",
	}
	if diff := cmp.Diff(want, fake.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, word := range []string{"published", "unprotected", "edited", "assigned", "deleted", "restored"} {
		if !strings.Contains(p.log.String(), "recording "+word+" by an operator") {
			t.Errorf("the log does not say %q: %s", word, p.log)
		}
	}
}

// What cannot be done is refused in words that say what to do.
func TestRecordings_Refused(t *testing.T) {
	p, _ := withRecordings(t)
	tests := []struct {
		name, method, path, body string
		status                   int
		words                    string
	}{
		{"unknown", "GET", "/recordings/x", "", 404, "bbbpool recording list"},
		{"unknown", "POST", "/recordings/x/publish", "", 404, "no recording"},
		{"unknown", "DELETE", "/recordings/x", "", 404, "no recording"},
		{"not here yet", "POST", "/recordings/r2/publish", "", 409, "has arrived yet"},
		{"not here yet", "DELETE", "/recordings/r2", "", 409, "has arrived yet"},
		{"deleted", "POST", "/recordings/r3/publish", "", 409, "recording restore"},
		{"deleted", "DELETE", "/recordings/r3", "", 409, "recording restore"},
		{"no trash", "POST", "/recordings/r3/restore", "", 409, "--keep-deleted"},
		{"not deleted", "POST", "/recordings/r1/restore", "", 409, "it is published"},
		{"no tenant", "POST", "/recordings/r1/assign", "{}", 400, "tenant: missing"},
		{"unknown tenant", "POST", "/recordings/r1/assign", `{"tenant":"x"}`, 404, "no tenant"},
		{"nothing to change", "PATCH", "/recordings/r1", "{}", 400, "meta: want 1"},
		{"bad key", "PATCH", "/recordings/r1", `{"meta":{"a b":"c"}}`, 400, "meta: a key"},
		{"long value", "PATCH", "/recordings/r1", `{"meta":{"a":"` + strings.Repeat("x", 70_000) + `"}}`, 400, "64 KiB"},
		{"misspelt field", "POST", "/recordings/r1/publish", `{"force":true}`, 400, "force"},
		{"state", "GET", "/recordings?state=gone", "", 400, "state: want"},
		{"limit", "GET", "/recordings?limit=1001", "", 400, "limit: want a number from 1 to 1000"},
		{"offset", "GET", "/recordings?offset=-1", "", 400, "offset"},
		{"job state", "GET", "/jobs?state=gone", "", 400, "state: want"},
		{"job", "POST", "/job/retry?id=x", "", 404, "recording jobs --all"},
		{"job", "DELETE", "/job?id=x", "", 404, "recording jobs --all"},
		{"busy job", "DELETE", "/job?id=busy.tar", "", 409, "is being imported"},
		{"no job", "DELETE", "/job", "", 400, "id: missing"},
		{"relative path", "POST", "/recordings-import", `{"path":"a.tar"}`, 400, "absolute"},
		{"path", "POST", "/recordings-import", `{"path":"/x","tenant":"x"}`, 404, "no tenant"},
		{"no limits", "POST", "/recordings-prune", `{}`, 400, "at least one"},
		{"below zero", "POST", "/recordings-prune", `{"keep_under":-1}`, 400, "above 0"},
		{"unknown tenant", "POST", "/recordings-protect", `{"tenant":"x"}`, 404, "no tenant"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := p.request(t, test.method, test.path, test.body)
			if status != test.status || !strings.Contains(body, test.words) {
				t.Errorf("%s %s answered %d %s, want %d with %q", test.method, test.path, status, body, test.status, test.words)
			}
		})
	}
}

// What servers owe is listed as it comes, the most overdue first, of one tenant or of all.
func TestRecordings_Owed(t *testing.T) {
	p, fake := withRecordings(t)
	for _, tenant := range []string{"default", "other"} {
		owed := &store.Owed{Server: "a", Step: store.OwedEnded}
		r := store.Recording{RecordID: "of-" + tenant, Tenant: tenant, State: store.Awaited, Owed: owed}
		fake.owed = append(fake.owed, recordings.Owing{Recording: r, Age: time.Hour, Step: time.Minute, Overdue: true})
	}
	owed, err := p.Recordings.Owed(t.Context(), "")
	if err != nil || len(owed) != 2 || owed[0].Age != 3600 || owed[0].Step != 60 || owed[0].Owed.Step != "ended" {
		t.Errorf("all: %+v, %v", owed, err)
	}
	if owed, err := p.Recordings.Owed(t.Context(), "other"); err != nil || len(owed) != 1 || owed[0].RecordID != "of-other" {
		t.Errorf("of one tenant: %+v, %v", owed, err)
	}
}

// Imports are listed by state and over any number of pages, tried again, and dropped.
func TestRecordings_Jobs(t *testing.T) {
	p, fake := withRecordings(t)
	jobs, err := p.Imports.List(t.Context(), "failed")
	if err != nil || len(jobs) != 1 || jobs[0].ID != "one.tar" || jobs[0].Reason != "truncated" || jobs[0].Next != nil {
		t.Errorf("failed ones: %+v, %v", jobs, err)
	}
	if j, err := p.Imports.Retry(t.Context(), "one.tar"); err != nil || j.State != "waiting" {
		t.Errorf("tried again: %+v, %v", j, err)
	}
	fake.jobs[0].ID = "/srv//one.tar#r1"
	if err := p.Imports.Drop(t.Context(), "/srv//one.tar#r1"); err != nil || len(fake.jobs) != 1 {
		t.Errorf("dropped: %v, %+v", err, fake.jobs)
	}
	fake.jobs = nil
	for i := range 10_001 {
		fake.jobs = append(fake.jobs, store.Job{ID: strconv.Itoa(100_000 + i), State: store.JobDone})
	}
	if jobs, err := p.Imports.List(t.Context()); err != nil || len(jobs) != 10_001 || jobs[10_000].ID != "110000" {
		t.Errorf("many: %d, %v", len(jobs), err)
	}
}

// Status and check tell of recordings in numbers, and in words where somebody has to look; a sick volume fails a check.
func TestRecordings_Status(t *testing.T) {
	p, fake := withRecordings(t)
	fake.owed = []recordings.Owing{{Overdue: true}, {}}
	st, err := p.Pool.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &v1.RecordingSums{
		Published: 5, Unpublished: 2, Processing: 3, Deleted: 4, Bytes: 1<<30 + 10, Failed: 1, Owed: 2, Overdue: 1,
	}
	if diff := cmp.Diff(want, st.Recordings); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	notes := []string{
		"1 archive is in quarantine, and not imported: one.tar (truncated); bbbpool recording jobs says more",
		"1 recording is overdue: bbbpool recording list --owed says where they are",
	}
	for _, note := range notes {
		p.found = append(p.found, problems.Problem{Severity: problems.Late, Name: note, Text: note})
	}
	if st, err = p.Pool.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(notes, st.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if outcome, err := p.Pool.Check(t.Context()); err != nil || !outcome.OK || !cmp.Equal(outcome.Notes, notes) {
		t.Errorf("check: %+v, %v", outcome, err)
	}
	fake.volumes = []volume.Status{{Name: "library", Path: "/mnt", Problem: "library (/mnt) is not mounted", Latency: time.Second, At: then}}
	p.found = volume.ProblemsOf(fake.volumes)
	outcome, err := p.Pool.Check(t.Context())
	if err != nil || outcome.OK || !cmp.Equal(outcome.Problems, []string{"volume library (/mnt) is not mounted"}) {
		t.Errorf("check with a sick volume: %+v, %v", outcome, err)
	}
	volumes, err := p.Recordings.Volumes(t.Context())
	if err != nil || len(volumes) != 1 || volumes[0].LatencyMS != 1000 || volumes[0].Problem != "library (/mnt) is not mounted" {
		t.Errorf("volumes: %+v, %v", volumes, err)
	}
}

// A script is made for a server that is there and an address that can be one; that is logged, and not what is in it.
func TestServers_Script(t *testing.T) {
	p, _ := withRecordings(t)
	p.add(t, "a", simulate(t, 1)[0])
	p.api.Servers.Script = func(base string, s store.Server) ([]byte, error) {
		if base == "http://refused" {
			return nil, errors.New("server a has no secret")
		}
		return []byte("send to " + base + " with " + s.ID + "-token"), nil
	}
	script, err := p.Servers.Script(t.Context(), "a", "https://pool.example/")
	if err != nil || script.Script != "send to https://pool.example with a-token" {
		t.Errorf("script %+v, %v", script, err)
	}
	if log := p.log.String(); !strings.Contains(log, "script with the token") || strings.Contains(log, "a-token") {
		t.Errorf("logged %s", log)
	}
	_, err = p.Servers.Script(t.Context(), "b", "https://pool.example")
	refused(t, err, http.StatusNotFound, "no server")
	for _, base := range []string{"", "pool.example", "ftp://pool", "https://u@pool", "https://pool?x", "https://pool/'", "http://refused"} {
		_, err = p.Servers.Script(t.Context(), "a", base)
		refused(t, err, http.StatusBadRequest)
	}
}

// A change that the files could not follow is an error, which says so: whoever deletes wants to know what is still there.
func TestRecordings_Behind(t *testing.T) {
	p, fake := withRecordings(t)
	fake.behind = fmt.Errorf("%w: of another user", recordings.ErrBehind)
	_, err := p.Recordings.Publish(t.Context(), "r1", false)
	if err == nil || !strings.Contains(err.Error(), "r1 is unpublished, but its files") || !strings.Contains(err.Error(), "of another user") {
		t.Errorf("unpublish: %v", err)
	}
	if err := p.Recordings.Delete(t.Context(), "r1"); err == nil || !strings.Contains(err.Error(), "r1 is deleted, but its files") {
		t.Errorf("delete: %v", err)
	}
	if fake.at("r1").State != store.Deleted {
		t.Errorf("the change does not stand: %+v", fake.at("r1"))
	}
}

// lost are recordings whose index is gone, with an error that is nobody's business.
type lost struct{ *fakeRecordings }

var errLost = errors.New("open /var/private/index")

func (lost) Recordings(context.Context, store.RecordingFilter) ([]store.Recording, int, error) {
	return nil, 0, errLost
}

func (lost) Recording(context.Context, string) (store.Recording, error) {
	return store.Recording{}, errLost
}

func (lost) Owed(context.Context) ([]recordings.Owing, error)           { return nil, errLost }
func (lost) Jobs(context.Context, store.JobFilter) ([]store.Job, error) { return nil, errLost }
func (lost) Counts(context.Context) ([]store.RecordingCount, error)     { return nil, errLost }
func (lost) Retry(context.Context, string) (store.Job, error)           { return store.Job{}, errLost }
func (lost) DropJob(context.Context, string) error                      { return errLost }

// Whatever needs an index that cannot be read fails, says so in the log alone, and does not show what there is as nothing.
func TestRecordings_Lost(t *testing.T) {
	p, fake := withRecordings(t)
	p.have(lost{fake})
	for _, call := range []string{
		"GET /recordings", "GET /recordings/r1", "PATCH /recordings/r1", "DELETE /recordings/r1", "POST /recordings/r1/publish",
		"POST /recordings/r1/unpublish", "POST /recordings/r1/protect", "POST /recordings/r1/unprotect", "POST /recordings/r1/restore",
		"POST /recordings/r1/assign", "POST /recordings-protect", "GET /owed", "GET /jobs", "POST /job/retry?id=a", "DELETE /job?id=a",
		"GET /status", "POST /check", "GET /servers",
	} {
		method, path, _ := strings.Cut(call, " ")
		body := ""
		switch {
		case method == "PATCH":
			body = `{"meta":{"a":"b"}}`
		case strings.HasSuffix(path, "assign"):
			body = `{"tenant":"other"}`
		}
		p.log.Reset()
		status, answer := p.request(t, method, path, body)
		if status != http.StatusInternalServerError || answer != `{"code":"internal","error":"Internal error."}`+"\n" {
			t.Errorf("%s answered %d %s", call, status, answer)
		}
		if !strings.Contains(p.log.String(), "/var/private/index") {
			t.Errorf("%s logged %s", call, p.log)
		}
	}
	if len(fake.asked) > 0 {
		t.Errorf("something was changed: %v", fake.asked)
	}
}

// What cannot be done to a recording or an import is refused with what to do, and changes nothing.
func TestRecordings_Refusals(t *testing.T) {
	p, fake := withRecordings(t)
	for call, want := range map[string]string{
		"POST /recordings/r2/publish {}":                                              "409 nothing of recording r2 has arrived yet: bbbpool recording list --owed tells more",
		"DELETE /recordings/r2 ":                                                      "409 nothing of recording r2 has arrived yet",
		"POST /recordings/r3/protect {}":                                              "409 recording r3 is deleted: bbbpool recording restore brings it back",
		"POST /recordings/r3/restore {}":                                              "409 recording r3 cannot be restored: its files are gone",
		"POST /recordings/r1/restore {}":                                              "409 recording r1 is not deleted: it is published",
		"POST /recordings/r9/publish {}":                                              `404 there is no recording \"r9\"`,
		"POST /recordings/r1/assign {}":                                               "400 tenant: missing",
		`POST /recordings/r1/assign {"tenant":"nobody"}`:                              `404 there is no tenant \"nobody\"`,
		`POST /recordings/r1/assign {"tenant":5}`:                                     "400 tenant: a number does not fit there",
		`PATCH /recordings/r1 {}`:                                                     "400 meta: want 1 to 100 keys",
		`PATCH /recordings/r1 {"meta":{"a b":"","1":""}}`:                             "400 meta: a key is up to 256",
		`PATCH /recordings/r1 {"meta":{"a":"` + strings.Repeat("x", 64<<10+1) + `"}}`: "400 meta: a value is up to 64 KiB of text",
		"GET /recordings?limit=0 ":                                                    "400 limit: want a number from 1 to 1000",
		"GET /recordings?limit=1001 ":                                                 "400 limit: want a number from 1 to 1000",
		"GET /recordings?offset=-1 ":                                                  "400 offset: want a number from 0 to 1073741824",
		"GET /recordings?state=awaited ":                                              "400 state: want processing, processed, published, unpublished, deleted or any",
		"GET /jobs?limit=10001 ":                                                      "400 limit: want a number from 1 to 10000",
		"GET /jobs?state=busy ":                                                       "400 state: want waiting, importing, placing, done, failed, dropped or ignored",
		"POST /job/retry {}":                                                          "400 id: missing",
		"POST /job/retry?id=x {}":                                                     `404 there is no import \"x\"`,
		"DELETE /job ":                                                                "400 id: missing",
		"DELETE /job?id=x ":                                                           `404 there is no import \"x\"`,
		"DELETE /job?id=busy.tar ":                                                    "409 busy.tar ",
		`POST /recordings-prune {"older_than":"-1d"}`:                                 "400 ",
		`POST /recordings-prune {}`:                                                   "400 older_than, keep_under: want at least one of them",
		`POST /recordings-prune {"keep_under":-1}`:                                    "400 older_than, keep_under: want numbers above 0",
		`POST /recordings-protect {"tenant":"nobody"}`:                                `404 there is no tenant \"nobody\"`,
		`POST /recordings-import {"path":"relative"}`:                                 "400 path: want the absolute path",
		`POST /recordings-import {"path":"/a\u0000"}`:                                 "400 path: want the absolute path",
		`POST /recordings-import {"path":"/a","tenant":"nobody"}`:                     `404 there is no tenant \"nobody\"`,
		`POST /recordings-verify {"delete_everything":true}`:                          `400 body: unknown field \"delete_everything\"`,
	} {
		method, rest, _ := strings.Cut(call, " ")
		path, body, _ := strings.Cut(rest, " ")
		status, answer := p.request(t, method, path, body)
		_, text, _ := strings.Cut(answer, `"error":"`)
		if got := fmt.Sprint(status, " ", text); !strings.HasPrefix(got, want) {
			t.Errorf("%.80s answered %s, want %s", call, got, want)
		}
	}
	if diff := cmp.Diff(newRecordings().list, fake.list); diff != "" || len(fake.jobs) != 2 {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}
