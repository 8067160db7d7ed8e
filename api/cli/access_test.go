package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// A token is printed alone, once; the list says what it is good for, and nobody takes it away without a yes.
func TestTokenCmds(t *testing.T) {
	p := newPool(t)
	if o := p.run(t, "", "token", "list"); o.failed != nil || !strings.Contains(o.out, "bbbpool token add makes one") {
		t.Errorf("listed none: %+v", o)
	}
	o := p.run(t, "", "token", "add", "night", "--scope", "operate,recordings", "--expires", "90d")
	if o.failed != nil || !strings.HasPrefix(o.out, "bbbpool_") || strings.Count(o.out, "\n") != 1 ||
		!strings.Contains(o.err, "operate and recordings, the whole pool, expires ") || strings.Contains(o.err, strings.TrimSpace(o.out)) {
		t.Errorf("added %+v", o)
	}
	secret := strings.TrimSpace(o.out)
	o = p.run(t, "", "token", "add", "boss", "--scope", "admin", "--scope", "read", "--json")
	var added struct{ Name, Secret string }
	if err := json.Unmarshal([]byte(o.out), &added); err != nil || added.Name != "boss" || !strings.HasPrefix(added.Secret, "bbbpool_") {
		t.Errorf("added %+v, %v", o, err)
	}
	for _, args := range []string{
		"token add", "token add x", "token add x --scope write", "token add x --scope read --expires 90", "token add X --scope read",
		"token add night --scope read", "token add x --scope read --tenant nobody", "token revoke", "token revoke nobody -y",
	} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed == nil || strings.Contains(o.out, "bbbpool_") {
			t.Errorf("%s: %+v", args, o)
		}
	}
	o = p.run(t, "", "token", "list")
	for _, words := range []string{"NAME", "boss", "read,admin", "night", "operate,recordings", "never"} {
		if o.failed != nil || !strings.Contains(o.out, words) {
			t.Errorf("the list has no %s: %+v", words, o)
		}
	}
	if strings.Contains(o.out, secret) {
		t.Errorf("the list has a token: %s", o.out)
	}
	if o := p.in(t, "n\n", true, "token", "revoke", "night"); o.failed == nil || !strings.Contains(o.err, "no way back") {
		t.Errorf("with a no: %+v", o)
	}
	if o := p.in(t, "y\n", true, "token", "revoke", "night", "boss"); o.failed != nil || !strings.Contains(o.out, "token boss: revoked") {
		t.Errorf("with a yes: %+v", o)
	}
	if o := p.run(t, "", "token", "list", "--json"); o.failed != nil || strings.TrimSpace(o.out) != "[]" {
		t.Errorf("left %+v", o)
	}
}

// The audit log tells what our commands have done, and by whom; filters and JSON are for those that look for something.
func TestAuditCmd(t *testing.T) {
	p := newPool(t)
	if o := p.run(t, "", "audit"); o.failed != nil || o.out != "nothing was changed\n" {
		t.Errorf("of nothing: %+v", o)
	}
	p.put(t, store.Server{ID: "a", URL: "https://a.example/bigbluebutton/api", Secret: "hidden-a", Weight: 1, State: store.Disabled},
		poller.Status{Health: poller.Unknown})
	for _, args := range []string{
		"server set a --weight 2 --tag big", "server cordon a", "token add night --scope read", "token revoke night --yes",
	} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed != nil {
			t.Fatalf("%s: %+v", args, o)
		}
	}
	o := p.run(t, "", "audit")
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	if o.failed != nil || len(lines) != 5 {
		t.Fatalf("printed %+v", o)
	}
	for i, words := range []string{
		"AT WHO VIA ACTION WHAT TENANT CHANGE", "cli revoke token night", "cli add token night",
		"cli cordon server a - state: disabled -> cordoned", "cli set server a - weight: 1 -> 2, tag: big",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); !strings.Contains(got, words) || !strings.Contains(got, fmt.Sprint(os.Getuid())) && i > 0 {
			t.Errorf("line %d is %q, want %q", i, got, words)
		}
	}
	for args, n := range map[string]int{
		"audit --kind server": 2, "audit --action cordon": 1, "audit --id night": 2, "audit --via api": 0, "audit --via cli": 4,
		"audit --limit 3": 3, "audit --tenant physics": 0, "audit --who nobody": 0, "audit --since 2000-01-01": 4, "audit --until 2000-01-01": 0,
	} {
		o := p.run(t, "", append(strings.Fields(args), "--json")...)
		var list []v1.AuditEntry
		if err := json.Unmarshal([]byte(o.out), &list); err != nil || o.failed != nil || len(list) != n {
			t.Errorf("%s: %d entries, %v, %+v", args, len(list), err, o)
		}
	}
	for _, args := range []string{"audit --limit 0", "audit --since 2026-03-01 --until 2026-02-01", "audit --via fax", "audit --since soon"} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed == nil {
			t.Errorf("%s: %+v", args, o)
		}
	}
}

