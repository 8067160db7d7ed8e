package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/servers"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// says makes the pool answer with these values, by method and path; a string is given as it is.
func (p *pool) says(t *testing.T, answers map[string]any) {
	t.Helper()
	p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, v1.Prefix)]
		switch answer := answer.(type) {
		case string:
			_, _ = io.WriteString(w, answer)
		default:
			if !ok {
				t.Errorf("nobody has thought of %s %s", r.Method, r.URL.Path)
			}
			put(t, w, answer)
		}
	})
}

func put(t *testing.T, w io.Writer, answer any) {
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		t.Error(err)
	}
}

// A monday at ten, as it will be.
var monday = time.Date(2026, 3, 2, 10, 25, 0, 0, time.UTC)

// answers are those of a pool with some history.
func answers() map[string]any {
	return map[string]any{
		"GET /capacity": v1.Capacity{
			Servers: []v1.ServerShare{
				{ID: "a", State: "enabled", Health: "online", Carries: 200, People: 41, Expected: 12.5, Kept: 30, Meetings: 3},
				{ID: "b\x1b", State: "draining", Health: "offline", Carries: 100},
			},
			Carries: 200.9, Now: v1.Fullness{At: now, People: 53.5, Meetings: 3, Free: 147.4, FreeN1: -53.5}, Largest: "a",
			Tightest: &v1.Fullness{At: monday, People: 210, Meetings: 12, Free: -9.1, FreeN1: -210},
			Drain:    &v1.Room{Server: "a", Now: 120.7, Tightest: 30},
		},
		"POST /placements/dry-run": v1.Placement{
			Server: "a", Why: "a: 41 here + 12.5 expected + 30 kept + 25.0 own (history), /1; next b at 125.0", Expected: 25,
			Basis: "history", Servers: []v1.Option{
				{ID: "a", Standing: "open", Tag: "big", Here: 41, Expected: 12.5, Kept: 30, Weight: 1, After: 108.5},
				{ID: "b", Standing: "doubtful", Here: 100, Weight: 1, After: 125, Full: true},
			},
		},
		"GET /meeting/explain": v1.Explained{
			MeetingID: "algebra", Tenant: "default", Sessions: []v1.ExplainedAt{
				{Server: "a", Start: now, People: 1, Peak: 26, Recorded: true, Why: "a: 41 here + 12.5 expected + 0 kept + 25.0 own (history), /1"},
				{Server: "b", Start: now.Add(-time.Hour), End: new(now.Add(-30 * time.Minute)), Peak: 25, Reason: "gone\x1b", Why: "b: it was found there, nobody chose"},
			},
		},
		"POST /servers/a/test": streamed(v1.Tried{
			Admitted: true, Passed: true, URL: "https://a.example", Version: "3.0.9", Algorithm: "sha256", SkewMS: 12,
			Checks: []v1.TrialCheck{
				{Name: "reach", Level: v1.Pass, Detail: "BigBlueButton answers", LatencyMS: 3.5},
				{Name: "tls", Level: v1.Warning, Detail: "the certificate expires in 3 days \x1b[2J"},
			},
			Load: &v1.LoadReport{Meetings: 20, Concurrency: 5, Verdict: "20 meetings held without a failure", Calls: []v1.CallLatency{
				{Call: "create", Count: 20, P50: 10.26, P95: 20, P99: 30.5, Max: 31},
				{Call: "getMeetings", Count: 19, Failed: 1, P50: 1.5, P95: 2, P99: 3, Max: 3, Pool: 1.25},
			}},
		}),
		"POST /servers/b/test": streamed(v1.Tried{Checks: []v1.TrialCheck{
			{Name: "reach", Level: v1.Pass, Detail: "BigBlueButton answers"},
			{Name: "checksum", Level: v1.Fail, Detail: "the server does not accept the secret"},
			{Name: "load", Level: v1.Skipped, Detail: "not asked for"},
		}}),
		"GET /history": "{\"server\":\"a\"}\n{\"server\":\"evil\u009b\"}\n",
	}
}

