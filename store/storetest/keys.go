package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func stateKeyCases() []testCase[store.State] {
	return []testCase[store.State]{
		{"Keys/Claims", claimKeys},
		{"Keys/ZeroByteInTenant", claimZeroTenant},
		{"Keys/Tenants", tenantKeys},
		{"Keys/Secrets", oddSecrets},
		{"Keys/TooLong", stateTooLong},
	}
}

func indexKeyCases() []testCase[store.Index] {
	return []testCase[store.Index]{
		{"Keys/Recordings", recordingKeys},
		{"Keys/Sessions", sessionKeys},
		{"Keys/NotText", recordingNotText},
		{"Keys/TooLong", indexTooLong},
	}
}

// texts are IDs that some store has confused with another ID, or with syntax of its own.
func texts() []string { return kit.Texts() }

// notText are meeting IDs that no encoding of text knows, or that end where a careless one thinks they do.
func notText() []string {
	return []string{"\x00", "a\x00", "a\x00b", "\x00a", "\xff", "\xff\xfe", "a\xff", "\xc3", "\xc3\x28", "\x01"}
}

// Meeting IDs are whatever front ends send; each is a meeting of its own.
func claimKeys(t *testing.T, s store.State) {
	ctx := t.Context()
	placed := map[store.MeetingKey]string{}
	for _, tenant := range []string{"a", "ab", "a%", "\u00e4"} {
		for i, meetingID := range append(texts(), notText()...) {
			c := aClaim(tenant, meetingID)
			c.Server = tenant + string(rune('0'+i))
			got, err := s.CreateClaim(ctx, c)
			must(t, err)
			equal(t, "created", got, c)
			placed[c.MeetingKey] = c.Server
		}
	}
	standing := map[store.MeetingKey]string{}
	for _, c := range claimsOf(t, s) {
		standing[c.MeetingKey] = c.Server
		got, err := s.UpdateClaim(ctx, c.MeetingKey, func(*store.Claim) error { return nil })
		want(t, "update", err, nil)
		equal(t, "updated", got, c)
	}
	equal(t, "claims", standing, placed)
	for i, c := range claimsOf(t, s) {
		if i%2 == 0 {
			want(t, "delete", s.DeleteClaim(ctx, c), nil)
			delete(placed, c.MeetingKey)
		}
	}
	standing = map[store.MeetingKey]string{}
	for _, c := range claimsOf(t, s) {
		standing[c.MeetingKey] = c.Server
	}
	equal(t, "claims left", standing, placed)
}

// A store may refuse a tenant with a zero byte, but must not take its meetings for those of another one.
func claimZeroTenant(t *testing.T, s store.State) {
	plain := aClaim("a", "b\x00c")
	_, err := s.CreateClaim(t.Context(), plain)
	must(t, err)
	odd := aClaim("a\x00b", "c")
	odd.Server = "bbb2"
	claims := []store.Claim{plain}
	_, err = s.UpdateClaim(t.Context(), odd.MeetingKey, func(*store.Claim) error { return nil })
	want(t, "update", err, store.ErrNotFound)
	want(t, "delete", s.DeleteClaim(t.Context(), odd), store.ErrNotFound)
	if got, err := s.CreateClaim(t.Context(), odd); err == nil {
		equal(t, "created", got, odd)
		claims = append(claims, odd)
	}
	equal(t, "claims", claimsOf(t, s), claims)
}

// Tenants with odd IDs are as good as others.
func tenantKeys(t *testing.T, s store.State) {
	for _, id := range texts() {
		_, err := s.CreateTenant(t.Context(), aTenant(id))
		must(t, err)
	}
	all, err := s.Tenants(t.Context())
	want(t, "list", err, nil)
	equal(t, "tenants", len(all), len(texts()))
	for _, id := range texts() {
		got, err := s.Tenant(t.Context(), id)
		want(t, "read", err, nil)
		equal(t, "tenant", got, aTenant(id))
	}
}

// A secret that came back as something else would lock a front end out.
func oddSecrets(t *testing.T, s store.State) {
	tenant, server := aTenant("default"), aServer("bbb1")
	tenant.Secrets = secrets("***", "", "ä+/= &", "会")
	server.Secret = "\"quoted\" \\ \u2028 <>"
	_, err := s.CreateTenant(t.Context(), tenant)
	must(t, err)
	must(t, s.CreateServer(t.Context(), server))
	gotTenant, err := s.Tenant(t.Context(), "default")
	want(t, "read tenant", err, nil)
	equal(t, "tenant", gotTenant, tenant)
	gotServer, err := s.Server(t.Context(), "bbb1")
	want(t, "read server", err, nil)
	equal(t, "server", gotServer, server)
}

// Recordings are found by odd IDs, and by nobody else's.
func recordingKeys(t *testing.T, s store.Index) {
	ctx := t.Context()
	for _, id := range texts() {
		r := aRecording("a", id)
		r.MeetingID = "of " + id
		must(t, s.CreateRecording(ctx, r))
	}
	for _, id := range texts() {
		page, total := list(t, s, store.RecordingFilter{Tenant: "a", MeetingIDs: []string{"of " + id}})
		equal(t, "by meeting: total", total, 1)
		equal(t, "by meeting", recordIDs(page), []string{id})
		want := 0
		for _, other := range texts() {
			if strings.HasPrefix(other, id) {
				want++
			}
		}
		_, total = list(t, s, store.RecordingFilter{Tenant: "a", RecordIDs: []string{id}})
		equal(t, "by prefix "+id, total, want)
		got, err := s.UpdateRecording(ctx, "a", id, func(*store.Recording) error { return nil })
		must(t, err)
		equal(t, "updated", got.MeetingID, "of "+id)
	}
}

