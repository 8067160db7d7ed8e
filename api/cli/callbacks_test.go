package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// What front ends are told is listed, shown without what is secret, retried and dropped.
func TestCallbackCmds(t *testing.T) {
	p := newPool(t)
	if o := p.run(t, "", "callback", "list"); o.failed != nil || o.out != "no callbacks\n" {
		t.Errorf("of nothing: %+v", o)
	}
	row := func(id string, state store.CallbackState, host string) store.Callback {
		return store.Callback{
			ID: id, Kind: store.CallbackEnd, Tenant: "default", MeetingID: "room\x1b-1", Subject: "internal-1", State: state, Outcome: "answered 500",
			URL: "https://" + host + "/end?token=hidden", Created: time.Now().Add(-100 * time.Hour), Attempts: 7, Signer: "generated",
		}
	}
	if err := p.stores.Index.AddCallbacks(t.Context(), row("c1", store.CallbackDead, "moodle.example.edu"),
		row("c2", store.CallbackWaiting, "moodle.example.edu:8443"), row("c3", store.CallbackDone, "other.example.edu")); err != nil {
		t.Fatal(err)
	}
	for args, n := range map[string]int{
		"callback list": 3, "callback list --state dead": 1, "callback list --host MOODLE.example.edu": 1, "callback list --kind end": 3,
		"callback list --kind ready": 0, "callback list --tenant nobody": 0, "callback list --limit 2": 2, "callback list --meeting x": 0,
	} {
		o := p.run(t, "", append(strings.Fields(args), "--json")...)
		var list []v1.Callback
		if err := json.Unmarshal([]byte(o.out), &list); err != nil || o.failed != nil || len(list) != n || strings.Contains(o.out, "hidden") {
			t.Errorf("%s: %d, %v, %+v", args, len(list), err, o)
		}
	}
	for args, words := range map[string]string{
		"callback list":             "OUTCOME",
		"callback show c1":          "https://moodle.example.edu/end?token=***",
		"callback show c2 --reveal": "token=hidden",
		"callback retry c1":         "callback c1: tried at once",
		"callback retry --all":      "2 tried at once",
	} {
		o := p.run(t, "", strings.Fields(args)...)
		if o.failed != nil || !strings.Contains(o.out, words) || strings.Contains(o.out, "\x1b") {
			t.Errorf("%s: %+v", args, o)
		}
	}
	for _, args := range []string{
		"callback show", "callback show nobody", "callback retry", "callback retry c1 --all", "callback retry c1 --tenant default",
		"callback retry c3", "callback drop", "callback list --state lost", "callback list --limit 0", "callback drop nobody -y",
	} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed == nil {
			t.Errorf("%s: %+v", args, o)
		}
	}
	if o := p.in(t, "n\n", true, "callback", "drop", "c2"); o.failed == nil || !strings.Contains(o.err, "no way back") {
		t.Errorf("with a no: %+v", o)
	}
	if o := p.run(t, "", "callback", "drop", "c1", "c2", "-y"); o.failed != nil || !strings.Contains(o.out, "callback c2: dropped") {
		t.Errorf("dropped %+v", o)
	}
	if o := p.run(t, "", "audit", "--kind", "callback"); strings.Contains(o.out, "hidden") || !strings.Contains(o.out, "drop") {
		t.Errorf("the audit log has %+v", o)
	}
}
