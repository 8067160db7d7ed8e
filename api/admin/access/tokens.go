package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// MaxTokens is how many tokens there may be.
	MaxTokens = 1000
	// Environment is the name of the token that the environment gives: no other has it.
	Environment = "admin"

	tokenPrefix = "bbbpool_" // by which people, and programs that look for secrets in files, know a token
	tokenBytes  = 32         // of chance
	maxLifetime = 10 * 365 * 24 * time.Hour
)

// nameForm is what a token may be called.
var nameForm = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)

// Tokens are the tokens of administration, but for the one that the environment gives. It is safe for concurrent use.
type Tokens struct {
	Store store.AdminTokens
	Uses  *lastuse.Uses
	Now   func() time.Time
	// Changed is called when a token has been added or taken away, so that other instances read them again; nil if nobody does.
	Changed func()

	mu    sync.Mutex // one change at a time
	known atomic.Pointer[map[[sha256.Size]byte]token]
}

// token is a token with where it is noted that it was used.
type token struct {
	store.AdminToken

	hash [sha256.Size]byte
	used *lastuse.Cell
}

// Load reads the tokens. Where it fails those stay that were known.
func (t *Tokens) Load(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	stored, err := t.Store.AdminTokens(ctx)
	if err != nil {
		return err
	}
	known := make(map[[sha256.Size]byte]token, len(stored))
	for _, one := range stored {
		t.know(known, one)
	}
	t.known.Store(&known)
	return nil
}

// know adds a token to those that are known. One whose hash cannot be read lets nobody in.
func (t *Tokens) know(known map[[sha256.Size]byte]token, one store.AdminToken) {
	hash, err := hex.DecodeString(one.Hash)
	if err != nil || len(hash) != sha256.Size {
		return
	}
	key := [sha256.Size]byte(hash)
	known[key] = token{one, key, t.Uses.Of(credential(one.Name))}
}

// remember changes what is known, for those that come next. It reads nothing, so that it does not fail when the store has
// been changed already.
func (t *Tokens) remember(change func(known map[[sha256.Size]byte]token)) {
	known := map[[sha256.Size]byte]token{}
	if before := t.known.Load(); before != nil {
		known = maps.Clone(*before)
	}
	change(known)
	t.known.Store(&known)
	if t.Changed != nil {
		t.Changed()
	}
}

// credential is a token as package lastuse knows it.
func credential(name string) store.Credential {
	return store.Credential{Kind: store.CredentialToken, Name: name}
}

// Any tells whether there is a token at all.
func (t *Tokens) Any() bool {
	known := t.known.Load()
	return known != nil && len(*known) > 0
}

// Find returns whose token that is, and what it is good for. One that has expired is as good as a wrong one.
//
// It is looked up by its hash. Whoever tries cannot choose how a hash begins, so the time that the look-up takes says
// nothing about the tokens there are; the comparison itself takes the same time for all.
func (t *Tokens) Find(text string) (name string, g Grant, ok bool) {
	known := t.known.Load()
	if known == nil || text == "" {
		return "", Grant{}, false
	}
	hash := sha256.Sum256([]byte(text))
	found, ok := (*known)[hash]
	if subtle.ConstantTimeCompare(found.hash[:], hash[:]) != 1 || !ok || found.expired(t.Now()) {
		return "", Grant{}, false
	}
	found.used.Note(t.Now())
	return found.Name, grantOf(found.AdminToken), true
}

// Use notes that a token was used that is kept elsewhere: the environment's.
func (t *Tokens) Use(name string) { t.Uses.Of(credential(name)).Note(t.Now()) }

func (t token) expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// grantOf is what a token is good for. A scope that this version does not know is good for nothing.
func grantOf(t store.AdminToken) Grant {
	g := Grant{Tenant: t.Tenant}
	for _, scope := range t.Scopes {
		if slices.Contains(Scopes, Scope(scope)) {
			g.Scopes = append(g.Scopes, Scope(scope))
		}
	}
	return g
}

// New says what a token is to be.
type New struct {
	Name     string
	Scopes   []string
	Tenant   string // that there is one by that ID is for the caller to know
	Lifetime quantity.Age
}