// streamed is an answer that takes long.
func streamed(report any) any { return v1.Line{Report: report} }

// What is left, and why meetings are where they are, is told in words and columns.
func TestLifecycleCmds_Golden(t *testing.T) {
	var commands [][]string
	for _, line := range []string{
		"capacity", "capacity --drain a", "meeting dry-run algebra --hint 30 --tag big", "meeting explain algebra",
		"server test a", "server test b --short", "server test b --short --no-admit --json",
		"history export --since 30d", "capacity --json", "meeting dry-run algebra --json", "meeting explain algebra --json",
	} {
		commands = append(commands, strings.Fields(line))
	}
	runGolden(t, map[string]func(*pool, *testing.T){
		"lifecycle": func(p *pool, t *testing.T) { p.says(t, answers()) },
	}, commands)
}

// What a drain leaves is said in words that nobody has to calculate with.
func TestCapacityCmd_Room(t *testing.T) {
	for words, room := range map[string]v1.Room{
		"the others could carry 120 more now, 30 more at the tightest hour of the next day": {Now: 120.9, Tightest: 30.2},
		"the others could carry 12 more now\n":                                              {Now: 12, Tightest: 12},
		"there is not enough room: 1 person too many now":                                   {Now: -0.1, Tightest: -40},
		"the others could carry 3 more now, but there are 45 too many at the tightest hour": {Now: 3, Tightest: -45},
	} {
		p := newPool(t)
		room.Server = "a"
		p.says(t, map[string]any{"GET /capacity": v1.Capacity{Drain: &room}})
		if o := p.run(t, "", "capacity", "--drain", "a"); o.failed != nil || !strings.Contains(o.out, "without a      "+words) {
			t.Errorf("%+v: %+v, want %s", room, o, words)
		}
	}
}

// A create that would fail fails here, too, with the reason.
func TestMeetingDryRunCmd_Nowhere(t *testing.T) {
	p := newPool(t)
	p.says(t, map[string]any{"POST /placements/dry-run": v1.Placement{Why: "no server takes new meetings"}})
	o := p.run(t, "", "meeting", "dry-run", "x")
	if o.failed == nil || !strings.HasPrefix(o.out, "it would fail: no server takes new meetings\n") {
		t.Errorf("%+v", o)
	}
	p.says(t, map[string]any{"POST /placements/dry-run": v1.Placement{Known: true, Server: "a", Why: "it runs there already; a: its parent is there"}})
	if o := p.run(t, "", "meeting", "dry-run", "x"); o.failed != nil || !strings.HasPrefix(o.out, "it would go to a: it runs there already; a: its parent") {
		t.Errorf("%+v", o)
	}
}

// listFile writes a list of servers.
func listFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "servers.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A list says what is wrong with it by file and line, and nothing is done.
func TestServerSyncCmd_Wrong(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	path := listFile(t, "servers:\n  a: {secret: hidden}\n  \"e\u200bvil\": {}\n")
	o := p.run(t, "", "server", "sync", path)
	if o.failed == nil || !strings.HasPrefix(o.failed.Error(), path+": line 3: this server: want an ID") || strings.Contains(o.failed.Error(), "\u200b") {
		t.Errorf("a fault: %+v", o)
	}
	o = p.run(t, "", "server", "sync", path+"x")
	if o.failed == nil || o.failed.Error() != path+"x: no such file or directory" {
		t.Errorf("no file: %+v", o)
	}
	if o := p.run(t, "", "server", "sync", path, "--mode", "all"); o.failed == nil {
		t.Errorf("no mode: %+v", o)
	}
	if s, err := p.stores.State.Server(t.Context(), "a"); err != nil || s.Secret != store.Secret("hidden-a") {
		t.Errorf("changed: %+v %v", s, err)
	}
}

