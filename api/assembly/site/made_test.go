package site_test

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store/storetest/scalelite"
)

// moveInLarge makes a site as large as many are, of a Scalelite that was updated again and again, or of an early one.
func moveInLarge(t *testing.T, recordings int, layout string) *site {
	t.Helper()
	s := &site{t: t, redis: servers.Redis(t).URL(), postgres: servers.Postgres(t).URL(t), simulated: simulate(t, 20, "simsecret0123")}
	s.secrets = map[string]string{"tenant0": "secret-of-tenant0", "tenant1": "secret-of-tenant1"}
	var urls []string
	for _, one := range s.simulated {
		urls = append(urls, one.URL())
	}
	size := scalelite.Size{Servers: 20, Meetings: 300, Tenants: 4, Recordings: recordings, Secret: "simsecret0123"}
	if err := scalelite.Make(t.Context(), s.redis, s.postgres, fixture, size, urls...); err != nil {
		t.Fatal(err)
	}
	if err := scalelite.Older(t.Context(), s.postgres, layout == "early"); err != nil {
		t.Fatal(err)
	}
	s.before = s.read()
	s.attend()
	return s
}

// A large site, and an older one, are served, changed and given back as small ones are, and nothing is lost.
func TestThereAndBack_Made(t *testing.T) {
	many := 50000
	if testing.Short() {
		many = 5000
	}
	for _, test := range []struct {
		layout     string
		recordings int
	}{{"grown", many}, {"early", 1500}} {
		t.Run(test.layout, func(t *testing.T) {
			s := moveInLarge(t, test.recordings, test.layout)
			want := s.before
			if len(want.Recordings) != test.recordings || len(want.Meetings) != 300 {
				t.Fatalf("%d recordings, %d meetings", len(want.Recordings), len(want.Meetings))
			}
			s.serve()
			s.asked()
			records := s.altered()
			s.stop()
			if test.layout == "early" {
				s.changedEarly(want, records)
			} else {
				s.changed(want, records)
			}
			s.same(want)
		})
	}
}

// asked looks at what a tenant is told of its recordings and meetings.
func (s *site) asked() {
	s.t.Helper()
	var want, got, rooms []string
	for id, r := range s.before.Recordings {
		if r.MeetingID == "room-1" {
			want = append(want, id)
		}
	}
	for _, l := range s.listed("tenant1", url.Values{"meetingID": {"room-1"}, "state": {"any"}}) {
		id, _, _ := strings.Cut(l, " ")
		got = append(got, id)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" || len(want) == 0 {
		s.t.Errorf("recordings of room-1 (-want +got):\n%s", diff)
	}
	if others := s.listed("tenant0", url.Values{"meetingID": {"room-1"}}); len(others) > 0 {
		s.t.Errorf("another tenant is told of %q", others)
	}
	for id, m := range s.before.Meetings {
		if m.Tenant == scalelite.TenantID(1) && s.before.Servers[m.Server].State != "disabled" { // nobody asks those
			rooms = append(rooms, id)
		}
	}
	slices.Sort(rooms)
	s.await("meetings of tenant1", func() bool {
		got = meetingIDs(s.call("tenant1", "getMeetings", nil))
		return slices.Equal(got, rooms)
	}, func() string { return gocmp.Diff(rooms, got) })
}

// altered makes a change of each kind, and returns the recordings that it was made to.
func (s *site) altered() (records map[string]string) {
	s.t.Helper()
	s.says("new", s.call("tenant1", "create", url.Values{
		"meetingID": {"new-room"}, "name": {"New"}, "moderatorPW": {"mpn"}, "attendeePW": {"apn"}, "voiceBridge": {"765432109"},
	}), "<returncode>SUCCESS")
	s.says("end", s.call("tenant1", "end", url.Values{"meetingID": {"room-5"}, "password": {"mp5"}}), "<returncode>SUCCESS")
	records = map[string]string{
		"unpublish": scalelite.RecordID(1), "edit": scalelite.RecordID(301), "delete": scalelite.RecordID(601),
	}
	s.says("unpublish", s.call("tenant1", "publishRecordings", url.Values{"recordID": {records["unpublish"]}, "publish": {"false"}}), "SUCCESS")
	s.says("edit", s.call("tenant1", "updateRecordings", url.Values{
		"recordID": {records["edit"]}, "meta_bbb-context": {"other"}, "meta_note": {"more"},
	}), "SUCCESS")
	s.says("delete", s.call("tenant1", "deleteRecordings", url.Values{"recordID": {records["delete"]}}), "SUCCESS")
	s.administrate("PATCH", "/api/v1/servers/"+scalelite.ServerID(0), `{"tag":"cpu","weight":4}`)
	s.administrate("POST", "/api/v1/servers/"+scalelite.ServerID(5)+"/cordon", `{}`)
	return records
}

// changedEarly does the same to recordings of a version that does not know whether somebody has published one by hand.
func (s *site) changedEarly(want scalelite.Site, records map[string]string) {
	s.changed(want, records)
	r := want.Recordings[records["unpublish"]]
	r.PublishUpdated = false
	want.Recordings[records["unpublish"]] = r
}

// same compares what there was, but for what was changed, with what there is.
func (s *site) same(want scalelite.Site) {
	s.t.Helper()
	got := s.read()
	if len(got.Problems) > 0 {
		s.t.Errorf("Scalelite could not go on: %q", got.Problems)
	}
	if m := got.Meetings["new-room"]; m.Tenant != scalelite.TenantID(1) || m.Moderator != "mpn" || m.Bridge != "765432109" {
		s.t.Errorf("the new room: %+v", m)
	}
	delete(got.Meetings, "new-room")
	delete(got.Bridges, "765432109")
	delete(want.Bridges, want.Meetings["room-5"].Bridge)
	delete(want.Meetings, "room-5")
	want.Servers = s.moved(want.Servers, scalelite.ServerID(0), scalelite.ServerID(5))
	for id, r := range want.Recordings { // most are the same, and to look for differences takes long
		if reflect.DeepEqual(r, got.Recordings[id]) {
			delete(got.Recordings, id)
			delete(want.Recordings, id)
		}
	}
	seen := func(p gocmp.Path) bool {
		return observed(p) || p.Last().String() == ".Version" || p.Last().String() == ".Online"
	}
	if diff := gocmp.Diff(want, got, gocmp.FilterPath(seen, gocmp.Ignore())); diff != "" {
		s.t.Errorf("%d of %d recordings differ (-want +got):\n%s", len(want.Recordings), len(s.before.Recordings), diff)
	}
}
