package v1_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// transport answers requests as a function says.
type transport func(r *http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// answering is a transport whose answers are all the same.
func answering(status int, body string) transport {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func ignore(v1.Progress) {}

// Every call asks for what it is named after: scripts in other languages, and pools of other versions, go by these lines.
func TestClient_Requests(t *testing.T) {
	var sent []string
	client := v1.NewClient(transport(func(r *http.Request) (*http.Response, error) {
		line := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), v1.Prefix)
		if r.Body != nil {
			body, _ := io.ReadAll(r.Body)
			line += " " + string(body)
		}
		if kind := r.Header.Get("Content-Type"); (kind == "application/json") != (r.Method != http.MethodGet) {
			line += " as " + kind
		}
		sent = append(sent, line)
		return answering(http.StatusOK, "null\n")(r)
	}), "http://bbbpool", "")
	ctx, key, yes := t.Context(), v1.MeetingKey{Tenant: "t", MeetingID: "a b/c"}, true
	filter := v1.RecordingFilter{
		Tenant: "t", RecordIDs: []string{"r"}, MeetingIDs: []string{"a,b"}, States: []string{"any"},
		Meta: []v1.MetaMatch{{Key: "k", Value: "7%"}}, Offset: 5, Limit: 3,
	}
	wait := time.Minute
	var calls []error
	did := func(_ any, err error) { calls = append(calls, err) }
	did(client.Servers.List(ctx))
	did(client.Servers.Reveal(ctx))
	did(client.Servers.Show(ctx, "a/b"))
	did(client.Servers.Enable(ctx, "a", true))
	did(client.Servers.Cordon(ctx, "a"))
	did(client.Servers.Disable(ctx, "a", false))
	did(nil, client.Servers.Remove(ctx, "a", true))
	did(nil, client.Servers.Remove(ctx, "a", false))
	did(client.Servers.Script(ctx, "a", "https://pool.example"))
	did(client.Servers.Drain(ctx, "a", v1.Drain{RecordingsTimeout: &wait, Force: true}, ignore))
	did(client.Meetings.List(ctx, "t", "s"))
	did(client.Meetings.Show(ctx, key))
	did(client.Meetings.End(ctx, key, true))
	did(client.Meetings.Explain(ctx, v1.MeetingKey{MeetingID: "x"}))
	did(client.Recordings.List(ctx, filter))
	did(client.Recordings.List(ctx, v1.RecordingFilter{}))
	did(client.Recordings.Show(ctx, "r"))
	did(client.Recordings.Publish(ctx, "r", true))
	did(client.Recordings.Publish(ctx, "r", false))
	did(client.Recordings.Protect(ctx, "r", true))
	did(client.Recordings.Protect(ctx, "r", false))
	did(client.Recordings.Change(ctx, "r", v1.RecordingChange{Meta: map[string]string{"k": ""}}))
	did(nil, client.Recordings.Delete(ctx, "r"))
	did(client.Recordings.Restore(ctx, "r"))
	did(client.Recordings.Assign(ctx, "r", "t"))
	did(client.Recordings.Owed(ctx, "t"))
	did(client.Recordings.Volumes(ctx))
	did(client.Imports.List(ctx, "failed", "done"))
	did(client.Imports.Retry(ctx, "/srv/a.tar#1"))
	did(nil, client.Imports.Drop(ctx, "a&b"))
	did(client.Tenants.List(ctx))
	did(client.Tenants.Show(ctx, "t"))
	did(client.Tenants.RevealAll(ctx))
	did(client.Tenants.Add(ctx, v1.NewTenant{ID: "t", Secrets: []v1.NewTenantSecret{{Name: "n", Secret: "in-clear"}}}))
	did(client.Tenants.Change(ctx, "t", v1.TenantChange{IgnoreHints: &yes}))
	did(client.Tenants.Enable(ctx, "t"))
	did(client.Tenants.Disable(ctx, "t"))
	did(client.Tenants.Remove(ctx, "t", true))
	did(client.Tenants.Secrets(ctx, "t"))
	did(client.Tenants.Reveal(ctx, "t", "a b"))
	did(client.Tenants.AddSecret(ctx, "t", v1.NewTenantSecret{Secret: "in-clear"}))
	did(client.Tenants.RetireSecret(ctx, "t", "a/b", false))
	did(client.Tenants.RotateSecret(ctx, "t", v1.Rotation{Secret: "in-clear"}))
	did(client.Pool.Status(ctx))
	did(client.Pool.Problems(ctx))
	did(client.Pool.Check(ctx))
	did(client.Pool.Version(ctx))
	did(client.Pool.Capacity(ctx, ""))
	did(client.Pool.Capacity(ctx, "a"))
	did(client.Pool.DryRun(ctx, v1.DryRun{MeetingID: "m", Hint: 5}))
	if err := errors.Join(calls...); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /servers", "GET /servers?reveal=true", "GET /servers/a%2Fb", `POST /servers/a/enable {"force":true}`,
		"POST /servers/a/cordon {}", "POST /servers/a/disable {}", "DELETE /servers/a?force=true",
		"DELETE /servers/a", "GET /servers/a/script?url=https%3A%2F%2Fpool.example",
		`POST /servers/a/drain {"recordings_timeout":60000000000,"force":true}`, "GET /meetings?server=s&tenant=t",
		"GET /meeting?id=a+b%2Fc&tenant=t", `POST /meeting/end?id=a+b%2Fc&tenant=t {"force":true}`, "GET /meeting/explain?id=x",
		"GET /recordings?limit=3&meetingID=a%2Cb&meta.k=7%25&offset=5&recordID=r&state=any&tenant=t", "GET /recordings?",
		"GET /recordings/r", "POST /recordings/r/publish {}", "POST /recordings/r/unpublish {}", "POST /recordings/r/protect {}",
		"POST /recordings/r/unprotect {}", `PATCH /recordings/r {"meta":{"k":""}}`, "DELETE /recordings/r",
		"POST /recordings/r/restore {}", `POST /recordings/r/assign {"tenant":"t"}`, "GET /owed?tenant=t", "GET /volumes",
		"GET /jobs?limit=10000&state=failed&state=done", "POST /job/retry?id=%2Fsrv%2Fa.tar%231 {}", "DELETE /job?id=a%26b",
		"GET /tenants", "GET /tenants/t", "GET /tenants?reveal=true",
		`POST /tenants {"id":"t","secrets":[{"name":"n","secret":"in-clear"}]}`, `PATCH /tenants/t {"ignore_hints":true}`,
		"POST /tenants/t/enable", "POST /tenants/t/disable", "DELETE /tenants/t?force=true", "GET /tenants/t/secrets",
		"GET /tenants/t/secret?name=a+b", `POST /tenants/t/secrets {"secret":"in-clear"}`, "DELETE /tenants/t/secrets/a%2Fb",
		`POST /tenants/t/secrets/rotate {"secret":"in-clear"}`, "GET /status", "GET /problems",
		"POST /check {}", "GET /version", "GET /capacity", "GET /capacity?drain=a", `POST /placements/dry-run {"meetingID":"m","hint":5}`,
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// The calls that take long ask for what they are named after, too, and return the report of the last line.
func TestClient_Works(t *testing.T) {
	var sent []string
	client := v1.NewClient(transport(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, r.Method+" "+r.URL.Path+" "+string(body))
		return answering(http.StatusOK, `{"progress":{"done":1,"total":2,"current":"x"}}`+"\n"+
			`{"report":{"passed":true,"done":true,"ended":3,"dry_run":true,"recordings":4,"bytes":5,"imported":["r"],"changed":7}}`+"\n")(r)
	}), "http://bbbpool/api/v1/", "")
	ctx, told := t.Context(), 0
	tell := func(p v1.Progress) {
		if p.Done == 1 && p.Total == 2 && p.Current == "x" {
			told++
		}
	}
	tried, err1 := client.Servers.Test(ctx, "a", v1.Trial{Meetings: 2, Admit: true}, tell)
	drained, err2 := client.Servers.Drain(ctx, "a", v1.Drain{Wait: true}, tell)
	panicked, err3 := client.Servers.Panic(ctx, "a", v1.Panic{SkipEndCalls: true}, tell)
	synced, err4 := client.Servers.Sync(ctx, v1.Sync{Mode: "keep", DryRun: true}, tell)
	verified, err5 := client.Recordings.Verify(ctx, v1.VerifyOptions{}, tell)
	pruned, err6 := client.Recordings.Prune(ctx, v1.PruneOptions{OlderThan: quantity.Age(48 * time.Hour), KeepUnder: 1 << 30}, tell)
	protected, err7 := client.Recordings.ProtectAll(ctx, v1.Protection{Tenant: "t", Protect: true}, tell)
	imported, err8 := client.Imports.Import(ctx, v1.ImportOptions{Path: "/a"}, tell)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil || told != 8 {
		t.Fatalf("%v, told %d times", err, told)
	}
	want := []string{
		`POST /api/v1/servers/a/test {"meetings":2,"admit":true}`, `POST /api/v1/servers/a/drain {"wait":true}`,
		`POST /api/v1/servers/a/panic {"skip_end_calls":true}`, `POST /api/v1/servers/sync {"mode":"keep","dry_run":true,"servers":[]}`,
	}
	if diff := cmp.Diff(want, sent[:4]); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for i, path := range []string{"recordings-verify", "recordings-prune", "recordings-protect", "recordings-import"} {
		if !strings.HasPrefix(sent[4+i], "POST /api/v1/"+path+" {") {
			t.Errorf("asked %s, want %s", sent[4+i], path)
		}
	}
	if !strings.Contains(sent[5], `"older_than":"2d"`) || !strings.Contains(sent[5], `"keep_under":1073741824`) {
		t.Errorf("what to keep: %s", sent[5])
	}
	if !tried.Passed || !drained.Done || panicked.Ended != 3 || !synced.DryRun || verified.Recordings != 4 || pruned.Bytes != 5 ||
		protected.Changed != 7 || len(imported.Imported) != 1 {
		t.Errorf("%+v %+v %+v %+v %+v %+v %+v %+v", tried, drained, panicked, synced, verified, pruned, protected, imported)
	}
}