// A server is tested on its first enabling; a test that it does not pass says why, and fails.
func TestServerTestCmd(t *testing.T) {
	p := newPool(t)
	add := func(id string, args ...string) {
		t.Helper()
		args = append([]string{"server", "add", fakeBBB(t), "--secret", "s3cret", "--id", id}, args...)
		if o := p.run(t, "", args...); o.failed != nil {
			t.Fatalf("%+v: %v", o, o.failed)
		}
	}
	add("a")
	add("b")
	o := p.run(t, "", "server", "test", "a", "--short", "--no-admit")
	if o.failed != nil || !strings.HasSuffix(o.out, "\npassed\n") || !strings.Contains(o.out, "load       skipped  not asked for\n") {
		t.Errorf("short: %+v", o)
	}
	if s, err := p.stores.State.Server(t.Context(), "a"); err != nil || s.State != store.Disabled {
		t.Errorf("not to be admitted: %+v %v", s, err)
	}
	o = p.run(t, "", "server", "test", "a", "--meetings", "4", "--concurrency", "2")
	if o.failed != nil || !strings.Contains(o.out, "\n4 meetings, 2 at once, in milliseconds:\n") ||
		!strings.HasSuffix(o.out, "\npassed: the server takes meetings from now on\n") {
		t.Errorf("with load: %+v", o)
	}
	if s, err := p.stores.State.Server(t.Context(), "a"); err != nil || s.State != store.Enabled || s.Admitted.IsZero() {
		t.Errorf("admitted: %+v %v", s, err)
	}
	if o := p.run(t, "", "server", "set", "b", "--secret", "wrong", "--force"); o.failed != nil {
		t.Fatalf("%v", o.failed)
	}
	o = p.run(t, "", "server", "test", "b", "--short")
	if o.failed == nil || o.failed.Error() != "server b is not fit for the pool" || !strings.HasSuffix(o.out, "\nfailed: checksum\n") {
		t.Errorf("with a wrong secret: %+v", o)
	}
	if o = p.run(t, "", "server", "test", "b", "--json", "--short"); o.failed == nil || !strings.Contains(o.out, `"passed": false`) {
		t.Errorf("as JSON: %+v", o)
	}
	for _, args := range []string{"--meetings 0", "--concurrency 0", "--meetings=-1"} {
		if o := p.run(t, "", append([]string{"server", "test", "a"}, strings.Fields(args)...)...); o.failed == nil ||
			!strings.Contains(o.failed.Error(), "want numbers from 1 on") {
			t.Errorf("%s: %+v", args, o)
		}
	}
}

// running is a pool of simulated servers, each enabled, with a meeting on the first.
func running(t *testing.T, ids ...string) *pool {
	t.Helper()
	p := newPool(t)
	for i, id := range ids {
		o := p.run(t, "", "server", "add", fakeBBB(t), "--secret", "s3cret", "--id", id, "--enable")
		if o.failed != nil {
			t.Fatalf("%+v: %v", o, o.failed)
		}
		if i == 0 {
			p.meet(t, store.MeetingKey{Tenant: "default", MeetingID: "algebra"}, 2)
		}
	}
	for _, id := range ids {
		p.ledger.SetServer(placement.Server{ID: id, Weight: 1, Standing: placement.Open})
	}
	return p
}