// Add makes a token. It is in force when Add returns, which is the one time that anybody sees the token itself.
func (t *Tokens) Add(ctx context.Context, n New) (store.Secret, store.AdminToken, error) {
	scopes, err := n.check()
	if err != nil {
		return "", store.AdminToken{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	stored, err := t.Store.AdminTokens(ctx)
	if err != nil {
		return "", store.AdminToken{}, err
	}
	if len(stored) >= MaxTokens {
		return "", store.AdminToken{}, v1.Conflict("there are %d tokens already, and there may be no more: bbbpool token revoke "+
			"takes those away that nobody uses", MaxTokens)
	}
	var chance [tokenBytes]byte
	_, _ = rand.Read(chance[:]) // never fails
	secret := store.Secret(tokenPrefix + base64.RawURLEncoding.EncodeToString(chance[:]))
	hash, now := sha256.Sum256([]byte(secret.Reveal())), t.Now().UTC().Truncate(time.Second)
	made := store.AdminToken{
		Name: n.Name, Hash: hex.EncodeToString(hash[:]), Scopes: scopes, Tenant: n.Tenant, Created: now,
	}
	if n.Lifetime > 0 {
		made.Expires = now.Add(time.Duration(n.Lifetime))
	}
	if err := t.Store.CreateAdminToken(ctx, made); errors.Is(err, store.ErrExists) {
		return "", store.AdminToken{}, v1.Exists("there is a token %s already: bbbpool token list shows it", n.Name)
	} else if err != nil {
		return "", store.AdminToken{}, err
	}
	t.remember(func(known map[[sha256.Size]byte]token) { t.know(known, made) })
	return secret, made, nil
}

// check tells everything that is wrong, and returns the scopes in their order, each once.
func (n New) check() (scopes []string, err error) {
	var mistakes []string
	switch {
	case !nameForm.MatchString(n.Name):
		mistakes = append(mistakes, "name: want 1 to 64 of a-z, 0-9, '.', '_' and '-'")
	case n.Name == Environment:
		mistakes = append(mistakes, "name: "+Environment+" is the token in BBBPOOL_ADMIN_TOKEN")
	}
	for _, scope := range Scopes {
		if slices.Contains(n.Scopes, string(scope)) {
			scopes = append(scopes, string(scope))
		}
	}
	unknown := func(s string) bool { return !slices.Contains(Scopes, Scope(s)) }
	if len(n.Scopes) == 0 || slices.ContainsFunc(n.Scopes, unknown) {
		mistakes = append(mistakes, "scopes: want at least one of read, operate, recordings and admin")
	}
	if n.Lifetime < 0 || time.Duration(n.Lifetime) > maxLifetime {
		mistakes = append(mistakes, "expires: want an age as 90d, up to 3650d, or none for a token that never expires")
	}
	return scopes, v1.InvalidAll(mistakes)
}

// List returns all tokens, by name.
func (t *Tokens) List(ctx context.Context) ([]store.AdminToken, error) {
	list, err := t.Store.AdminTokens(ctx)
	slices.SortFunc(list, func(x, y store.AdminToken) int { return cmp.Compare(x.Name, y.Name) })
	return list, err
}

// Used is when a token was last used; the zero time for never.
func (t *Tokens) Used(name string) time.Time {
	return t.Uses.Last(credential(name))
}

// Revoke takes a token away, and returns it. It lets nobody in any more when Revoke returns.
func (t *Tokens) Revoke(ctx context.Context, name string) (store.AdminToken, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stored, err := t.Store.AdminTokens(ctx)
	if err != nil {
		return store.AdminToken{}, err
	}
	i := slices.IndexFunc(stored, func(one store.AdminToken) bool { return one.Name == name })
	if i < 0 {
		return store.AdminToken{}, v1.NotFound("there is no token %q: bbbpool token list shows those there are", name)
	}
	if err := t.Store.DeleteAdminToken(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.AdminToken{}, err
	}
	t.remember(func(known map[[sha256.Size]byte]token) {
		maps.DeleteFunc(known, func(_ [sha256.Size]byte, one token) bool { return one.Name == name })
	})
	return stored[i], t.Uses.Forget(ctx, credential(name))
}

// RevokeOf takes all tokens of a tenant away, which is about to be removed: another one by its ID is another.
func (t *Tokens) RevokeOf(ctx context.Context, tenant string) (names []string, err error) {
	stored, err := t.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range stored {
		if one.Tenant == "" || one.Tenant != tenant {
			continue
		}
		if _, err := t.Revoke(ctx, one.Name); err != nil {
			return names, err
		}
		names = append(names, one.Name)
	}
	return names, nil
}

// Bearer returns what stands in a header Authorization as a bearer's token; "" where there is none.
func Bearer(header string) string {
	scheme, given, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(given)
}
