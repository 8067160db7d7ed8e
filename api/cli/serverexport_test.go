package cli_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/cli/serverlist"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// odd fills a pool with servers that lists may have trouble with.
func (p *pool) odd(t *testing.T) {
	t.Helper()
	for _, s := range []store.Server{
		{ID: "bbb10", Secret: "0123", State: store.Enabled, Weight: 3, Tag: "big"},
		{ID: "bbb2", Secret: `a"b\c: d # e`, State: store.Cordoned, Weight: 0.7, Capacity: 200, Hard: true},
		{ID: "no", Secret: "yes", State: store.Draining, Weight: 1, Tag: "~"},
		{ID: "1e5", Secret: "1,000\u202e", State: store.Disabled, Weight: 1e6, Tag: "2026-03-01"},
		{ID: "7", Secret: "ü", State: store.Enabled, Weight: 49, Capacity: 50},
	} {
		s.URL = "https://" + s.ID + ".example/bigbluebutton/api"
		p.put(t, s, poller.Status{})
	}
}

// What is exported is a list as Scalelite has it, by ID; what has no place there is said.
func TestServerExportCmd(t *testing.T) {
	p := newPool(t)
	p.odd(t)
	const want = `servers:
  "1e5":
    secret: "1,000\U0000202E"
    url: "https://1e5.example/bigbluebutton/api"
    enabled: false
    load_multiplier: 0.000001
    tag: "2026-03-01"
  "7":
    secret: "ü"
    url: "https://7.example/bigbluebutton/api"
    enabled: true
    load_multiplier: 0.02040816326530612
  bbb10:
    secret: "0123"
    url: "https://bbb10.example/bigbluebutton/api"
    enabled: true
    load_multiplier: 0.3333333333333333
    tag: "big"
  bbb2:
    secret: "a\"b\\c: d # e"
    url: "https://bbb2.example/bigbluebutton/api"
    enabled: false
    load_multiplier: 1.4285714285714286
  "no":
    secret: "yes"
    url: "https://no.example/bigbluebutton/api"
    enabled: false
    load_multiplier: 1
    tag: "~"
`
	o := p.run(t, "", "server", "export")
	if diff := cmp.Diff(want, o.out); diff != "" || o.failed != nil {
		t.Errorf("exported (-want +got): %v\n%s", o.failed, diff)
	}
	if !strings.HasSuffix(o.err, "note: such a list has no capacities: those of 7, bbb2 are left out\n") {
		t.Errorf("said %q", o.err)
	}
}

// A pool without servers is a list without any.
func TestServerExportCmd_Empty(t *testing.T) {
	p := newPool(t)
	if o := p.run(t, "", "server", "export"); o.failed != nil || o.out != "servers: {}\n" {
		t.Errorf("exported %+v", o)
	}
	if o := p.run(t, "", "server", "export", "--json"); o.failed != nil || o.out != "{\n  \"servers\": {}\n}\n" {
		t.Errorf("exported %+v", o)
	}
}

// What was exported changes nothing when it is synced: neither the pool that it comes from, nor, with its weights, the
// one that it has made.
func TestServerExportCmd_Sync(t *testing.T) {
	for _, form := range []string{"", "--json"} {
		p := newPool(t)
		p.odd(t)
		exported := p.run(t, "", strings.Fields("server export "+form)...)
		o := p.in(t, exported.out, false, "server", "sync", "-")
		if o.failed != nil || o.out != "nothing to change: the pool has the servers that are listed\n" {
			t.Errorf("%s: synced %+v %v", form, o, o.failed)
		}
		listed, err := serverlist.Read(strings.NewReader(exported.out))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range listed {
			stored, err := p.stores.State.Server(t.Context(), s.ID)
			if err != nil || s.Weight != stored.Weight || s.Secret.Reveal() != stored.Secret.Reveal() || s.Tag != stored.Tag || s.URL != stored.URL {
				t.Errorf("%s: listed %+v, stored %+v, %v", form, s, stored, err)
			}
		}
	}
}
