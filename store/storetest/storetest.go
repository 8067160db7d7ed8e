// Package storetest is the contract of package store as a test suite.
//
// Every adapter, and everything that wraps one, runs the suite of its group whole, contention included: a case that
// could be skipped would be one on which nobody can rely. The suite knows the roles alone, never an adapter, and asks
// for nothing that the contract leaves open: times are compared as instants of whole milliseconds, an empty slice or
// map is the same as none, and only meeting IDs must survive with bytes that are not text.
package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/accounts"
	"github.com/bbbpool/bbbpool/store/storetest/catalogue"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
	"github.com/bbbpool/bbbpool/store/storetest/outgoing"
)

// RunState runs the contract of [store.State]. Every call of open gives an empty store, which the suite closes.
func RunState(t *testing.T, open func(t *testing.T) store.State) {
	run(t, open, serverCases(), tenantCases(), tokenCases(), claimCases(), endingCases(), accounts.StateCases(), stateKeyCases(),
		waitCases(), stateWholeCases(), stateRaces(), stateLifeCases())
}

// RunIndex runs the contract of [store.Index]. Every call of open gives an empty store, which the suite closes.
func RunIndex(t *testing.T, open func(t *testing.T) store.Index) {
	run(t, open, secretKeyCases(), sessionCases(), roomCases(), catalogue.Cases(), eventCases(),
		accounts.IndexCases(), outgoing.Cases(), erasureCases(),
		indexKeyCases(), indexWholeCases(), indexRaces(), indexLifeCases())
}

func run[S interface{ Close() error }](t *testing.T, open func(*testing.T) S, groups ...[]kit.Case[S]) {
	for _, group := range groups {
		for _, c := range group {
			t.Run(c.Name, func(t *testing.T) {
				s := open(t)
				defer func() { want(t, "close", s.Close(), nil) }()
				c.Run(t, s)
			})
		}
	}
}

// The checks have short names here, where every line has one.

func want(t *testing.T, what string, got, want error) {
	t.Helper()
	kit.Want(t, what, got, want)
}

func must(t *testing.T, err error) {
	t.Helper()
	kit.Must(t, err)
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	kit.Equal(t, what, got, want)
}

var monday = kit.Monday

func aServer(id string) store.Server {
	return store.Server{
		ID: id, URL: "https://" + id + ".example.org/bigbluebutton/api", Secret: "s3cret of " + store.Secret(id),
		Checksum: "sha512", State: store.Cordoned, Weight: 1.25, Capacity: 300, Hard: true, Tag: "gpu", Created: monday,
		Admitted: monday.Add(time.Minute), Former: "f0rmer", FormerUntil: monday.Add(time.Hour),
		Switched: monday.Add(time.Minute),
	}
}

func aTenant(id string) store.Tenant {
	return store.Tenant{
		ID: id, Name: "Tenant " + id, Disabled: true, Created: monday, Hosts: []string{id + ".example.org", "*." + id},
		URL: "https://" + id + ".example.org", Secrets: secrets("new", "old"), Scoped: true, Tag: "gpu", IgnoreHints: true,
		Params: []store.ParamRule{
			{Call: "create", Op: store.ParamAdd, Name: "disabledFeatures", Value: "chat,polls"}, {Call: "join", Op: store.ParamRemove},
		},
		Limits: store.Limits{
			Meetings: 1, People: 2, MeetingPeople: 3, PerHour: 4, Duration: time.Hour, NoRecording: true,
			Tags: []string{"gpu", "none"}, Requests: 2.5, Statuses: true,
		},
		Callbacks: store.TenantCallbacks{Names: []string{"x-callback-url"}, Algorithm: "HS512", Insecure: true, Analytics: true},
		LRS: store.LRS{ //nolint:gosec // nobody's
			Endpoint: "https://lrs.example.org/xapi", User: "u", Password: "p", TokenURL: "https://kc.example.org/token",
			ClientID: "c", ClientSecret: "cs", TokenUser: "tu", TokenPassword: "tp",
		},
	}
}

// secrets gives each of them a name.
func secrets(list ...store.Secret) (named []store.TenantSecret) {
	for i, s := range list {
		named = append(named, store.TenantSecret{
			Name: fmt.Sprintf("secret %d", i), Secret: s, Created: monday, Expires: monday.Add(time.Hour),
		})
	}
	return named
}

func aClaim(tenant, meetingID string) store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: meetingID}, Server: "bbb1", InternalID: "183f0bf3-1",
		CreateTime: 1767600000125, Placed: monday, Expected: 12.5, Recorded: true, Hint: 30, Why: aDecision(),
		Breakout: true, Name: "Algebra & <more>", Alias: "alias of " + meetingID, Signer: "moodle",
		Moderator: "m0derator", Voice: "70001", Request: "5f2c", Back: aBack(),
		Marks: "true",
	}
}

func anEnding(tenant, meetingID, server string) store.Ending {
	return store.Ending{
		MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: meetingID}, Server: server, InternalID: "183f0bf3-1",
		Asked: monday, Alias: "alias",
	}
}

// aDecision fills every field, with numbers that no rounding leaves alone.
func aDecision() store.Decision {
	return store.Decision{
		Here: 120, Expected: 1.0 / 3, Kept: 40, Own: 12.34567890123, Basis: "history", Weight: 1.25, Next: "bbb2",
		NextAt: 2e-7,
	}
}

func aSession(id string, end time.Time) store.Session {
	return store.Session{
		ID: id, Tenant: "default", Server: "bbb1", Start: end.Add(-time.Hour), End: end, Peak: 31, Joins: 40,
		Reason: "ended", Recorded: true, Meeting: aRoom, Hint: 30, Why: aDecision(), Signer: "moodle", Back: aBack(),
	}
}

func aBack() *store.Back {
	return &store.Back{
		Ended: "https://moodle.example.org/ended?x=\xff&y",
		Meta:  []store.MetaField{{Name: store.MetaAnalytics, Value: "https://moodle.example.org/a"}, {Name: "x", Value: ""}},
	}
}

// aRoom is what the meetings of aSession are known by.
const aRoom = "9f86d081884c7d659a2feaa0c55ad015"
