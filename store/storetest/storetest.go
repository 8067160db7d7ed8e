// Package storetest is the contract of package store as a test suite.
//
// Every adapter, and everything that wraps one, runs the suite of its group whole, contention included: a case that
// could be skipped would be one on which nobody can rely. The suite knows the roles alone, never an adapter, and asks
// for nothing that the contract leaves open: times are compared as instants of whole milliseconds, an empty slice or
// map is the same as none, and only meeting IDs must survive with bytes that are not text.
package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/store"
)

type testCase[S any] struct {
	name string
	run  func(t *testing.T, s S)
}

// RunState runs the contract of [store.State]. Every call of open gives an empty store, which the suite closes.
func RunState(t *testing.T, open func(t *testing.T) store.State) {
	run(t, open, serverCases(), tenantCases(), claimCases(), stateKeyCases(), stateRaces(), stateLifeCases())
}

// RunIndex runs the contract of [store.Index]. Every call of open gives an empty store, which the suite closes.
func RunIndex(t *testing.T, open func(t *testing.T) store.Index) {
	run(t, open, sessionCases(), recordingCases(), selectionCases(), indexKeyCases(), indexRaces(), indexLifeCases())
}

func run[S interface{ Close() error }](t *testing.T, open func(*testing.T) S, groups ...[]testCase[S]) {
	for _, group := range groups {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				s := open(t)
				defer func() { want(t, "close", s.Close(), nil) }()
				c.run(t, s)
			})
		}
	}
}

// errOwn is what closures refuse with.
var errOwn = errors.New("the closure's own error")

func want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var monday = time.Date(2026, 1, 5, 8, 0, 0, 125e6, time.UTC)

func aServer(id string) store.Server {
	return store.Server{
		ID: id, URL: "https://" + id + ".example.org/bigbluebutton/api", Secret: "s3cret of " + store.Secret(id),
		Checksum: "sha512", State: store.Cordoned, Weight: 1.25, Capacity: 300, Tag: "gpu", Created: monday,
	}
}

func aTenant(id string) store.Tenant {
	return store.Tenant{ID: id, Name: "Tenant " + id, Secrets: []store.Secret{"new", "old"}, Created: monday}
}

func aClaim(tenant, meetingID string) store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: meetingID}, Server: "bbb1", InternalID: "183f0bf3-1",
		CreateTime: 1767600000125, Placed: monday, Expected: 12.5, Recorded: true,
	}
}

func aSession(id string, end time.Time) store.Session {
	return store.Session{
		ID: id, Tenant: "default", Server: "bbb1", Start: end.Add(-time.Hour), End: end, Peak: 31, Joins: 40,
		Reason: "ended", Recorded: true,
	}
}

func aRecording(tenant, recordID string) store.Recording {
	return store.Recording{
		RecordID: recordID, Tenant: tenant, MeetingID: "room", Name: "Algebra & <more>", State: "published",
		Published: true, Start: monday, End: monday.Add(time.Hour), Participants: 31,
		Meta: map[string]string{"bbb-origin": "moodle", "presenter": "Ünal"},
		Formats: []store.Format{
			{Type: "presentation", Path: "/playback/2.3/" + recordID, Length: 59 * time.Minute, Size: 1 << 33},
			{Type: "video", Path: "/recording/x?y=z", Length: time.Minute, Size: 1},
		},
	}
}