// Sessions with odd IDs are replaced as others are.
func sessionKeys(t *testing.T, s store.Index) {
	for range 2 {
		for i, id := range texts() {
			must(t, s.AddSession(t.Context(), aSession(id, monday.Add(time.Duration(i)*time.Second))))
		}
	}
	all := since(t, s, monday, 1000)
	equal(t, "sessions", len(all), len(texts()))
	for i, session := range all {
		equal(t, "ID", session.ID, texts()[i])
	}
}

// A store may refuse what is not text, but must not take it for something else.
func recordingNotText(t *testing.T, s store.Index) {
	total := map[string]int{}
	for _, tenant := range append(notText(), "a") {
		for i, id := range append(notText(), "a", "b") {
			r := aRecording(tenant, id+" of "+tenant)
			r.MeetingID, r.Start = id, monday.Add(time.Duration(i)*time.Second)
			if err := s.CreateRecording(t.Context(), r); err != nil {
				continue
			}
			total[tenant]++
			page, n := list(t, s, store.RecordingFilter{Tenant: tenant, MeetingIDs: []string{id}})
			equal(t, "by meeting: total", n, 1)
			equal(t, "by meeting", page, []store.Recording{r})
		}
	}
	if total["a"] < 2 {
		t.Errorf("only %d recordings of tenant a were kept", total["a"])
	}
	for _, tenant := range append(notText(), "a") {
		_, n, err := s.Recordings(t.Context(), store.RecordingFilter{Tenant: tenant})
		if err == nil {
			equal(t, "total", n, total[tenant])
		}
	}
}

// tooLong is no ID that anybody means.
var tooLong = kit.TooLong

func refused(t *testing.T, what string, err error) {
	t.Helper()
	kit.Refused(t, what, err)
}

// IDs that nobody means are refused with a word that callers know, and leave nothing behind.
func stateTooLong(t *testing.T, s store.State) {
	ctx := t.Context()
	refused(t, "server", s.CreateServer(ctx, aServer(tooLong)))
	_, err := s.CreateTenant(ctx, aTenant(tooLong))
	refused(t, "tenant", err)
	refused(t, "token", s.SpendToken(ctx, tooLong, monday, monday))
	for _, key := range [][2]string{{"a", tooLong}, {tooLong, "room"}} {
		_, err := s.CreateClaim(ctx, aClaim(key[0], key[1]))
		refused(t, "claim", err)
	}
	_, err = s.Server(ctx, tooLong)
	want(t, "read", err, store.ErrNotFound)
	equal(t, "claims", claimsOf(t, s), nil)
}

// The same for what is written by an import, and for what an update would make too long.
func indexTooLong(t *testing.T, s store.Index) {
	ctx := t.Context()
	refused(t, "session", s.AddSession(ctx, aSession(tooLong, monday)))
	session := aSession("s1", monday)
	session.Meeting = tooLong
	refused(t, "meeting of a session", s.AddSession(ctx, session))
	session.Tenant, session.Meeting = tooLong, aRoom
	refused(t, "tenant of a session", s.AddSession(ctx, session))
	equal(t, "sessions", since(t, s, time.Time{}, 10), nil)
	_, err := s.Key(ctx, tooLong, []byte("fresh"))
	refused(t, "name of a key", err)
	refused(t, "record ID", s.CreateRecording(ctx, aRecording("a", tooLong)))
	refused(t, "tenant", s.CreateRecording(ctx, aRecording(tooLong, "r1")))
	room := aRecording("a", "r1")
	room.MeetingID = tooLong
	refused(t, "meeting ID", s.CreateRecording(ctx, room))
	_, err = s.UpdateJob(ctx, tooLong, func(*store.Job) error { return nil })
	refused(t, "job", err)
	must(t, s.CreateRecording(ctx, aRecording("a", "r1")))
	long := func(r *store.Recording) error { r.MeetingID = tooLong; return nil }
	_, err = s.UpdateRecording(ctx, "a", "r1", long)
	refused(t, "update", err)
	_, err = s.Commit(ctx, aJob("j1"), []string{"r2", "r1"}, long)
	refused(t, "commit", err)
	_, err = s.Commit(ctx, aJob(tooLong), []string{"r1"}, func(r *store.Recording) error { r.Name = "x"; return nil })
	refused(t, "commit with a long job", err)
	equal(t, "jobs", jobsOf(t, s, store.JobFilter{}), nil)
	page, _ := list(t, s, store.RecordingFilter{AllTenants: true})
	equal(t, "recordings", page, []store.Recording{aRecording("a", "r1")})
	counted(t, s, store.RecordingCount{Tenant: "a", State: store.Published, Count: 1, Bytes: 1<<34 + 2})
}
