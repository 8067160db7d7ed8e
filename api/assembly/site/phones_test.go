package site_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/placement/bridges"
)

// Meetings of Scalelite's keep their numbers, which are those that the pool would give them, and a new one gets the number that
// Scalelite would have given it; all of them are in its Redis when it goes on.
func TestThereAndBack_Bridges(t *testing.T) {
	s := moveIn(t)
	first := func(id string) string {
		for number := range bridges.Numbers(id, 9) {
			return number
		}
		return ""
	}
	s.serve(func(set *assembly.Settings) { set.Bridges.Length = 9 })
	alike := 0
	for id, m := range s.before.Meetings {
		tenant := s.before.Tenants[m.Tenant].Name
		if slices.Contains(slices.Collect(bridges.Numbers(id, 9)), m.Bridge) {
			alike++
		}
		found, err := s.pool.Ledger.ByVoice(m.Bridge)
		if err != nil || found.Claim.MeetingID != id || found.Claim.Server != m.Server {
			t.Errorf("%s of %s: %s leads to %+v, %v", id, tenant, m.Bridge, found.Claim, err)
		}
	}
	if alike < len(s.before.Meetings)-1 { // one may have been given another
		t.Errorf("of %d numbers %d are of the pool's sequence", len(s.before.Meetings), alike)
	}
	params := url.Values{"meetingID": {"alpha-room-2"}, "name": {"Kurs 2"}, "moderatorPW": {"mp2"}, "attendeePW": {"ap2"}, "voiceBridge": {"70001"}}
	s.says("again", s.call("alpha", "create", params), "<voiceBridge>"+s.before.Meetings["alpha-room-2"].Bridge+"<")
	params.Set("meetingID", "new-room")
	s.says("new", s.call("alpha", "create", params), "<returncode>SUCCESS", "<voiceBridge>"+first("new-room")+"<")
	s.stop()
	after := s.read()
	for number, id := range s.before.Bridges {
		if _, lives := after.Meetings[id]; lives && after.Bridges[number] != id {
			t.Errorf("%s was the number of %s, and is that of %q", number, id, after.Bridges[number])
		}
	}
	if after.Bridges[first("new-room")] != "new-room" || strings.TrimSpace(after.Meetings["new-room"].Bridge) != first("new-room") {
		t.Errorf("new-room has %+v", after.Meetings["new-room"])
	}
}
