package cli_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// fakeBBB is a server with the secret "s3cret" and no meetings.
func fakeBBB(t *testing.T) string {
	t.Helper()
	sim, err := simulator.New(simulator.Config{Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	sim.Start()
	t.Cleanup(sim.Close)
	return sim.Servers()[0].URL()
}

// Scripts take the ID from the standard output: nothing else goes there.
func TestServerAddCmd(t *testing.T) {
	p := newPool(t)
	o := p.run(t, "", "server", "add", fakeBBB(t), "--secret", "s3cret", "--id", "one", "--weight", "2", "--capacity", "9",
		"--tag", "x", "--enable")
	if o.failed != nil || o.out != "one\n" || !strings.Contains(o.err, "BigBlueButton 3.0.37 answers") {
		t.Errorf("added %+v", o)
	}
	s, err := p.stores.State.Server(t.Context(), "one")
	if err != nil || s.State != store.Enabled || s.Weight != 2 || s.Capacity != 9 || s.Tag != "x" {
		t.Errorf("stored %+v, %v", s, err)
	}
	o = p.run(t, "", "server", "add", fakeBBB(t), "--secret", "s3cret")
	if o.failed != nil || o.out != "127.0.0.1\n" || !strings.Contains(o.err, "bbbpool server enable 127.0.0.1") {
		t.Errorf("added %+v", o)
	}
	o = p.run(t, "", "server", "add", fakeBBB(t), "--secret", "wrong")
	if o.failed == nil || o.out != "" || !strings.Contains(o.failed.Error(), "checksum:") {
		t.Errorf("with a wrong secret: %+v", o)
	}
	o = p.run(t, "", "server", "add", fakeBBB(t), "--secret", "wrong", "--force", "--id", "w")
	if o.failed != nil || o.out != "w\n" || !strings.Contains(o.err, "warning: checksum:") {
		t.Errorf("forced: %+v", o)
	}
}

// The secret need not stand in the list of processes.
func TestServerAddCmd_Secret(t *testing.T) {
	p := newPool(t)
	o := p.run(t, "", "server", "add", fakeBBB(t))
	if o.failed == nil || !strings.Contains(o.failed.Error(), "--secret -") {
		t.Errorf("without a secret: %+v", o)
	}
	if o := p.in(t, "", false, "server", "add", fakeBBB(t), "--secret", "-"); o.failed == nil {
		t.Errorf("with an empty one: %+v", o)
	}
	if o := p.in(t, "s3cret\nmore", false, "server", "add", fakeBBB(t), "--secret", "-", "--id", "a"); o.out != "a\n" {
		t.Errorf("from the standard input: %+v", o)
	}
	t.Setenv("BBBPOOL_SERVER_SECRET", "s3cret")
	if o := p.run(t, "", "server", "add", fakeBBB(t), "--id", "b"); o.out != "b\n" {
		t.Errorf("from the environment: %+v", o)
	}
	if o := p.run(t, "", "server", "set", "b", "--weight", "3"); o.failed != nil || o.out != "server b: changed\n" {
		t.Errorf("a change: %+v", o)
	}
	if o := p.in(t, "wrong", false, "server", "set", "b", "--secret", "-"); o.failed == nil {
		t.Errorf("a change to a wrong secret: %+v", o)
	}
	o = p.run(t, "", "server", "set", "b")
	if o.failed == nil || !strings.Contains(o.failed.Error(), "nothing to change") {
		t.Errorf("no change: %+v", o)
	}
	if o := p.run(t, "", "server", "set", "b", "--tag", "x", "--capacity", "0"); o.failed != nil {
		t.Errorf("a change: %+v", o)
	}
	if o := p.run(t, "", "server", "set", "b", "--tag="); o.failed != nil {
		t.Errorf("a change: %+v", o)
	}
	if s, err := p.stores.State.Server(t.Context(), "b"); err != nil || s.Weight != 3 || s.Tag != "" {
		t.Errorf("stored %+v, %v", s, err)
	}
}

// What goes for good is asked about at a terminal, and refused where nobody can be asked, unless a script is sure. What
// the pool itself refuses, as cutting people off, no yes gets through: that takes force.
func TestCommands_Sure(t *testing.T) {
	const asked, refused, insist = "Do it? [y/N]", "pass --yes", "--force"
	tests := []struct {
		name, answer string
		args         string
		says         string // on the standard error, or as the error
		done         bool
	}{
		{"disable in use", "y\n", "server disable a", "has 2 meetings with 3 people", false},
		{"disable in use, nobody", "", "server disable a", insist, false},
		{"disable in use, sure", "", "server disable a --yes", insist, false},
		{"disable in use, force", "", "server disable a --force", "", true},
		{"disable idle", "", "server disable b", "", true},
		{"cordon", "", "server cordon a --yes", "", true},
		{"enable unreachable", "", "server enable c", "stays disabled", false},
		{"enable unreachable, force", "", "server enable c --yes --force", "", true},
		{"remove in use, yes", "YES\n", "server remove a", insist, false},
		{"remove in use, nobody", "", "server remove a", insist, false},
		{"remove in use, sure", "", "server remove a --yes", "nobody can join its meetings any more", false},
		{"remove in use, force", "", "server remove a --force", "", true},
		{"remove idle, end of input", " ", "server remove b", asked, false},
		{"remove idle, yes", "YES\n", "server remove b", asked, true},
		{"remove idle, nobody", "", "server remove b", refused, false},
		{"remove idle, no", "\n", "server remove b", "No meetings run there", false},
		{"remove idle, sure", "", "server remove b -y", "", true},
		{"end, no", "no\n", "meeting end algebra", "ends for 2 people", false},
		{"end, nobody", "", "meeting end algebra", refused, false},
		{"end, server unreachable", "", "meeting end algebra --yes", "force", false},
		{"end, force", "", "meeting end algebra --force", "", true},
		{"end unknown", "", "meeting end algebra --tenant other --yes", "no meeting", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPool(t)
			p.typical(t)
			o := p.run(t, test.answer, strings.Fields(test.args)...)
			said := o.err
			if o.failed != nil {
				said += o.failed.Error()
			}
			if done := o.failed == nil; done != test.done || !strings.Contains(said, test.says) {
				t.Errorf("done %v, said %q, want %v with %q", done, said, test.done, test.says)
			}
			if test.done && o.out == "" {
				t.Error("it does not say what it has done")
			}
		})
	}
}

// Actions answer programs with what the server has become.
func TestServerCordonCmd_JSON(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	o := p.run(t, "", "server", "cordon", "a", "--json")
	if o.failed != nil || !strings.Contains(o.out, `"state": "cordoned"`) {
		t.Errorf("cordoned %+v", o)
	}
}

// Numbers that no pool takes are wrong use, as those are that cannot be read at all.
func TestCommands_WrongNumbers(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	for _, args := range []string{
		"server set a --weight 0", "server set a --weight=-1", "server set a --capacity=-1", "server set b --hard",
		"server add x.example --secret s --weight 1e9", "server test a --meetings 100000", "meeting dry-run room --hint 100000000",
	} {
		o := p.run(t, "", strings.Fields(args)...)
		if _, wrong := errors.AsType[grammar.UsageError](o.failed); !wrong || !strings.Contains(o.failed.Error(), "want") {
			t.Errorf("%s: %v", args, o.failed)
		}
	}
	list := listFile(t, "servers: {a: {secret: s, load_multiplier: 1e-12}}")
	o := p.run(t, "", "server", "sync", list)
	if _, wrong := errors.AsType[grammar.UsageError](o.failed); wrong || o.failed == nil || !strings.Contains(o.failed.Error(), list+": ") {
		t.Errorf("in a list: %v", o.failed)
	}
}

// What is gone is named to programs, too.
func TestCommands_GoneJSON(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	for args, want := range map[string]string{
		"server remove b --yes --json": `{ "id": "b", "removed": true }`,
		"meeting end algebra --force --json": `{ "meetingID": "algebra", "tenant": "default", "server": "a", ` +
			`"internalMeetingID": "internal-algebra", "ended": true, "owed": [ "server a: end: `,
	} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed != nil || !strings.HasPrefix(strings.Join(strings.Fields(o.out), " "), want) {
			t.Errorf("%s: %v %s", args, o.failed, o.out)
		}
	}
}