// Killed at any moment, the process has written down every change that it has answered, and lets in every token that it has
// given away.
func TestServe_AuditSurvivesKills(t *testing.T) {
	t.Parallel() // it waits for starts most of the time
	const rounds = 8
	data := filepath.Join(t.TempDir(), "data")
	answered := map[string]string{} // tokens by name
	for round := range rounds {
		p := boot(t, data)
		maps.Copy(answered, addTokens(t, p, data, round))
		if _, err := p.end(); err == nil {
			t.Fatal("the process ended by itself")
		}
	}
	written := map[string]bool{}
	for _, a := range audited(t, data) {
		if a.Action == "add" && a.Kind == "token" && a.Via == "cli" {
			written[a.Object] = true
		}
	}
	p := boot(t, data)
	for name, token := range answered {
		if !written[name] {
			t.Errorf("%s was made, and is not in the audit log", name)
		}
		far := v1.NewClient(http.DefaultTransport, p.base, v1.Secret(token))
		if _, err := far.Pool.Status(t.Context()); err != nil {
			t.Errorf("%s lets nobody in: %v", name, err)
		}
	}
	p.terminate(t)
	t.Logf("%d changes answered over %d kills", len(answered), rounds)
}

// addTokens makes tokens by several hands until the process is killed, a little later each round, and returns those that were
// given away.
func addTokens(t *testing.T, p *process, data string, round int) map[string]string {
	t.Helper()
	var mu sync.Mutex
	given := map[string]string{}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			client, err := v1.NewSocketClient(data)
			if err != nil {
				t.Error(err)
				return
			}
			client.Agent = v1.CommandLine
			for i := 0; ; i++ {
				name := fmt.Sprintf("r%d-w%d-%d", round, worker, i)
				added, err := client.Tokens.Add(context.Background(), v1.NewToken{Name: name, Scopes: []string{"read"}})
				if err != nil {
					return // killed
				}
				mu.Lock()
				given[name] = added.Secret.Reveal()
				enough := len(given) > 3*round
				mu.Unlock()
				if enough {
					time.AfterFunc(time.Duration(round)*time.Millisecond, func() { _ = p.Process.Kill() })
				}
			}
		})
	}
	wg.Wait()
	return given
}

// audited is what the database of a killed process has.
func audited(t *testing.T, data string) []store.Audit {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	list, err := stores.Index.Audits(t.Context(), store.AuditFilter{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// The table says what was changed of a tenant, down to a limit, a rule and a secret by its name.
func TestAuditCmd_Changes(t *testing.T) {
	p := newPool(t)
	for _, args := range []string{
		"tenant add physics --max-meetings 20", "tenant set physics --max-meetings 30 --host p.example", "tenant secret add physics guest",
		"tenant secret retire physics guest --yes", "tenant param set physics create record override false", "tenant disable physics",
	} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed != nil {
			t.Fatalf("%s: %+v", args, o)
		}
	}
	o := p.run(t, "", "audit", "--tenant", "physics")
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	if o.failed != nil || len(lines) != 7 {
		t.Fatalf("printed %+v", o)
	}
	for i, words := range []string{
		"disable tenant physics physics state: enabled -> disabled", "set parameter create record physics record: -> override false",
		"retire secret guest physics -guest", "add secret guest physics +guest",
		`set tenant physics physics hosts: -> ["p.example"], limits.meetings: 20 -> 30`, "add tenant physics physics -",
	} {
		if got := strings.Join(strings.Fields(lines[i+1]), " "); !strings.HasSuffix(got, words) {
			t.Errorf("line %d is %q, want %q", i+1, got, words)
		}
	}
}
