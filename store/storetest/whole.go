package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
	"github.com/bbbpool/bbbpool/store/storetest/catalogue"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
	"github.com/bbbpool/bbbpool/store/storetest/outgoing"
)

func stateWholeCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Whole/Moved", Run: func(t *testing.T, s store.State) {
			moved(t, s, stateRows(t), func() any { return stateAnswers(t, s) })
		}},
		{Name: "Whole/Refused", Run: func(t *testing.T, s store.State) { unloadable(t, s, stateRows(t), "jobs") }},
	}
}

func indexWholeCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Whole/Moved", Run: func(t *testing.T, s store.Index) {
			moved(t, s, indexRows(t), func() any { return indexAnswers(t, s) })
		}},
		{Name: "Whole/Refused", Run: func(t *testing.T, s store.Index) { unloadable(t, s, indexRows(t), "claims") }},
	}
}

// row writes a record, which a test cannot go on without.
func row[T any](t *testing.T, codec rows.Codec[T], record T) store.Row {
	t.Helper()
	r, err := codec.Row(record)
	must(t, err)
	return r
}

// stateRows are two records of each kind, in the order in which they are dumped.
func stateRows(t *testing.T) (list []store.Row) {
	for _, id := range []string{"bbb1", "bbb2"} {
		list = append(list, row(t, rows.Servers, aServer(id)))
	}
	for _, id := range []string{"a", "b"} {
		list = append(list, row(t, rows.Tenants, aTenant(id)))
	}
	for _, id := range []string{"room", "room\xff"} {
		list = append(list, row(t, rows.Claims, aClaim("a", id)))
	}
	for _, id := range []string{"bbb1", "bbb2"} {
		list = append(list, row(t, rows.Endings, anEnding("a", "gone", id)))
	}
	for _, id := range []string{"one", "two"} {
		list = append(list, row(t, rows.Tokens, rows.Token{ID: id, Expires: monday.Add(time.Hour)}))
	}
	for _, name := range []string{"first", "second"} {
		c := store.Credential{Kind: store.CredentialSecret, Tenant: "a", Name: name}
		list = append(list, row(t, rows.Uses, rows.Use{Credential: c, At: monday}))
	}
	for _, id := range []string{"1", "2"} {
		list = append(list, row(t, rows.Waiting, aWait(id)))
	}
	return list
}

// indexRows are two records of each kind, in the order in which they are dumped.
func indexRows(t *testing.T) (list []store.Row) {
	for _, name := range []string{"history", "links"} {
		list = append(list, row(t, rows.Keys, rows.Key{Name: name, Key: []byte("\x00key \xff")}))
	}
	for i, id := range []string{"s1", "s2"} {
		list = append(list, row(t, rows.Sessions, aSession(id, monday.Add(time.Duration(i)*time.Minute))))
	}
	for _, id := range []string{"r1", "r2"} {
		list = append(list, row(t, rows.Recordings, catalogue.ARecording("a", id)))
	}
	for _, id := range []string{"j1", "j2"} {
		list = append(list, row(t, rows.Jobs, catalogue.AJob(id)))
	}
	for _, id := range []string{"bbb1", "bbb2"} {
		list = append(list, row(t, rows.Events, rows.Journal{Server: id, List: someEvents()}))
	}
	for _, name := range []string{"ci", "night"} {
		token := store.AdminToken{Name: name, Hash: "9f86", Scopes: []string{"read"}, Created: monday}
		list = append(list, row(t, rows.AdminTokens, token))
	}
	for i := range 2 {
		at := monday.Add(time.Duration(i) * time.Second)
		list = append(list, row(t, rows.Audits, store.Audit{ID: "x", At: at, Who: "uid 0", Tenant: "a", Before: `"x"`}))
	}
	for _, day := range []string{"2026-01-04", "2026-01-05"} {
		list = append(list, row(t, rows.Usage, store.Usage{Day: day, Tenant: "a", Meetings: 2, PeopleMins: 1.0 / 3}))
	}
	for _, id := range []string{"c1", "c2"} {
		list = append(list, row(t, rows.Callbacks, outgoing.ACallback(id, monday)))
	}
	for _, id := range []string{"h1", "h2"} {
		list = append(list, row(t, rows.Hooks, outgoing.AHook(id)))
	}
	for _, id := range []string{"m1", "m2"} {
		list = append(list, row(t, rows.Analytics, outgoing.AnAnalysis(id, "room", monday)))
	}
	return list
}

