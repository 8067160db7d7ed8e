package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// The commands about tenants do what they say, in an order in which somebody may give them, and no secret shows but where
// it is asked for.
func TestTenantCommands_Golden(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	text := "tenants:\n  physics: {hosts: [physics.example.edu], limits: {meetings: 5}}\n  maths: {secrets: {first: hidden-maths}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPool(t)
	p.typical(t)
	var got strings.Builder
	for _, line := range []string{
		"tenant add physics --name Physics --host physics.example.edu --secret hidden-physics --max-meetings 10 --no-recording",
		"tenant add physics", "tenant add Physics", "tenant add other --secret hidden-physics", "tenant add other --max-duration 90s",
		"tenant show physics", "tenant set physics --max-meetings 0 --max-duration 90m --servers big,none --requests 2.5 --no-scoped",
		"tenant set physics", "tenant set physics --no-hosts --host a.example.edu", "tenant set physics --url https://p.example.edu",
		"tenant set physics --logo https://p.example.edu/logo.png --banner-color #ff0000", "tenant show physics",
		"tenant secret add physics guest --secret hidden-guest --expires 30d", "tenant secret list physics",
		"tenant secret rotate physics next --secret hidden-next --keep 7d", "tenant secret retire physics guest",
		"tenant secret retire physics guest --yes", "tenant secret retire physics guest --yes", "tenant secret list physics --json", "tenant secret show physics nothing",
		"tenant disable physics", "tenant enable physics", "tenant list",
		"tenant sync FILE --dry-run", "tenant sync FILE", "tenant sync FILE", "tenant export", "tenant export --json",
		"tenant sync FILE --mode remove", "tenant remove default --yes", "tenant remove maths", "tenant remove maths --yes",
		"tenant remove maths --yes", "tenant show physics --json",
	} {
		args := strings.Fields(strings.ReplaceAll(line, "FILE", file))
		o := p.run(t, "", args...)
		got.WriteString("$ bbbpool " + line + "\n" + o.out)
		if o.err != "" {
			got.WriteString("(stderr) " + o.err)
		}
		if o.failed != nil {
			got.WriteString("(failed) " + strings.ReplaceAll(o.failed.Error(), file, "FILE") + "\n")
		}
		got.WriteString("\n")
	}
	golden(t, "tenants.txt", got.String())
	if shown := strings.ReplaceAll(got.String(), "--secret hidden-", ""); strings.Contains(shown, "hidden") {
		t.Error("a secret has come through")
	}
}

// A secret is printed by the command that is there for it, alone.
func TestTenantSecretShowCmd(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	if o := p.run(t, "", "tenant", "add", "a", "--secret", "its-secret"); o.failed != nil || o.out != "a\n" {
		t.Fatalf("added %+v", o)
	}
	if o := p.run(t, "", "tenant", "secret", "show", "a"); o.failed != nil || o.out != "its-secret\n" {
		t.Errorf("shown %+v", o)
	}
	if o := p.run(t, "", "tenant", "secret", "show", "a", "first", "--json"); o.failed != nil || !strings.Contains(o.out, `"secret": "its-secret"`) {
		t.Errorf("in JSON %+v", o)
	}
	if o := p.run(t, "", "tenant", "export", "--secrets"); o.failed != nil || !strings.Contains(o.out, "its-secret") {
		t.Errorf("exported %+v", o)
	}
	if o := p.run(t, "", "tenant", "add", "b", "--secret", "-"); o.failed == nil {
		t.Errorf("with no secret on the standard input: %+v", o)
	}
	rotate := []string{"tenant", "secret", "rotate", "a", "--secret", "-", "--keep", "0s"}
	if o := p.in(t, "typed-secret\n", false, rotate...); o.failed == nil || !strings.Contains(o.failed.Error(), "All other secrets of tenant a go") {
		t.Errorf("rotated without a question: %+v", o)
	}
	if o := p.in(t, "typed-secret\n", false, append(rotate, "--yes")...); o.failed != nil {
		t.Errorf("rotated %+v", o)
	}
	if o := p.run(t, "", "tenant", "secret", "show", "a"); o.out != "typed-secret\n" {
		t.Errorf("shown %+v", o)
	}
}

// A tenant with meetings is not removed but by force, and one without is asked about.
func TestTenantRemoveCmd(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	for _, id := range []string{"busy", "idle"} {
		if o := p.run(t, "", "tenant", "add", id); o.failed != nil {
			t.Fatal(o.failed)
		}
	}
	p.meet(t, store.MeetingKey{Tenant: "busy", MeetingID: "room"}, 3)
	if o := p.run(t, "", "tenant", "remove", "busy", "--yes"); o.failed == nil || !strings.Contains(o.failed.Error(), "1 meeting with 3 people") {
		t.Errorf("with a meeting: %+v", o)
	}
	if o := p.run(t, "", "tenant", "remove", "busy", "--force"); o.failed != nil || !strings.Contains(o.out, "nobody can join them") {
		t.Errorf("forced: %+v", o)
	}
	if o := p.run(t, "n\n", "tenant", "remove", "idle"); o.failed == nil {
		t.Errorf("refused: %+v", o)
	}
	if o := p.run(t, "y\n", "tenant", "remove", "idle"); o.failed != nil || !strings.Contains(o.err, "Tenant idle (idle) and its secrets go.") {
		t.Errorf("confirmed: %+v", o)
	}
}