// What ends meetings asks, and says what it has done.
func TestServerPanicCmd(t *testing.T) {
	p := running(t, "a", "b")
	if o := p.run(t, "", "server", "panic", "a"); o.failed == nil || !strings.Contains(o.failed.Error(), "pass --yes") {
		t.Errorf("nobody: %+v", o)
	}
	o := p.run(t, "n\n", "server", "panic", "a", "--skip-end-calls", "--keep-state")
	if o.failed == nil || !strings.HasPrefix(o.err, "Server a has 1 meeting with 2 people. The meetings are forgotten, without a word "+
		"to the server: nobody can join them any more.\nDo it?") {
		t.Errorf("no: %+v", o)
	}
	o = p.run(t, "y\n", "server", "panic", "a")
	if o.failed != nil || o.out != "server a: disabled, 1 meeting ended\n" ||
		!strings.Contains(o.err, "The meetings end for everybody, at once. The server is disabled.") {
		t.Errorf("yes: %+v %v", o, o.failed)
	}
	o = p.run(t, "", "server", "panic", "b", "--yes", "--keep-state", "--json")
	if o.failed != nil || !strings.Contains(o.out, `"ended": 0`) || !strings.Contains(o.out, `"state": "enabled"`) {
		t.Errorf("as JSON: %+v", o)
	}
}

// A drain says what is left, and what the others have left.
func TestServerDrainCmd(t *testing.T) {
	p := running(t, "a", "b")
	o := p.run(t, "", "server", "drain", "a")
	if o.failed != nil || o.out != "server a: draining, 1 meeting with 2 people left\n" ||
		!strings.HasPrefix(o.err, "without a the others could carry 1") || !strings.Contains(o.err, "drain a --wait does\n") {
		t.Errorf("in use: %+v %v", o, o.failed)
	}
	o = p.run(t, "", "server", "drain", "a", "--wait")
	if o.failed == nil || !strings.HasPrefix(o.failed.Error(), "nobody would see the meetings end: bbbpool does not run") {
		t.Errorf("nobody serves: %+v", o)
	}
	if o = p.run(t, "", "server", "drain", "b"); o.failed == nil || !strings.Contains(o.failed.Error(), "--force") {
		t.Errorf("no room: %+v", o)
	}
	o = p.run(t, "", "server", "drain", "b", "--force")
	if o.failed != nil || o.out != "server b: drained and disabled\n" {
		t.Errorf("idle: %+v", o)
	}
	if o = p.run(t, "", "server", "drain", "b", "--json"); o.failed != nil || !strings.Contains(o.out, `"done": true`) {
		t.Errorf("as JSON: %+v", o)
	}
}

// Recordings are waited for as long as the pool does by itself; those that do not arrive are a failure, unless nobody
// wanted to wait.
func TestServerDrainCmd_Recordings(t *testing.T) {
	p := newPool(t)
	asked := ""
	missing := v1.Drained{Server: v1.Server{ID: "a", State: "disabled"}, Done: true, Missing: []string{"r1\x1b", "r2"}}
	p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = string(body)
		put(t, w, missing)
	})
	const out = "missing  r1\\x1b\nmissing  r2\nserver a: drained and disabled\n"
	o := p.run(t, "", "server", "drain", "a")
	if asked != `{"recordings_timeout":86400000000000}` || o.out != out || o.failed == nil ||
		!strings.HasPrefix(o.failed.Error(), "2 recordings did not arrive in time: ") {
		t.Errorf("asked %s, %+v", asked, o)
	}
	o = p.run(t, "", "server", "drain", "a", "--recordings-timeout", "0")
	if asked != `{"recordings_timeout":0}` || o.out != out || o.failed != nil ||
		!strings.HasPrefix(o.err, "note: not waited for 2 recordings: ") {
		t.Errorf("asked %s, %+v", asked, o)
	}
}