// What is no answer of the API's is not taken for one, and what comes back says why, and where.
func TestClient_Answers(t *testing.T) {
	broken := transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	cut := transport(func(r *http.Request) (*http.Response, error) {
		body := io.MultiReader(strings.NewReader(`{"version":`), failing{})
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
	})
	refusal := `{"code":"conflict","error":"it does not go"}`
	for name, test := range map[string]struct {
		by   transport
		want string
	}{
		"refused":         {broken, "call bbbpool at http://pool: connection refused"},
		"cut off":         {cut, "read the answer of http://pool: cable pulled"},
		"a page":          {answering(http.StatusOK, "<html>hello</html>"), "what answers at http://pool (status 200) is not bbbpool's administration"},
		"a list":          {answering(http.StatusOK, "[1]"), "what answers at http://pool (status 200) is not bbbpool's administration"},
		"another's error": {answering(http.StatusBadGateway, `{"detail":"x"}`), "what answers at http://pool (status 502) is not"},
		"moved":           {answering(http.StatusFound, ""), "what answers at http://pool (status 302) is not"},
		"an error":        {answering(http.StatusConflict, refusal), "it does not go"},
	} {
		client := v1.NewClient(test.by, "http://pool/", "")
		_, err := client.Pool.Status(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		refused, ok := errors.AsType[*v1.Error](err)
		if ok != (name == "an error") || ok && (refused.Status != http.StatusConflict || refused.Code != v1.CodeConflict) {
			t.Errorf("%s: %+v", name, refused)
		}
		if _, err := client.Servers.Test(t.Context(), "a", v1.Trial{}, ignore); err == nil {
			t.Errorf("%s: a work that takes long has ended well", name)
		}
	}
	if err := v1.NewClient(answering(http.StatusNoContent, ""), "http://pool", "").Servers.Remove(t.Context(), "a", false); err != nil {
		t.Errorf("nothing to say: %v", err)
	}
	client := v1.NewClient(answering(http.StatusOK, "{}"), "http://bad host", "")
	if _, err := client.Pool.Status(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "call bbbpool: parse") {
		t.Errorf("no address: %v", err)
	}
}

// failing is read from in vain.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cable pulled") }

// The token goes along where there is one, and to the place alone that was named, wherever an answer points.
func TestClient_Token(t *testing.T) {
	var asked []string
	by := transport(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host+" "+r.Header.Get("Authorization"))
		answer, _ := answering(http.StatusTemporaryRedirect, "")(r)
		answer.Header.Set("Location", "http://elsewhere/api/v1/status")
		return answer, nil
	})
	for _, token := range []v1.Secret{"s3cret", ""} {
		if _, err := v1.NewClient(by, "http://pool", token).Pool.Status(t.Context()); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("sent elsewhere: %v", err)
		}
	}
	if diff := cmp.Diff([]string{"pool Bearer s3cret", "pool "}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// A work whose answer ends before its report, or tells an error, has not been done; what was told before was told.
func TestClient_BrokenOff(t *testing.T) {
	const line = `{"progress":{"done":1,"total":2}}` + "\n"
	for body, want := range map[string]string{
		"":                    "bbbpool at http://pool has stopped before it was done: run this again",
		line:                  "bbbpool at http://pool has stopped before it was done: run this again",
		line + `{"progress":`: "bbbpool at http://pool has stopped before it was done: run this again",
		line + "nonsense\n":   "read the answer of http://pool: invalid character",
		line + `{"error":"it is cordoned","code":"conflict"}` + "\n": "it is cordoned",
	} {
		told := 0
		client := v1.NewClient(answering(http.StatusOK, body), "http://pool", "")
		_, err := client.Servers.Panic(t.Context(), "a", v1.Panic{}, func(v1.Progress) { told++ })
		if err == nil || !strings.HasPrefix(err.Error(), want) || told != strings.Count(body, `"done"`) {
			t.Errorf("%q: %v, told %d times; want %q", body, err, told, want)
		}
		refused, ok := errors.AsType[*v1.Error](err)
		if ok != strings.Contains(body, "cordoned") || ok && (refused.Status != http.StatusOK || refused.Code != v1.CodeConflict) {
			t.Errorf("%q: %+v", body, refused)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	client := v1.NewClient(v1.HandlerTransport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, line)
		<-r.Context().Done()
	})), "http://pool", "")
	if _, err := client.Servers.Drain(ctx, "a", v1.Drain{Wait: true}, func(v1.Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever hangs up is told %v", err)
	}
}

