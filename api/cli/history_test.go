package cli_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Times are ages or moments, and nothing else.
func TestHistoryExportCmd_When(t *testing.T) {
	for args, want := range map[string]string{
		"": "", "--since 2d": "since=2026-02-27T09%3A00%3A00Z", "--since 2026-02-27T10:00:00+01:00": "since=2026-02-27T09%3A00%3A00Z",
		"--until 2026-02-27": "until=2026-02-27T00%3A00%3A00Z", "--since 7": "no time", "--since never": "no time",
		"--since 1h --until 2h": "--until: want a time after --since",
	} {
		p := newPool(t)
		query := ""
		p.handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { query = r.URL.RawQuery })
		o := p.run(t, "", append([]string{"history", "export"}, strings.Fields(args)...)...)
		if o.failed != nil {
			query = o.failed.Error()
		}
		if !strings.Contains(query, want) {
			t.Errorf("%q asks for %s, want %s", args, query, want)
		}
	}
}

// What is over can be taken along, and explained.
func TestHistoryExportCmd(t *testing.T) {
	p := newPool(t)
	key := store.MeetingKey{Tenant: "default", MeetingID: "algebra"}
	err := p.stores.Index.AddSession(t.Context(), store.Session{
		ID: "i-1", Tenant: "default", Server: "gone", Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour), Peak: 25, Joins: 30,
		Reason: "ended", Meeting: p.ledger.Hash(key),
	})
	if err != nil {
		t.Fatal(err)
	}
	const line = `"create":"2026-03-01T07:00:00Z","end":"2026-03-01T08:00:00Z"`
	if o := p.run(t, "", "history", "export", "--since", "1d"); o.failed != nil || strings.Count(o.out, line) != 1 {
		t.Errorf("exported %+v %v", o, o.failed)
	}
	if o := p.run(t, "", "history", "export", "--since", "30m"); o.failed != nil || o.out != "" {
		t.Errorf("exported %+v %v", o, o.failed)
	}
	const told = "from 2026-03-01T07:00:00Z for 1h0m0s: 25 people at most; over: ended\n  placed on gone: it was found there"
	for _, id := range []string{"algebra", "i-1"} {
		if o := p.run(t, "", "meeting", "explain", id); o.failed != nil || !strings.HasPrefix(o.out, told) {
			t.Errorf("%s: %+v %v", id, o, o.failed)
		}
	}
}

// A day is replayed without a pool, and its trace can be kept.
func TestSimulateCmd(t *testing.T) {
	p := newPool(t)
	p.dir = filepath.Join(p.dir, "nowhere")
	day := []string{"simulate", "--generate", "exam", "--servers", "2"}
	o := p.run(t, "", append(day, "--rules", "c3,round-robin")...)
	if o.failed != nil || !strings.HasPrefix(o.out, "exam-2: ") || !strings.Contains(o.out, "round-robin") {
		t.Errorf("generated: %+v %v", o, o.failed)
	}
	if o = p.run(t, "", append(day, "--rules", "c3", "--json")...); o.failed != nil || !strings.Contains(o.out, `"c3": {`) {
		t.Errorf("as JSON: %+v %v", o, o.failed)
	}
	trace := p.run(t, "", append(day, "--write")...)
	if trace.failed != nil || strings.Count(trace.out, "\n") < 10 {
		t.Fatalf("written: %+v %v", trace, trace.failed)
	}
	o = p.in(t, trace.out, false, "simulate", "-", "--rules", "c1", "--servers", "2")
	if o.failed != nil || !strings.HasPrefix(o.out, "trace: ") {
		t.Errorf("read: %+v %v", o, o.failed)
	}
	if o = p.run(t, "", "simulate"); o.failed == nil || !strings.Contains(o.failed.Error(), "nothing to replay") {
		t.Errorf("nothing: %+v", o)
	}
	if o = p.in(t, "no\x1btrace", false, "simulate", "-"); o.failed == nil || strings.Contains(o.failed.Error(), "\x1b") {
		t.Errorf("no trace: %+v", o)
	}
}