// stateAnswers are what the roles say of what is there.
func stateAnswers(t *testing.T, s store.State) any {
	ctx := t.Context()
	servers, err := s.Servers(ctx)
	tenants, err2 := s.Tenants(ctx)
	uses, err3 := s.Uses(ctx)
	must(t, errors.Join(err, err2, err3))
	return []any{servers, tenants, uses, len(claimsOf(t, s)), len(endingsOf(t, s))}
}

func indexAnswers(t *testing.T, s store.Index) any {
	ctx := t.Context()
	var all []any
	for _, f := range []store.RecordingFilter{
		{Tenant: "a"},
		{Tenant: "a", RecordIDs: []string{"r"}},
		{Tenant: "a", MeetingIDs: []string{"room"}},
		{Tenant: "a", States: []store.RecordingState{store.Published}},
		{Tenant: "a", Meta: []store.MetaMatch{{Key: "bbb-origin", Value: "moodle"}}},
	} {
		page, total, err := s.Recordings(ctx, f)
		must(t, err)
		all = append(all, page, total)
	}
	counts, err := s.CountRecordings(ctx)
	owed, err2 := s.OwedRecordings(ctx)
	tokens, err3 := s.AdminTokens(ctx)
	audits, err4 := s.Audits(ctx, store.AuditFilter{Limit: 10})
	used, err5 := s.Usage(ctx, store.UsageFilter{})
	happened, err6 := s.Events(ctx)
	ofRooms, err7 := s.MeetingSessions(ctx, "default", aRoom, 10)
	told, err8 := s.Callbacks(ctx, store.CallbackFilter{})
	hooks, err9 := s.Hooks(ctx)
	analytics, err10 := s.Analytics(ctx, "a", "room", 10)
	jobs, err11 := s.Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobWaiting}})
	must(t, errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11))
	all = append(all, counts, owed, tokens, audits, used, happened, ofRooms, told, hooks, analytics, jobs)
	return append(all, since(t, s, time.Time{}, 10))
}

// dump is everything, as it was handed out.
func dump(t *testing.T, s store.Whole) (list []store.Row) {
	t.Helper()
	must(t, s.Dump(t.Context(), func(r store.Row) error {
		list = append(list, store.Row{Kind: r.Kind, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
		return nil
	}))
	return list
}

// What was loaded is found by all that it can be found by, dumped as it was, and gone after a wipe; loading it again changes
// nothing.
func moved(t *testing.T, s store.Whole, all []store.Row, answers func() any) {
	ctx := t.Context()
	empty := answers()
	equal(t, "of an empty store", len(dump(t, s)), 0)
	must(t, s.Load(ctx, all))
	equal(t, "dumped", dump(t, s), all)
	before := answers()
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	must(t, s.Load(ctx, backwards))
	equal(t, "dumped once more", dump(t, s), all)
	equal(t, "answers", answers(), before)
	must(t, s.Wipe(ctx))
	equal(t, "of a wiped store", len(dump(t, s)), 0)
	equal(t, "answers of a wiped store", answers(), empty)
	must(t, s.Load(ctx, all[:1]))
	equal(t, "dumped afterwards", dump(t, s), all[:1])
}

// One row that is none leaves everything as it was, and so does one of the other group. The callee's error ends a dump.
func unloadable(t *testing.T, s store.Whole, all []store.Row, other string) {
	ctx := t.Context()
	must(t, s.Load(ctx, all[:1]))
	for _, wrong := range []store.Row{
		{Kind: "nothing", Key: []byte("x"), Value: []byte("{}")},
		{Kind: other, Key: []byte("x"), Value: []byte("{}")},
		{Kind: all[2].Kind, Key: nil, Value: all[2].Value},
		{Kind: all[2].Kind, Key: all[2].Key, Value: []byte("{")},
	} {
		if err := s.Load(ctx, []store.Row{all[1], wrong}); err == nil {
			t.Errorf("a row %+v is taken", wrong)
		}
	}
	equal(t, "left", dump(t, s), all[:1])
	want(t, "dump", s.Dump(ctx, func(store.Row) error { return kit.ErrOwn }), kit.ErrOwn)
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	for name, err := range map[string]error{
		"dump": s.Dump(stopped, func(store.Row) error { return nil }), "load": s.Load(stopped, all), "wipe": s.Wipe(stopped),
	} {
		want(t, fmt.Sprint(name, " of one who has given up"), err, context.Canceled)
	}
	equal(t, "left", dump(t, s), all[:1])
}