// A past is passed on line by line, until its end or an error among the lines.
func TestHistory_Export(t *testing.T) {
	export := func(status int, body, left string) (string, int, error) {
		var out bytes.Buffer
		client := v1.NewClient(transport(func(r *http.Request) (*http.Response, error) {
			answer, _ := answering(status, body)(r)
			answer.Trailer = http.Header{v1.LeftOut: {left}}
			if r.URL.RawQuery != "since=2026-03-01T08%3A00%3A00.5Z" {
				answer.StatusCode = http.StatusTeapot
			}
			return answer, nil
		}), "http://pool", "")
		since := time.Date(2026, 3, 1, 9, 0, 0, 5e8, time.FixedZone("", 3600))
		n, err := client.History.Export(t.Context(), since, time.Time{}, &out)
		return out.String(), n, err
	}
	const meetings = `{"id":"a"}` + "\n" + `{"id":"b"}` + "\n"
	for left, want := range map[string]int{"3": 3, "": 0, "-1": 0, "many": 0} {
		if text, n, err := export(http.StatusOK, meetings, left); err != nil || text != meetings || n != want {
			t.Errorf("%q left out: %q, %d, %v", left, text, n, err)
		}
	}
	for last, want := range map[string]string{
		`{"code":"internal","error":"the disk"}`: "the disk", `{"code":5}`: "neither a meeting nor an error",
		strings.Repeat("x", 1<<20+1): "read the answer of http://pool: bufio.Scanner: token too long",
	} {
		text, _, err := export(http.StatusOK, meetings+last+"\n"+meetings, "0")
		if err == nil || !strings.Contains(err.Error(), want) || text != meetings {
			t.Errorf("%.40s: %q, %v", last, text, err)
		}
	}
	if _, _, err := export(http.StatusBadRequest, `{"code":"invalid","error":"since: want a time"}`, ""); err == nil || err.Error() != "since: want a time" {
		t.Errorf("refused: %v", err)
	}
	client := v1.NewClient(answering(http.StatusOK, meetings), "http://pool", "")
	if _, err := client.History.Export(t.Context(), time.Time{}, time.Time{}, full{}); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("nowhere to write to: %v", err)
	}
}

