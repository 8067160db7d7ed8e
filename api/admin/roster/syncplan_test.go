package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

var then = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// listed is a server of a list.
func listed(id string) v1.SyncServer {
	return v1.SyncServer{ID: id, Secret: "s", Enabled: true}
}

// A list that has a mistake anywhere is refused as a whole, with all of its mistakes, up to some.
func TestListedRecords_Mistakes(t *testing.T) {
	same := listed("b")
	same.URL = "https://a/bigbluebutton/api"
	many := make([]v1.SyncServer, 25)
	for i := range many {
		many[i] = v1.SyncServer{ID: fmt.Sprintf("s%02d", i)}
	}
	for want, list := range map[string]v1.Sync{
		"mode: want keep, cordon or force":                                    {Mode: "remove", Servers: []v1.SyncServer{}},
		"servers: missing; an empty list stands for a pool without servers":   {Mode: syncKeep},
		"servers: 5001, more than 5000":                                       {Mode: syncKeep, Servers: make([]v1.SyncServer, 5001)},
		`"a": id: it is in the list twice; "a": url: server a has the same`:   {Mode: syncKeep, Servers: []v1.SyncServer{listed("a"), listed("a")}},
		`"b": url: server a has the same`:                                     {Mode: syncKeep, Servers: []v1.SyncServer{listed("a"), same}},
		`"server 1": url: `:                                                   {Mode: syncKeep, Servers: []v1.SyncServer{{Secret: "s"}}},
		`"s00": secret: missing or no text; bbb-conf --secret prints it on t`: {Mode: syncForce, Servers: many},
	} {
		_, err := listedRecords(list, then)
		refused, ok := errors.AsType[*v1.Error](err)
		if !ok || refused.Code != v1.CodeInvalid || !strings.HasPrefix(refused.Message, want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	_, err := listedRecords(v1.Sync{Mode: syncKeep, Servers: many}, then)
	if !strings.HasSuffix(err.Error(), "; and 5 more faults") || strings.Contains(err.Error(), "s20") || !strings.Contains(err.Error(), "s19") {
		t.Errorf("many mistakes: %v", err)
	}
}

// The records that are wanted come by ID; what the list leaves out is what a new server has.
func TestListedRecords(t *testing.T) {
	z := v1.SyncServer{ID: "z", URL: "https://other.example", Secret: " s2 ", Weight: 2.5, Tag: " blue "}
	got, err := listedRecords(v1.Sync{Mode: syncCordon, Servers: []v1.SyncServer{z, listed("a.example")}}, then)
	want := []store.Server{
		{ID: "a.example", URL: "https://a.example/bigbluebutton/api", Secret: "s", State: store.Enabled, Weight: 1, Created: then},
		{ID: "z", URL: "https://other.example/bigbluebutton/api", Secret: "s2", State: store.Disabled, Weight: 2.5, Tag: "blue", Created: then},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What has to be done for a server is what differs, and no more: lists know nothing of capacities and of what is being drained.
func TestComing(t *testing.T) {
	before := store.Server{
		ID: "a", URL: "https://a/bigbluebutton/api", Secret: "s", State: store.Enabled, Weight: 3, Tag: "x", Capacity: 50, Admitted: then,
	}
	is := func(change func(*store.Server)) store.Server {
		s := before
		change(&s)
		return s
	}
	draining := is(func(s *store.Server) { s.State = store.Draining })
	tests := map[string]struct {
		before, listed store.Server
		action         string
		fields         []string
		state          store.ServerState
		admitted       bool
	}{
		"as it is":          {before: before, listed: is(func(s *store.Server) { s.Capacity, s.Admitted = 0, time.Time{} })},
		"an inverse weight": {before: before, listed: is(func(s *store.Server) { s.Weight = 1 / 0.333333333333 })},
		"new": {
			store.Server{}, before, syncCreated, []string{"url: https://a/bigbluebutton/api", "state: enabled"}, store.Enabled, true,
		},
		"a weight": {
			before, is(func(s *store.Server) { s.Weight = 2 }), syncUpdated, []string{"weight: 3 -> 2"}, store.Enabled, true,
		},
		"a tag less": {
			before, is(func(s *store.Server) { s.Tag = "" }), syncUpdated, []string{"tag: x -> none"}, store.Enabled, true,
		},
		"a secret": {
			before, is(func(s *store.Server) { s.Secret = "t" }), syncUpdated, []string{"secret: *** -> ***"}, store.Enabled, true,
		},
		"a path": {
			before, is(func(s *store.Server) { s.URL = "https://a/b/bigbluebutton/api" }), syncUpdated,
			[]string{"url: https://a/bigbluebutton/api -> https://a/b/bigbluebutton/api"},
			store.Enabled, true,
		},
		"a machine": {
			before, is(func(s *store.Server) { s.URL = "https://b/bigbluebutton/api" }), syncUpdated,
			[]string{"url: https://a/bigbluebutton/api -> https://b/bigbluebutton/api"},
			store.Enabled, false,
		},
		"off": {
			before, is(func(s *store.Server) { s.State = store.Disabled }), syncCordoned,
			[]string{"state: enabled -> cordoned"},
			store.Cordoned, true,
		},
		"on": {draining, before, syncEnabled, []string{"state: draining -> enabled"}, store.Enabled, true},
		"on, and a tag": {
			draining, is(func(s *store.Server) { s.Tag = "y" }), syncUpdated,
			[]string{"tag: x -> y", "state: draining -> enabled"},
			store.Enabled, true,
		},
		"off, and it is going": {before: draining, listed: is(func(s *store.Server) { s.State = store.Disabled })},
	}
	for name, test := range tests {
		got := coming(test.before, test.listed)
		if test.action == "" {
			if got != nil {
				t.Errorf("%s: %+v, want nothing", name, got.change)
			}
			continue
		}
		if got == nil {
			t.Errorf("%s: nothing", name)
			continue
		}
		want := v1.SyncChange{ID: "a", Action: test.action, Fields: test.fields}
		if diff := cmp.Diff(want, got.change); diff != "" || got.after.State != test.state || got.after.Admitted.IsZero() == test.admitted {
			t.Errorf("%s: becomes %s, admitted %s (-want +got):\n%s", name, got.after.State, got.after.Admitted, diff)
		}
		if test.before.ID != "" && got.after.Capacity != 50 {
			t.Errorf("%s: the capacity became %d", name, got.after.Capacity)
		}
	}
}

// A server that is not listed goes when nothing is left on it, and by force at once.
func TestLeaving(t *testing.T) {
	s := store.Server{ID: "a", State: store.Enabled}
	cordoned := store.Server{ID: "a", State: store.Cordoned}
	none, some := leftovers{}, leftovers{meetings: 1, people: 2}
	owing := leftovers{owed: []string{"r1", "r2", "r3", "r4"}}
	change := func(action, warning string, meetings, people int) *v1.SyncChange {
		return &v1.SyncChange{ID: "a", Action: action, Fields: []string{}, Warning: warning, Meetings: meetings, People: people}
	}
	for name, test := range map[string]struct {
		is    store.Server
		there leftovers
		force bool
		want  *v1.SyncChange
	}{
		"empty":                     {s, none, false, change(syncRemoved, "", 0, 0)},
		"empty, cordoned":           {cordoned, none, false, change(syncRemoved, "", 0, 0)},
		"people":                    {s, some, false, change(syncCordoned, "it has 1 meeting with 2 people: a later sync removes it", 0, 0)},
		"people, cordoned":          {cordoned, some, false, nil},
		"owing":                     {s, owing, false, change(syncCordoned, "it owes 4 recordings: a later sync removes it", 0, 0)},
		"people, by force":          {s, some, true, change(syncRemoved, "", 1, 2)},
		"owing, by force":           {cordoned, owing, true, change(syncRemoved, "not waited for any more: r1, r2, r3 and 1 more", 0, 0)},
		"empty, cordoned, by force": {cordoned, none, true, change(syncRemoved, "", 0, 0)},
	} {
		got := leaving(test.is, test.there, test.force)
		if (got == nil) != (test.want == nil) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
			continue
		}
		if got == nil {
			continue
		}
		if diff := cmp.Diff(*test.want, got.change); diff != "" || got.force != test.force {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if stays := got.change.Action == syncCordoned; stays != (got.after.State == store.Cordoned) {
			t.Errorf("%s: it becomes %q", name, got.after.State)
		}
	}
}

// A plan says before and after whether it leaves nobody to take meetings, and tells what it does by ID.
func TestPlan_Report(t *testing.T) {
	stored := []store.Server{{ID: "a", State: store.Enabled}, {ID: "b", State: store.Cordoned}, {ID: "c", State: store.Enabled}}
	off := func(id string) *step { return &step{change: v1.SyncChange{ID: id, Action: syncRemoved}} }
	on := func(id string) *step {
		return &step{change: v1.SyncChange{ID: id, Action: syncCreated}, after: store.Server{ID: id, State: store.Enabled}}
	}
	p := plan{}
	p.add(syncListed, nil)
	p.add(syncAbsent, off("c"))
	if p.strands(stored) || p.steps() != 1 {
		t.Error("one is left, and it strands")
	}
	p.add(syncAbsent, off("a"))
	if !p.strands(stored) || p.strands(stored[1:2]) {
		t.Error("none is left, or none was, and it is the other way round")
	}
	p.strand = true
	if p.warning(true) != "no server would take new meetings" || p.warning(false) != "no server takes new meetings any more" {
		t.Errorf("%q, %q", p.warning(true), p.warning(false))
	}
	report := p.report(true)
	want := v1.Synced{
		DryRun: true, Warning: "no server would take new meetings",
		Changes: []v1.SyncChange{{ID: "a", Action: syncRemoved}, {ID: "c", Action: syncRemoved}},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	p.add(syncFreed, on("d"))
	if p.strand = p.strands(stored); p.strand || p.report(false).Warning != "" {
		t.Error("a new one takes meetings, and it strands")
	}
	if empty := (plan{}).report(false); empty.Changes == nil || len(empty.Changes) != 0 {
		t.Errorf("nothing to do: %+v", empty)
	}
}

// Servers at addresses of others wait until these may have given them up: known ones in one go, new ones after that.
func TestRoster_Compare(t *testing.T) {
	r, pool := newRoster(t)
	for _, id := range []string{"a", "b", "c"} {
		pool.add(t, r, store.Server{ID: id, URL: "https://" + id + "/bigbluebutton/api", Secret: "s", State: store.Enabled, Weight: 1})
	}
	r.Debts = func(context.Context) ([]recordings.Owing, error) {
		return []recordings.Owing{{Recording: store.Recording{RecordID: "r", Owed: &store.Owed{Server: "c"}}}}, nil
	}
	at := func(id, host string) v1.SyncServer {
		return v1.SyncServer{ID: id, URL: "https://" + host, Secret: "s", Enabled: true}
	}
	s, err := r.Compare(t.Context(), v1.Sync{Servers: []v1.SyncServer{at("a", "b"), at("b", "a"), at("new", "c"), at("free", "free")}})
	if err != nil || s.Mode != syncCordon || s.Listed != 4 || s.Changes() != 5 {
		t.Fatalf("%+v, %v", s, err)
	}
	for group, want := range map[int]string{syncListed: "free", syncAbsent: "c", syncSwapped: "a b", syncFreed: "new"} {
		var got []string
		for _, step := range s.plan.groups[group] {
			got = append(got, step.change.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("group %d: %v, want %s", group, got, want)
		}
	}
	if got := s.plan.groups[syncAbsent][0].change; got.Action != syncCordoned || got.Warning != "it owes 1 recording: a later sync removes it" {
		t.Errorf("what owes a recording: %+v", got)
	}
	if s, err := r.Compare(t.Context(), v1.Sync{Mode: syncKeep, Servers: []v1.SyncServer{}}); err != nil || s.Changes() != 0 {
		t.Errorf("keep: %+v, %v", s, err)
	}
	r.Debts = func(context.Context) ([]recordings.Owing, error) { return nil, errors.New("no disk") }
	if _, err := r.Compare(t.Context(), v1.Sync{Servers: []v1.SyncServer{}}); err == nil || err.Error() != "no disk" {
		t.Errorf("what is owed cannot be read: %v", err)
	}
}

// Servers take each other's addresses in one go; one that cannot keeps those from moving that want its address, and so on.
func TestRecords_Swap(t *testing.T) {
	r, pool := newRoster(t)
	url := func(id string) string { return "https://" + id + "/bigbluebutton/api" }
	servers := map[string]store.Server{}
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		s := store.Server{ID: id, URL: url(id), Secret: "s", State: store.Enabled, Weight: 1}
		servers[id] = s
		pool.add(t, r, s)
	}
	move := func(id, to string) *step {
		s := &step{before: servers[id], after: servers[id]}
		s.after.URL = url(to)
		return s
	}
	refusing := move("e", "c")
	refusing.refused = v1.Conflict("a pool answers there")
	stale := move("d", "e")
	stale.before.Secret = "older"
	steps := []*step{move("a", "b"), move("b", "a"), move("c", "d"), stale, refusing, move("f", "g"), move("g", "e")}
	want := []string{
		"", "", url("d") + " is in the pool already, as server d", "server d was changed meanwhile: sync again", "a pool answers there",
		url("g") + " is in the pool already, as server g", url("e") + " is in the pool already, as server e",
	}
	for i, err := range r.Records.swap(t.Context(), steps) {
		if got := errorText(err); got != want[i] {
			t.Errorf("step %d: %q, want %q", i, got, want[i])
		}
	}
	stored, err := r.Records.Store.Servers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stored {
		at := map[string]string{"a": "b", "b": "a"}[s.ID]
		if at == "" {
			at = s.ID
		}
		if s.URL != url(at) || pool.servers[s.ID].URL != s.URL {
			t.Errorf("%s is at %s, and the pool has it at %s", s.ID, s.URL, pool.servers[s.ID].URL)
		}
	}
	r.Records.Store = noServers{r.Records.Store}
	for i, err := range r.Records.swap(t.Context(), steps[:2]) {
		if errorText(err) != "no disk" {
			t.Errorf("step %d without a store: %v", i, err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// noServers is a store that has lost its servers.
type (
	stored    = store.Servers
	noServers struct{ stored }
)

func (noServers) Servers(context.Context) ([]store.Server, error) { return nil, errors.New("no disk") }

// A share of the pool stands for what a server carries.
func share(id string, carries float64, standing placement.Standing) placement.Share {
	return placement.Share{Load: placement.Load{Server: id, Carries: carries}, Standing: standing}
}
