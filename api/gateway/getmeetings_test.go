package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
)

// Three of fifty servers swallow packets and two answer after 30 seconds: from the first request on getMeetings is
// quick and lists everything, live from the others and as last seen from those.
func TestGetMeetings_BrokenServersDelayNobody(t *testing.T) {
	p := start(t, settings{servers: 50})
	for i := range 100 {
		p.create(fmt.Sprintf("room-%d", i))
	}
	for _, s := range p.sims {
		for _, m := range s.Meetings() {
			if err := s.AddPeople(m.MeetingID, simulator.Crowd{Count: 3}); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.waitFor("everybody to be seen", func() bool {
		people := 0
		for _, s := range p.poller.Servers() {
			people += s.Users
		}
		return people == 300
	})
	for i, s := range p.sims[:5] {
		fault := simulator.Fault{Kind: simulator.BlackHole}
		if i >= 3 {
			fault = simulator.Fault{Kind: simulator.Slow, Delay: 30 * time.Second}
		}
		if err := s.Fault(fault); err != nil {
			t.Fatal(err)
		}
	}
	var took []time.Duration
	for i := range 40 {
		began := time.Now()
		a := p.call("getMeetings", "")
		took = append(took, time.Since(began))
		people := 0
		for _, m := range a.Meetings {
			people += m.People
		}
		if a.Returncode != "SUCCESS" || len(a.Meetings) != 100 || people != 300 {
			t.Fatalf("request %d: %s, %d meetings, %d people", i, a.Returncode, len(a.Meetings), people)
		}
	}
	slices.Sort(took)
	t.Logf("getMeetings: p50 %s, p99 %s, worst %s", took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

// What a front end has just created is in the list, whether its server has been asked since or not.
func TestGetMeetings_ListsWhatWasJustCreated(t *testing.T) {
	p := start(t, settings{servers: 2, poll: time.Hour})
	made := p.create("new")
	if err := p.sim(p.server("new")).Fault(simulator.Fault{Kind: simulator.Hang}); err != nil {
		t.Fatal(err)
	}
	a := p.call("getMeetings", "")
	if len(a.Meetings) != 1 || a.Meetings[0].InternalID != made.InternalID || a.Meetings[0].Name != "Room new" {
		t.Errorf("getMeetings: %s", a.body)
	}
}

// An empty pool says so in BigBlueButton's words.
func TestGetMeetings_Empty(t *testing.T) {
	p := start(t, settings{servers: 1})
	if a := p.call("getMeetings", ""); a.Returncode != "SUCCESS" || a.Key != "noMeetings" {
		t.Errorf("getMeetings: %s", a.body)
	}
}

// The list can be turned off, as in Scalelite.
func TestGetMeetings_TurnedOff(t *testing.T) {
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, c *gatewayConfig) { c.NoMeetingsList = true }})
	p.create("room")
	if a := p.call("getMeetings", ""); a.Returncode != "SUCCESS" || a.Key != "noMeetings" {
		t.Errorf("getMeetings: %s", a.body)
	}
}

// Whoever was told of an end or a create sees it in the next list, also while others ask for lists all the time.
func TestGetMeetings_BesideOthers(t *testing.T) {
	p := start(t, settings{servers: 2})
	for i := range 150 {
		p.create(fmt.Sprintf("other-%d", i))
	}
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for ctx.Err() == nil {
				p.call("getMeetings", "")
			}
		})
	}
	for i := range 40 {
		id := fmt.Sprintf("room-%d", i)
		p.create(id)
		if !strings.Contains(p.call("getMeetings", "").body, "<meetingID>"+id+"</meetingID>") {
			t.Errorf("%s was created and is not listed", id)
		}
		p.call("end", "meetingID="+id+"&password=mp")
		if strings.Contains(p.call("getMeetings", "").body, "<meetingID>"+id+"</meetingID>") {
			t.Errorf("%s was ended and is listed", id)
		}
	}
	stop()
	others.Wait()
}