// full cannot be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

// Pages of imports are read until one is not full.
func TestImports_Pages(t *testing.T) {
	page := "[" + strings.Repeat(`{"id":"j"},`, 9_999) + `{"id":"last of a page"}]`
	var after []string
	client := v1.NewClient(transport(func(r *http.Request) (*http.Response, error) {
		after = append(after, r.URL.Query().Get("after"))
		if len(after) == 2 {
			return answering(http.StatusOK, `[{"id":"z"}]`)(r)
		}
		return answering(http.StatusOK, page)(r)
	}), "http://pool", "")
	list, err := client.Imports.List(t.Context())
	if err != nil || len(list) != 10_001 || list[10_000].ID != "z" {
		t.Errorf("%d imports, %v", len(list), err)
	}
	if diff := cmp.Diff([]string{"", "last of a page"}, after); diff != "" {
		t.Errorf("asked for what is after (-want +got):\n%s", diff)
	}
}

// A data directory whose path is too long for a socket, or on which nobody answers, says so before anything is tried.
func TestSocket_Nobody(t *testing.T) {
	long := "/" + strings.Repeat("d", 100)
	_, err1 := v1.SocketPath(long)
	_, err2 := v1.SocketAnswers(long)
	_, err3 := v1.SocketTransport(long)
	_, err4 := v1.NewSocketClient(long)
	for _, err := range []error{err1, err2, err3, err4} {
		if err == nil || !strings.Contains(err.Error(), "longer than 107 bytes: choose a shorter data directory") {
			t.Errorf("too long a path: %v", err)
		}
	}
	dir := t.TempDir()
	if answers, err := v1.SocketAnswers(dir); answers || err != nil {
		t.Errorf("nothing there: %v, %v", answers, err)
	}
	path, err := v1.SocketPath(dir)
	if err != nil || path != filepath.Join(dir, "bbbpool.sock") {
		t.Fatal(path, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if answers, err := v1.SocketAnswers(dir); answers || err != nil {
		t.Errorf("a file instead: %v, %v", answers, err)
	}
	client, err := v1.NewSocketClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Pool.Status(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "call bbbpool at "+path+": dial unix") {
		t.Errorf("asked all the same: %v", err)
	}
}

// The address of a pool is one that can go into a script, without a slash at its end.
func TestBaseURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://pool.example.edu": "https://pool.example.edu", "http://[::1]:3000/": "http://[::1]:3000",
		"https://example.edu/pool//": "https://example.edu/pool", "": "", "pool.example.edu": "", "ftp://pool.example.edu": "",
		"https://user@pool.example.edu": "", "https://pool.example.edu?x": "", "https://pool.example.edu#x": "", "https://": "",
		"https://pool.example.edu/$(reboot)": "", "https://pool.example.edu/'": "", "https://pool.example.edu/`x`": "",
		"https://pool.example.edu/" + strings.Repeat("x", v1.MaxURL): "",
	} {
		got, err := v1.BaseURL(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.60s became %q, %v", text, got, err)
		}
		if refused, ok := errors.AsType[*v1.Error](err); err != nil && (!ok || refused.Code != v1.CodeInvalid) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// Numbers and times go over the wire in one form: to one decimal, in UTC, to the millisecond, and none as null.
func TestScalars(t *testing.T) {
	if v1.Stamp(time.Time{}) != nil {
		t.Error("no time became one")
	}
	at := time.Date(2026, 3, 1, 10, 0, 0, 1_999_999, time.FixedZone("", 3600))
	if got := v1.Stamp(at); got.Format(time.RFC3339Nano) != "2026-03-01T09:00:00.001Z" {
		t.Errorf("a time became %s", got)
	}
	if quantity.Tenths(10.04) != 10 || quantity.Tenths(-0.06) != -0.1 || v1.Milliseconds(1550*time.Microsecond) != 1.6 {
		t.Error(quantity.Tenths(10.04), quantity.Tenths(-0.06), v1.Milliseconds(1550*time.Microsecond))
	}
	for text, want := range map[string]bool{"": true, "grün": true, "12345": true, "123456": false, "a\nb": false, "a\xff": false} {
		if v1.IsText(text, 5) != want {
			t.Errorf("%q is text: %v", text, !want)
		}
	}
	for text, want := range map[string]string{
		v1.Version{Version: "1.2"}.String(): "1.2",
		v1.Version{Version: "1.2", Revision: "4aebd5e13c2f99", Date: "2026-11-28T09:00:00Z"}.String(): "1.2 (4aebd5e13c2f, 2026-11-28)",
		v1.Version{Version: "1.2", Revision: "4a", Date: "2026-11-28", Modified: true}.String():       "1.2 (4a and changes, 2026-11-28)",
		fmt.Sprint(v1.Build("dev").Version): "dev",
	} {
		if text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

// A server that is switched off need not be fit.
func TestChecked_Unfit(t *testing.T) {
	for _, test := range []struct {
		checked v1.Checked
		want    bool
	}{
		{v1.Checked{OK: true, State: "enabled"}, false},
		{v1.Checked{State: "enabled"}, true},
		{v1.Checked{State: "cordoned"}, true},
		{v1.Checked{State: "disabled"}, false},
	} {
		if test.checked.Unfit() != test.want {
			t.Errorf("%+v is unfit: %v", test.checked, !test.want)
		}
	}
}

// A handler in the same process is called as over a network: its trailer comes at the end, whoever stops reading ends it, and
// one that says nothing has said that all is well.
func TestHandlerTransport(t *testing.T) {
	ended := make(chan error, 1)
	by := v1.HandlerTransport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/trailer":
			w.Header().Set("Trailer", "X-Left")
			_, _ = io.WriteString(w, "body")
			_ = http.NewResponseController(w).Flush()
			w.Header().Set("X-Left", "7")
			w.WriteHeader(http.StatusTeapot) // too late
		case "/long":
			_, _ = io.WriteString(w, "begun")
			<-r.Context().Done()
			_, err := io.WriteString(w, "more")
			ended <- err
		}
	}))
	get := func(path string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := by.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	answer := get("/trailer")
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "body" || answer.StatusCode != http.StatusOK {
		t.Errorf("%d %q, %v", answer.StatusCode, body, err)
	}
	if err := answer.Body.Close(); err != nil || answer.Trailer.Get("X-Left") != "7" || answer.Header.Get("X-Left") != "" {
		t.Errorf("trailer %v, header %v, %v", answer.Trailer, answer.Header, err)
	}
	answer = get("/long")
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it could go on to write")
		}
	default:
		t.Error("it goes on although nobody reads")
	}
	answer = get("/nothing")
	if body, err := io.ReadAll(answer.Body); err != nil || len(body) > 0 || answer.StatusCode != http.StatusOK {
		t.Errorf("%d %q, %v", answer.StatusCode, body, err)
	}
	_ = answer.Body.Close()
}
