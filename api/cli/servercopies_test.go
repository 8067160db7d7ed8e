package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/simulate"
	"github.com/bbbpool/bbbpool/store"
)

// withCopy is a pool with a meeting on a, and five people in a copy of it on b.
func withCopy(t *testing.T) *pool {
	t.Helper()
	p := running(t, "a", "b")
	_, err := p.ledger.Reconcile(t.Context(), placement.Poll{Server: "b", Began: now, Complete: true, Meetings: []placement.Sighting{{
		Key: store.MeetingKey{Tenant: "default", MeetingID: "algebra"}, InternalID: "copy", CreateTime: 1, People: 5,
	}}})
	if load := p.ledger.ServerLoad("b"); err != nil || load.People != 5 || load.Meetings != 0 {
		t.Fatalf("b carries %+v, %v", load, err)
	}
	return p
}

// People in copies are looked after as those in meetings are.
func TestCommands_Copies(t *testing.T) {
	const there = "server b has 5 people left in copies of meetings that run elsewhere: "
	for _, args := range []string{"disable", "remove"} {
		p := withCopy(t)
		for _, yes := range []string{"--json", "--yes"} { // of which the first is no yes
			o := p.run(t, "y\n", "server", args, "b", yes)
			if o.failed == nil || !strings.HasPrefix(o.failed.Error(), there) ||
				!strings.HasSuffix(o.failed.Error(), "now, and nobody ends the copies, or looks after them, any more") {
				t.Errorf("%s %s: %+v", args, yes, o)
			}
		}
		if o := p.run(t, "", "server", args, "b", "--force"); o.failed != nil {
			t.Errorf("%s, force: %+v", args, o)
		}
	}
	const what = "Server b has 5 people in copies of meetings that run elsewhere. The meetings end for everybody, at once."
	p := withCopy(t)
	if o := p.run(t, "n\n", "server", "panic", "b"); o.failed == nil || !strings.HasPrefix(o.err, what) {
		t.Errorf("panic, no: %+v", o)
	}
	if o := p.run(t, "y\n", "server", "panic", "b"); o.failed != nil {
		t.Errorf("panic, yes: %+v", o)
	}
	p = withCopy(t)
	if o := p.run(t, "", "server", "cordon", "b"); o.out != "server b: cordoned, 5 people in copies of meetings that run elsewhere left\n" {
		t.Errorf("cordoned %+v", o)
	}
}

// A list that leaves nobody to take new meetings is asked about, also where no server goes.
func TestServerSyncCmd_Strands(t *testing.T) {
	p := running(t, "a")
	path := listFile(t, "servers: {}")
	const dry = "no server would take new meetings"
	o := p.run(t, "", "server", "sync", path, "--dry-run")
	if o.failed != nil || !strings.HasPrefix(o.out, "[a] would cordon; warning: it has 1 meeting ") ||
		!strings.HasSuffix(o.out, "\nwarning: "+dry+"\n") {
		t.Errorf("dry: %+v", o)
	}
	o = p.run(t, "n\n", "server", "sync", path)
	if o.failed == nil || !strings.Contains(o.err, "\nThen "+dry+".\nDo it?") {
		t.Errorf("no: %+v", o)
	}
	if o = p.run(t, "", "server", "sync", path); o.failed == nil || !strings.Contains(o.failed.Error(), "pass --yes") {
		t.Errorf("nobody: %+v", o)
	}
	if s, err := p.stores.State.Server(t.Context(), "a"); err != nil || s.State != store.Enabled {
		t.Errorf("stored %+v %v", s, err)
	}
	o = p.run(t, "", "server", "sync", path, "--yes")
	if o.failed != nil || !strings.HasSuffix(o.out, "\nwarning: no server takes new meetings any more\n") {
		t.Errorf("sure: %+v", o)
	}
	if s, err := p.stores.State.Server(t.Context(), "a"); err != nil || s.State != store.Cordoned {
		t.Errorf("stored %+v %v", s, err)
	}
}

// What the export leaves out is said beside it.
func TestHistoryExportCmd_LeftOut(t *testing.T) {
	p := newPool(t)
	for i, length := range []time.Duration{0, time.Hour, 8 * 24 * time.Hour} {
		err := p.stores.Index.AddSession(t.Context(), store.Session{
			ID: fmt.Sprintf("i-%d", i), Tenant: "default", Server: "a", Start: now.Add(-length), End: now, Peak: 2, Meeting: "x",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	o := p.run(t, "", "history", "export")
	if o.failed != nil || strings.Count(o.out, "\n") != 1 || !strings.HasSuffix(o.err, "note: 2 sessions left out, which bbbpool "+
		"simulate would not read: without a length, or of more than 7 days\n") {
		t.Errorf("exported %+v %v", o, o.failed)
	}
}

// Of a replay that is broken off nothing stays.
func TestSimulateCmd_Interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	command := &cli.SimulateCmd{Options: simulate.Options{Generate: []string{"exam"}, Seed: 1, Seeds: 1, Capacity: 200, Servers: 2, Rules: []string{"c3"}}}
	err := command.Run(&cli.Env{Ctx: ctx, Out: &out, Err: &out, In: strings.NewReader("")})
	if err == nil || err.Error() != "interrupted" || out.Len() != 0 {
		t.Errorf("ended with %v %q", err, out.String())
	}
}
