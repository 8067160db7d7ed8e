package storetest

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func stateKeyCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Keys/Claims", Run: claimKeys},
		{Name: "Keys/ZeroByteInTenant", Run: claimZeroTenant},
		{Name: "Keys/Tenants", Run: tenantKeys},
		{Name: "Keys/Secrets", Run: oddSecrets},
		{Name: "Keys/TooLong", Run: stateTooLong},
	}
}

func indexKeyCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Keys/Sessions", Run: sessionKeys},
		{Name: "Keys/TooLong", Run: indexTooLong},
	}
}

// Meeting IDs are whatever front ends send; each is a meeting of its own.
func claimKeys(t *testing.T, s store.State) {
	ctx := t.Context()
	placed := map[store.MeetingKey]string{}
	for _, tenant := range []string{"a", "ab", "a%", "\u00e4"} {
		for i, meetingID := range append(kit.Texts(), kit.NotText()...) {
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
	for _, id := range kit.Texts() {
		_, err := s.CreateTenant(t.Context(), aTenant(id))
		must(t, err)
	}
	all, err := s.Tenants(t.Context())
	want(t, "list", err, nil)
	equal(t, "tenants", len(all), len(kit.Texts()))
	for _, id := range kit.Texts() {
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

// Sessions with odd IDs are replaced as others are.
func sessionKeys(t *testing.T, s store.Index) {
	for range 2 {
		for i, id := range kit.Texts() {
			must(t, s.AddSession(t.Context(), aSession(id, monday.Add(time.Duration(i)*time.Second))))
		}
	}
	all := since(t, s, monday, 1000)
	equal(t, "sessions", len(all), len(kit.Texts()))
	for i, session := range all {
		equal(t, "ID", session.ID, kit.Texts()[i])
	}
}

// IDs that nobody means are refused with a word that callers know, and leave nothing behind.
func stateTooLong(t *testing.T, s store.State) {
	ctx := t.Context()
	kit.Refused(t, "server", s.CreateServer(ctx, aServer(kit.TooLong)))
	_, err := s.CreateTenant(ctx, aTenant(kit.TooLong))
	kit.Refused(t, "tenant", err)
	kit.Refused(t, "token", s.SpendToken(ctx, kit.TooLong, monday, monday))
	for _, key := range [][2]string{{"a", kit.TooLong}, {kit.TooLong, "room"}} {
		_, err := s.CreateClaim(ctx, aClaim(key[0], key[1]))
		kit.Refused(t, "claim", err)
	}
	_, err = s.Server(ctx, kit.TooLong)
	want(t, "read", err, store.ErrNotFound)
	equal(t, "claims", claimsOf(t, s), nil)
}

// The same for the history.
func indexTooLong(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Refused(t, "session", s.AddSession(ctx, aSession(kit.TooLong, monday)))
	session := aSession("s1", monday)
	session.Meeting = kit.TooLong
	kit.Refused(t, "meeting of a session", s.AddSession(ctx, session))
	session.Tenant, session.Meeting = kit.TooLong, aRoom
	kit.Refused(t, "tenant of a session", s.AddSession(ctx, session))
	equal(t, "sessions", since(t, s, time.Time{}, 10), nil)
	_, err := s.Key(ctx, kit.TooLong, []byte("fresh"))
	kit.Refused(t, "name of a key", err)
}
