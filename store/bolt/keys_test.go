package bolt_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// What is too long for a key is named, with the limit, and what just fits is kept.
func TestKeys_TooLong(t *testing.T) {
	db, ctx := open(t, t.TempDir()), t.Context()
	claim := func(tenant, meetingID string) error {
		_, err := db.State().CreateClaim(ctx, store.Claim{MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: meetingID}})
		return err
	}
	recording := func(tenant, meetingID, recordID string) error {
		return db.Index().CreateRecording(ctx, store.Recording{RecordID: recordID, Tenant: tenant, MeetingID: meetingID})
	}
	keyed := func(name string) error {
		_, err := db.Index().Key(ctx, name, []byte("fresh"))
		return err
	}
	used := func(tenant, name string) error {
		c := store.Credential{Kind: store.CredentialSecret, Tenant: tenant, Name: name}
		return db.State().NoteUses(ctx, map[store.Credential]time.Time{c: seedTime})
	}
	usage := func(tenant string) error {
		return db.Index().AddUsage(ctx, store.Usage{Day: "2026-01-05", Tenant: tenant})
	}
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct {
		err  error
		want string // "" where it fits
	}{
		"claim that fits":     {claim("a", x(32766)), ""},
		"claim":               {claim("a", x(32767)), "tenant and meeting ID: a key of 32769 bytes, the limit is 32768"},
		"tenant of a claim":   {claim(x(40_000), "m"), "tenant and meeting ID: a key of 40002 bytes"},
		"meeting that fits":   {recording("a", x(32000), "r1"), ""},
		"meeting":             {recording("a", x(33000), "r2"), "tenant, meeting ID and record ID: a key of 33020 bytes"},
		"tenant of recording": {recording(x(33000), "m", "r3"), "tenant and record ID: a key of 33003 bytes"},
		"recording that fits": {recording("a", "m", x(30000)), ""},
		"recording":           {recording("a", "m", x(33000)), "tenant and record ID: a key of 33002 bytes"},
		"session":             {db.Index().AddSession(ctx, store.Session{ID: x(32769)}), "the session's ID: a key of 32781 bytes"},
		"session of a room": {
			db.Index().AddSession(ctx, store.Session{ID: "s", Tenant: "a", Meeting: x(33000)}),
			"tenant, meeting and the session's ID: a key of 33019 bytes",
		},
		"admin token":       {db.Index().CreateAdminToken(ctx, store.AdminToken{Name: x(33000)}), "the token's name: a key of 33000 bytes"},
		"entry":             {db.Index().AddAudit(ctx, store.Audit{ID: x(33000)}), "the entry's ID: a key of 33012 bytes"},
		"entry that fits":   {db.Index().AddAudit(ctx, store.Audit{ID: x(32756)}), ""},
		"use":               {used("a", x(33000)), "the credential's kind, tenant and name: a key of 33009 bytes"},
		"tenant of a use":   {used(x(33000), "main"), "the credential's kind, tenant and name: a key of 33012 bytes"},
		"usage":             {usage(x(33000)), "day and tenant: a key of 33011 bytes"},
		"usage that fits":   {usage(x(32000)), ""},
		"name of a key":     {keyed(x(33000)), "the key's name: a key of 33000 bytes"},
		"session that fits": {db.Index().AddSession(ctx, store.Session{ID: x(32000)}), ""},
	} {
		switch {
		case c.want == "" && c.err == nil:
		case !errors.Is(c.err, store.ErrTooLarge) || !strings.Contains(c.err.Error(), c.want) || len(c.err.Error()) > 300:
			t.Errorf("%s: got %.400v, want %s", name, c.err, c.want)
		}
	}
}
