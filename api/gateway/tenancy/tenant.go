package tenancy

import (
	"crypto/rand"
	"encoding/hex"
	"math"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/store"
)

// Tenant is what is set for a tenant, and holds for its calls.
type Tenant struct {
	ID          string
	URL         string // what its links begin with, without a slash at the end; "" for what the pool's do
	IgnoreHints bool   // what creates announce is not believed
	Scoped      bool   // servers know its new meetings by an ID that no other tenant's can have
	Shared      bool   // there are other tenants
	Limits      store.Limits
	Callbacks   store.TenantCallbacks
	LRS         store.LRS
	Rules       params.Tenant // for the parameters of its calls

	marks    [][2]string
	disabled bool
	secrets  group
	bucket   *rate.Limiter // nil: there is no limit
}

// group is secrets that a call is verified with, and what is known of each.
type group struct {
	secrets []bbb.Secret
	signers []signer
	status  bool // HTTP says that none of them has signed a call
}

// signer is one of a tenant's secrets, but for the secret.
type signer struct {
	tenant  *Tenant
	name    string
	expires time.Time // zero for never
	used    *lastuse.Cell
}

// counts tells whether it verifies now.
func (s *signer) counts(now time.Time) bool {
	return !s.tenant.disabled && (s.expires.IsZero() || now.Before(s.expires))
}

// Marks is the metadata, in names of parameters, by which a server's meetings and recordings are known to be the tenant's.
func (t *Tenant) Marks() [][2]string { return t.marks }

// Alias is the ID that servers are to know a new meeting by, and another one for the case that somebody else's has that
// already: a tenant that is not scoped may call its meetings whatever it likes, but cannot foresee the second. Both are ""
// where that is the front end's own ID. One that servers may take for another tenant's meeting is never sent, whether the
// tenant is scoped or not.
func (t *Tenant) Alias(meetingID string) (alias, spare string) {
	if t.Scoped || t.Shared && bbb.MayBeInternal(meetingID) {
		return bbb.Alias(t.ID, meetingID), bbb.HashedAlias(t.ID, meetingID, nonce())
	}
	return "", ""
}

// Room is the ID that a breakout room's create has on servers, where it becomes the internal one: wherever there are other
// tenants it is one that none of them can have, be it of a meeting, or of a recording of the past. What stands behind the
// dash is a time, which servers go by.
func (t *Tenant) Room(meetingID string) string {
	if !t.Scoped && !t.Shared {
		return meetingID
	}
	name, stamp, dashed := strings.Cut(meetingID, "-")
	if !dashed || strings.Trim(stamp, "0123456789") != "" {
		_, hash, _ := strings.Cut(bbb.HashedAlias(t.ID, meetingID, t.ID), "_")
		return hash
	}
	_, hash, _ := strings.Cut(bbb.HashedAlias(t.ID, name, t.ID), "_")
	return hash + "-" + stamp
}

// Allow takes one call from what the tenant may make in a second, and tells whether there was one left.
func (t *Tenant) Allow(now time.Time) bool { return t.bucket == nil || t.bucket.AllowN(now, 1) }

// setBucket bounds the calls a second. As many as that may come at once. A tenant that had the same bound before goes on
// with what it has left.
func (t *Tenant) setBucket(before *Tenant) {
	perSecond := t.Limits.Requests
	if perSecond <= 0 || math.IsInf(perSecond, 1) || math.IsNaN(perSecond) {
		return
	}
	if before != nil && before.bucket != nil && before.Limits.Requests == perSecond {
		t.bucket = before.bucket
		return
	}
	t.bucket = rate.NewLimiter(rate.Limit(perSecond), int(min(max(math.Ceil(perSecond), 1), math.MaxInt32)))
}

// nonce is what nobody can guess.
func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return hex.EncodeToString(b[:])
}
