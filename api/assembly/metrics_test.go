package assembly_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/waiting"
)

// Each metric is declared once, with a name that tells what it is, and with a sentence about it.
func TestFamilies(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range slices.Concat(assembly.Families()...) {
		if seen[f.Name] {
			t.Errorf("%s is declared twice", f.Name)
		}
		seen[f.Name] = true
		if !strings.HasPrefix(f.Name, "bbbpool_") || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: %q", f.Name, f.Help)
		}
		switch f.Type {
		case exposition.Counter, exposition.Gauge, exposition.Histogram, exposition.Summary:
		default:
			t.Errorf("%s has the type %q", f.Name, f.Type)
		}
		if (f.Type == exposition.Counter) != strings.HasSuffix(f.Name, "_total") {
			t.Errorf("%s is a %s", f.Name, f.Type)
		}
	}
}

// The handbook has a line for each metric that is declared, and none for one that is not.
func TestFamilies_Handbook(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "web", "handbook", "watching.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| name | what |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	const server = "bbbpool_server" // what short names go on from
	written := map[string]bool{}
	for row := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, m := range regexp.MustCompile("`([a-z_]+)(\\{[a-z,_]+\\})?`").FindAllStringSubmatch(cell, -1) {
			name := m[1]
			if strings.HasPrefix(name, "_") && strings.Contains(cell, "`"+server+"_") {
				name = server + name
			}
			if written[name] {
				t.Errorf("%s is in the handbook twice", name)
			}
			written[name] = true
		}
	}
	for _, f := range slices.Concat(assembly.Families()...) {
		if !written[f.Name] {
			t.Errorf("%s is not in the handbook", f.Name)
		}
		delete(written, f.Name)
	}
	for name := range written {
		t.Errorf("the handbook has %s, and nothing measures it", name)
	}
}

// unmeasured are metrics that the tests below have no occasion for.
var unmeasured = map[string]string{
	"bbbpool_server_certificate_expires_seconds": "simulated servers speak plain HTTP",
}

// elsewhere tells whether a metric is of stores that may be away, or are shared, which one file is not.
func elsewhere(name string) bool {
	return slices.ContainsFunc(slices.Concat(
		mirror.Families, waiting.Families, redis.Families, postgres.Families, instances.Families,
	), func(f exposition.Family) bool {
		return f.Name == name
	})
}

// What is declared is measured, and what is measured is declared.
func TestFamilies_Measured(t *testing.T) {
	t.Parallel() // it waits for what is looked for every few seconds
	o := options(t)
	o.Environ = []string{"RAILS_ENV=production"} // which is a problem
	o.Settings.Backups.Dir = t.TempDir()
	p := open(t, o)
	sim, err := simulator.New(simulator.Config{Servers: 2})
	if err != nil {
		t.Fatal(err)
	}
	past(t, p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, o)
	run(t, p, sim)
	for _, s := range sim.Servers() {
		record := store.Server{ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1}
		record.Former, record.FormerUntil = "former", time.Now().Add(time.Hour) // so that its secret is being changed
		if err := p.Stores.State.CreateServer(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		p.Poller.SetServer(record)
		if err := s.Fault(simulator.Fault{Kind: simulator.ServerError, Calls: []string{"sendChatMessage"}}); err != nil {
			t.Fatal(err)
		}
	}
	ready(t, p)
	call(t, p, secret, "create", url.Values{"name": {"Room"}, "meetingID": {"room"}, "record": {"true"}, "duration": {"90"}}.Encode())
	call(t, p, secret, "sendChatMessage", "meetingID=room&message=hello")
	get(t, p.Addr(), "/api/v1/recordings/upload")
	missing := func() (missing []string, page string) {
		_, page = get(t, p.Addr(), "/metrics")
		for _, f := range slices.Concat(assembly.Families()...) {
			if unmeasured[f.Name] == "" && !elsewhere(f.Name) && !strings.Contains("\n"+page, "\n# HELP "+f.Name+" ") {
				missing = append(missing, f.Name)
			}
		}
		return missing, page
	}
	none, page := missing()
	for deadline := time.Now().Add(10 * time.Second); none != nil && time.Now().Before(deadline); none, page = missing() {
		time.Sleep(20 * time.Millisecond)
	}
	if none != nil {
		t.Errorf("nothing measures what is declared: %v", none)
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "bbbpool_") && !declared(line) {
			t.Errorf("nobody has declared %s", line)
		}
	}
}

// So it is where the records are in databases, and shared.
func TestFamilies_MeasuredShared(t *testing.T) {
	t.Parallel()
	c := several(t, 2)
	c.succeeds(c.pools[0], "create", "meetingID=room&name=Room")
	c.succeeds(c.pools[1], "create", "meetingID=another&name=Room")
	missing := func() (missing []string) {
		page := ""
		for _, m := range c.pools {
			_, text := get(t, m.Addr(), "/metrics")
			page += "\n" + text
		}
		for _, f := range slices.Concat(assembly.Families()...) {
			if elsewhere(f.Name) && !strings.Contains(page, "\n# HELP "+f.Name+" ") {
				missing = append(missing, f.Name)
			}
		}
		return missing
	}
	none := missing()
	for deadline := time.Now().Add(10 * time.Second); none != nil && time.Now().Before(deadline); none = missing() {
		time.Sleep(20 * time.Millisecond)
	}
	if none != nil {
		t.Errorf("nothing measures what is declared: %v", none)
	}
}

// past fills a pool with what has been: sessions for which the coming week has a busiest time, and a recording that
// somebody still owes.
func past(t *testing.T, p *assembly.Pool) {
	t.Helper()
	now := time.Now()
	if _, err := p.Stores.State.UpdateTenant(t.Context(), store.DefaultTenant, func(t *store.Tenant) error {
		t.Limits.Duration = time.Hour
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for weeks := range 5 {
		begin := now.AddDate(0, 0, -7*weeks-6)
		if err := p.Stores.Index.AddSession(t.Context(), store.Session{
			ID: "past" + strconv.Itoa(weeks), Tenant: store.DefaultTenant, Meeting: "room", Server: "gone", Start: begin,
			End: begin.Add(time.Hour), Peak: 30, Joins: 30, Reason: "ended",
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Stores.Index.CreateRecording(t.Context(), store.Recording{
		RecordID: "owed", Tenant: store.DefaultTenant, MeetingID: "room", State: store.Processing, Server: "gone",
		Start: now.Add(-49 * time.Hour), End: now.Add(-48 * time.Hour),
		Owed: &store.Owed{Server: "gone", Ended: now.Add(-48 * time.Hour), Step: store.OwedEnded, Since: now.Add(-48 * time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
}

// declared tells whether a line of a page belongs to a family that is declared.
func declared(line string) bool {
	name := line[:strings.IndexAny(line, "{ ")]
	return slices.ContainsFunc(slices.Concat(assembly.Families()...), func(f exposition.Family) bool {
		if f.Type == exposition.Histogram || f.Type == exposition.Summary {
			return strings.HasPrefix(name, f.Name)
		}
		return f.Name == name
	})
}