// A terminal shows how far a panic and a sync are.
func TestLifecycleCmds_Watched(t *testing.T) {
	list := listFile(t, "servers:\n  a: {secret: x}\n")
	const blank = "\r\x1b[K"
	for want, run := range map[string]func(*cli.Env) error{
		blank + " 50%  1/2 meetings  algebra" + blank: (&servers.PanicCmd{ID: "a", Yes: true}).Run,
		blank + " 50%  1/2 servers  algebra" + blank:  (&servers.SyncCmd{File: list, Mode: "keep", Yes: true}).Run,
	} {
		p := newPool(t)
		p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				put(t, w, v1.Server{ID: "a"})
				return
			}
			var asked struct {
				DryRun bool `json:"dry_run"`
			}
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				t.Error(err)
			}
			if !asked.DryRun {
				put(t, w, v1.Line{Progress: &v1.Progress{Done: 1, Total: 2, Current: "algebra"}})
			}
			put(t, w, v1.Line{Report: v1.Synced{Changes: []v1.SyncChange{{ID: "a", Action: "updated"}}}})
		})
		var out, errs bytes.Buffer
		err := run(&cli.Env{
			Ctx: t.Context(), Out: &out, Err: &errs, Watched: true, Options: cli.Options{Data: p.dir},
			Offline: func(context.Context, string) (http.Handler, func() error, error) {
				return p.handler, func() error { return nil }, nil
			},
		})
		if err != nil || errs.String() != want {
			t.Errorf("shown %q, want %q: %v", errs.String(), want, err)
		}
	}
}

// A server that owes recordings is not removed, nor disabled, without a word about them.
func TestServerRemoveCmd_Owed(t *testing.T) {
	p := newPool(t)
	p.keep(t)
	p.put(t, store.Server{ID: "a", URL: "https://a.example", State: store.Cordoned, Weight: 1}, poller.Status{})
	o := p.run(t, "", "server", "disable", "a")
	if o.failed != nil || o.out != "server a: disabled\n" || !strings.HasPrefix(o.err, "note: it owes 1 recording, ") {
		t.Errorf("disabled: %+v", o)
	}
	o = p.run(t, "", "server", "remove", "a", "--yes")
	if o.failed == nil || !strings.HasPrefix(o.failed.Error(), "server a owes 1 recording: ") ||
		!strings.HasSuffix(o.failed.Error(), "--force removes it now, and nobody waits for its recordings any more") {
		t.Errorf("yes: %+v", o)
	}
	p.ledger.SetServer(placement.Server{ID: "a", Weight: 1, Standing: placement.Open})
	p.meet(t, store.MeetingKey{Tenant: "default", MeetingID: "algebra"}, 2)
	o = p.run(t, "y\n", "server", "remove", "a")
	if o.failed == nil || !strings.HasPrefix(o.failed.Error(), "server a has 1 meeting with 2 people and owes 1 recording: ") {
		t.Errorf("with a meeting: %+v", o)
	}
	if o = p.run(t, "", "server", "remove", "a", "--force"); o.failed != nil || o.out != "server a: removed\n" {
		t.Errorf("forced: %+v %v", o, o.failed)
	}
}