// A program that runs is asked over its socket, or over the network with a token; the data directory is left alone.
func TestCommands_Running(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	p.api.Token = "t0ken"
	mux := http.NewServeMux()
	p.api.Mount(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	if o := p.run(t, "", "server", "list", "--admin", server.URL); o.failed == nil ||
		!strings.Contains(o.failed.Error(), "BBBPOOL_ADMIN_TOKEN") {
		t.Errorf("without a token: %+v", o)
	}
	t.Setenv("BBBPOOL_ADMIN_TOKEN", "t0ken")
	o := p.run(t, "", "server", "list", "--admin", server.URL+"/")
	if o.failed != nil || !strings.Contains(o.out, "a.example") {
		t.Errorf("over the network: %+v", o)
	}
	o = p.run(t, "", "status", "--admin", "pool.example")
	if o.failed == nil || !strings.Contains(o.failed.Error(), "https://") {
		t.Errorf("no URL: %+v", o)
	}
	t.Setenv("BBBPOOL_ADMIN_TOKEN", "wrong")
	if o := p.run(t, "", "server", "list", "--admin", server.URL); o.failed == nil {
		t.Errorf("with a wrong token: %+v", o)
	}
	p.serve(t)
	if o := p.run(t, "", "status"); o.failed != nil || o.err != "" || !strings.Contains(o.out, "1.2.3") {
		t.Errorf("over the socket: %+v", o)
	}
	if p.closed != 0 {
		t.Error("the data directory was opened")
	}
}

// serve answers on the socket of the data directory, as a program that runs does.
func (p *pool) serve(t *testing.T) {
	t.Helper()
	listener, err := frame.ListenSocket(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	local := &httptest.Server{Listener: listener, Config: &http.Server{Handler: p.api.Handler()}}
	local.Start()
	t.Cleanup(local.Close)
}

// A check fails where anything is wrong, and says what.
func TestCheckCmd(t *testing.T) {
	p := newPool(t)
	p.run(t, "", "server", "add", fakeBBB(t), "--secret", "s3cret", "--id", "good", "--enable")
	o := p.run(t, "", "check")
	const stopped = "WRONG  bbbpool  bbbpool does not run on DIR: start it with bbbpool serve --data DIR\n"
	if o.failed == nil || !strings.Contains(o.out, stopped) || !strings.Contains(o.out, "ok     good ") {
		t.Errorf("not running: %+v", o)
	}
	p.serve(t)
	o = p.run(t, "", "check")
	if o.failed != nil || !strings.HasPrefix(o.out, "ok  good  enabled, http://127.0.0.1:") ||
		!strings.Contains(o.out, "; BigBlueButton 3.0.37, ") || !strings.HasSuffix(o.out, " with 0 people\n") {
		t.Errorf("good: %+v", o)
	}
	p.run(t, "", "server", "add", fakeBBB(t), "--secret", "wrong", "--id", "bad", "--force")
	o = p.run(t, "", "check")
	if o.failed != nil || !strings.Contains(o.out, "off  bad   disabled: checksum: ") {
		t.Errorf("disabled: %+v", o)
	}
	p.run(t, "", "server", "enable", "bad", "--force")
	p.problems.Report(problems.Func(func(context.Context) []problems.Problem {
		return []problems.Problem{{Text: "the disk is full", Unready: true}}
	}))
	o = p.run(t, "", "check")
	if o.failed == nil {
		t.Errorf("bad: %+v", o)
	}
	for _, said := range []string{"WRONG  bbbpool  the disk is full\n", "WRONG  bad      checksum: ", "ok     good "} {
		if !strings.Contains(o.out, said) {
			t.Errorf("%q does not say %q", o.out, said)
		}
	}
	if o := p.run(t, "", "check", "--json"); o.failed == nil || !strings.Contains(o.out, `"ok": false`) {
		t.Errorf("as JSON: %+v", o)
	}
}

// A new pool has nothing wrong with it: status and check agree, and tell the next step.
func TestCommands_Empty(t *testing.T) {
	p := newPool(t)
	p.serve(t)
	const next = "no servers yet: bbbpool server add URL --secret SECRET --enable\n"
	for command, words := range map[string]string{"status": "nothing is wrong\n" + next, "check": "ok  bbbpool  " + next} {
		if o := p.run(t, "", command); o.failed != nil || !strings.Contains(o.out, words) || o.err != "" {
			t.Errorf("%s: %+v", command, o)
		}
	}
}
