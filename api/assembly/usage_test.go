package assembly_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/store"
)

// What front ends do is on the account of their tenant: at once what is over, and the rest when the program ends.
func TestPool_Usage(t *testing.T) {
	t.Parallel()
	o := options(t)
	sim, err := simulator.New(simulator.Config{Servers: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, o)
	stop := run(t, p, sim)
	for _, s := range sim.Servers() {
		record := store.Server{ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1}
		if err := p.Stores.State.CreateServer(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		p.Poller.SetServer(record)
	}
	ready(t, p)
	begun := p.Usage.Today()
	for _, id := range []string{"algebra", "goes-on"} {
		created(t, p, url.Values{"name": {"Room"}, "meetingID": {id}, "moderatorPW": {"mp"}})
		for _, name := range []string{"Anna", "Anna", "Bela"} {
			call(t, p, secret, "join", url.Values{"meetingID": {id}, "fullName": {name}, "password": {"mp"}, "redirect": {"false"}}.Encode())
		}
	}
	call(t, p, secret, "end", url.Values{"meetingID": {"algebra"}, "password": {"mp"}}.Encode())
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if list := usageOf(t, p); len(list) > 0 && list[0].Meetings == 1 || time.Now().After(deadline) {
			break
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	p = open(t, o)
	defer func() { _ = p.Close() }()
	list := usageOf(t, p)
	if begun != p.Usage.Today() {
		t.Skip("midnight")
	}
	for i := range list { // how long it took is no matter
		list[i].PeopleMins, list[i].PeakPeople, list[i].PeakMeetings = 0, 0, 0
	}
	if diff := cmp.Diff([]store.Usage{{Day: begun, Tenant: "default", Meetings: 1, Joins: 6}}, list); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

// created creates a meeting as soon as a server takes it.
func created(t *testing.T, p *assembly.Pool, query url.Values) {
	t.Helper()
	body := ""
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(body, "SUCCESS"); time.Sleep(5 * time.Millisecond) {
		if body = call(t, p, secret, "create", query.Encode()); time.Now().After(deadline) {
			t.Fatal(body)
		}
	}
}

func usageOf(t *testing.T, p *assembly.Pool) []store.Usage {
	t.Helper()
	list, err := p.Usage.Usage(t.Context(), store.UsageFilter{}, usage.ByDay, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