// The servers become those of the list; what goes is asked about, and nothing is done twice.
func TestServerSyncCmd(t *testing.T) {
	p := running(t, "a", "b")
	url := fakeBBB(t)
	path := listFile(t, "servers:\n  a: {secret: s3cret, url: "+p.url(t, "a")+", load_multiplier: 0.5}\n"+
		"  C: {secret: s3cret, url: "+url+"}\n")
	const diff = "[a] would update: weight: 1 -> 2\n[b] would remove\n[c] would create: "
	o := p.run(t, "", "server", "sync", path, "--dry-run")
	if o.failed != nil || !strings.HasPrefix(o.out, diff) || !strings.HasSuffix(o.err, "note: nothing was done, for this was a dry run\n") {
		t.Errorf("dry: %+v %v", o, o.failed)
	}
	o = p.run(t, "n\n", "server", "sync", path)
	if o.failed == nil || o.out != "" || !strings.HasPrefix(o.err, diff) || !strings.Contains(o.err, "1 server is not listed and is removed: b.\nDo it?") {
		t.Errorf("no: %+v", o)
	}
	if o = p.run(t, "", "server", "sync", path); o.failed == nil || !strings.Contains(o.failed.Error(), "pass --yes") {
		t.Errorf("nobody: %+v", o)
	}
	nobody := listFile(t, "servers: {}")
	if o = p.run(t, "", "server", "sync", nobody, "--mode", "force", "--dry-run"); !strings.HasPrefix(o.out,
		"[a] would remove, and end 1 meeting with 2 people\n[b] would remove\n") {
		t.Errorf("force, dry: %+v", o)
	}
	o = p.run(t, "n\n", "server", "sync", nobody, "--mode", "force")
	if o.failed == nil || !strings.Contains(o.err, "2 servers are not listed and are removed: a, b. It ends 1 meeting with 2 people, for everybody.") {
		t.Errorf("force: %+v", o)
	}
	if o = p.run(t, "", "server", "sync", path, "--mode", "keep", "--json"); o.failed != nil || !strings.Contains(o.out, `"action": "created"`) {
		t.Errorf("keep: %+v %v", o, o.failed)
	}
	if o = p.run(t, "y\n", "server", "sync", path); o.failed != nil || o.out != "[b] removed\n" {
		t.Errorf("yes: %+v %v", o, o.failed)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o = p.in(t, string(text), false, "server", "sync", "-")
	if o.failed != nil || o.out != "nothing to change: the pool has the servers that are listed\n" {
		t.Errorf("in sync: %+v %v", o, o.failed)
	}
	if s, err := p.stores.State.Server(t.Context(), "c"); err != nil || s.State != store.Enabled || s.URL != url {
		t.Errorf("stored %+v %v", s, err)
	}
}

// url returns the address of a server.
func (p *pool) url(t *testing.T, id string) string {
	t.Helper()
	s, err := p.stores.State.Server(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL
}

// The pool itself tells where meetings are and would be, what it carries, and what is over.
func TestLifecycleCmds_Running(t *testing.T) {
	p := running(t, "a", "b")
	_, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{ID: "default", Secrets: []store.TenantSecret{{Name: "n1", Secret: "x"}}, Created: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range [][2]string{ // a change of a server comes last: nobody has seen it then, so it is doubted
		{"meeting dry-run biology", "it would go to b: 0 here + 0.0 expected + 0 kept + 10.3 own (default), /1; next a at "},
		{"meeting dry-run algebra", "it would go to a: it runs there already; a: 0 here"},
		{"meeting dry-run xx --tag z!", "it would fail: "},
		{"meeting explain algebra", ": 2 people now, 2 at most, recorded\n  placed on a: 0 here"},
		{"meeting explain x", "nothing is known of a meeting"},
		{"capacity", "carries              400 people on"},
		{"capacity --drain b", "without b            the others could carry "},
		{"capacity --drain x", `there is no server "x"`},
		{"tenant set default --tag big", "tenant default: changed\n"},
		{"tenant set default --tag=", "tenant default: changed\n"},
		{"tenant set x --ignore-hints", `there is no tenant "x"`},
		{"tenant set default", "nothing to change"},
		{"server show a", "admitted         2026-03-01T09:00:00Z"},
		{"server list --json", `"kept": 0`},
		{"tenant list", "believed\n"},
		{"meeting dry-run x --hint=-1", "--hint: want a number of people"},
		{"server sync /nowhere --mode all", "--mode must be one of"},
		{"server set a --hard", "want a capacity above 0"},
		{"server set a --no-hard --json", `"hard": false`},
	} {
		o := p.run(t, "", strings.Fields(test[0])...)
		said := o.out
		if o.failed != nil {
			said += o.failed.Error()
		}
		if !strings.Contains(said, test[1]) {
			t.Errorf("%s: %s, want %s", test[0], said, test[1])
		}
	}
	if o := p.run(t, "", "tenant", "set", "default", "--ignore-hints", "--json"); !strings.Contains(o.out, `"ignore_hints": true`) {
		t.Errorf("%+v", o)
	}
	if o := p.run(t, "", "tenant", "set", "default", "--no-ignore-hints", "--json"); !strings.Contains(o.out, `"ignore_hints": false`) {
		t.Errorf("%+v", o)
	}
}
