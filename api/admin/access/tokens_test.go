package access_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// then is when the tests begin.
var then = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t *testing.T, dir string) *driver.Stores {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	return stores
}

func tokens(t *testing.T, stores *driver.Stores, c *clock) *access.Tokens {
	t.Helper()
	all := &access.Tokens{Store: stores.Index, Uses: &lastuse.Uses{Store: stores.State, Log: zerolog.Nop()}, Now: c.now}
	if err := all.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return all
}

// add makes a token for the whole pool.
func add(t *testing.T, all *access.Tokens, name string, scopes ...string) store.Secret {
	t.Helper()
	token, _, err := all.Add(t.Context(), access.New{Name: name, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A token is good for what it was made for, from the moment it is made until it is revoked; also for a process that starts
// anew.
func TestTokens_Life(t *testing.T) {
	stores, c := open(t, t.TempDir()), &clock{at: then}
	all := tokens(t, stores, c)
	if all.Any() {
		t.Error("there is a token before any was made")
	}
	token, made, err := all.Add(t.Context(), access.New{
		Name: "physics", Scopes: []string{"recordings", "read", "read"}, Tenant: "physics",
	})
	if err != nil || !slices.Equal(made.Scopes, []string{"read", "recordings"}) || !made.Created.Equal(then) {
		t.Fatalf("made %+v, %v", made, err)
	}
	for what, held := range map[string]*access.Tokens{"at once": all, "after a restart": tokens(t, stores, c)} {
		name, grant, ok := held.Find(token.Reveal())
		if !ok || name != "physics" || grant.Tenant != "physics" || !grant.Allows(access.Recordings) ||
			!grant.Allows(access.Read) || grant.Allows(access.Operate) || grant.Allows(access.Admin) || !held.Any() {
			t.Errorf("%s: %q %+v %v", what, name, grant, ok)
		}
	}
	if used := all.Used("physics"); !used.Equal(then) {
		t.Errorf("last used %v", used)
	}
	if _, err := all.Revoke(t.Context(), "physics"); err != nil {
		t.Error(err)
	}
	if _, _, ok := all.Find(token.Reveal()); ok || all.Any() || !all.Used("physics").IsZero() {
		t.Error("it is good for something after it was revoked")
	}
	if _, err := all.Revoke(t.Context(), "physics"); !is(err, http.StatusNotFound) {
		t.Errorf("revoked again: %v", err)
	}
}

// is tells whether an error is a refusal with that status.
func is(err error, status int) bool {
	e, ok := errors.AsType[*v1.Error](err)
	return ok && e.Status == status
}

// What is no token lets nobody in, whatever it resembles.
func TestTokens_Wrong(t *testing.T) {
	stores, c := open(t, t.TempDir()), &clock{at: then}
	all := tokens(t, stores, c)
	token := add(t, all, "night", "operate").Reveal()
	list, err := all.List(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	for _, wrong := range []string{
		"", " ", "bbbpool_", "night", list[0].Hash, token[:len(token)-1], token + "A", strings.ToUpper(token), " " + token,
		strings.TrimPrefix(token, "bbbpool_"),
	} {
		if name, grant, ok := all.Find(wrong); ok || name != "" || grant.Allows(access.Scopes...) {
			t.Errorf("%q lets in %q with %+v", wrong, name, grant)
		}
	}
	if (&access.Tokens{}).Any() {
		t.Error("there is a token where none was read")
	}
	if _, _, ok := (&access.Tokens{Now: c.now}).Find(token); ok {
		t.Error("a token is found where none was read")
	}
}

// A token that has expired is as good as a wrong one, from that moment on.
func TestTokens_Expiry(t *testing.T) {
	stores, c := open(t, t.TempDir()), &clock{at: then}
	all := tokens(t, stores, c)
	token, made, err := all.Add(t.Context(), access.New{
		Name: "guest", Scopes: []string{"read"}, Lifetime: quantity.Age(90 * 24 * time.Hour),
	})
	if err != nil || !made.Expires.Equal(then.Add(90*24*time.Hour)) {
		t.Fatal(made, err)
	}
	c.pass(90*24*time.Hour - time.Second)
	if _, _, ok := all.Find(token.Reveal()); !ok {
		t.Error("it has expired too early")
	}
	c.pass(time.Second)
	if _, _, ok := all.Find(token.Reveal()); ok {
		t.Error("it goes on letting in")
	}
	if _, _, ok := tokens(t, stores, c).Find(token.Reveal()); ok {
		t.Error("it lets in after a restart")
	}
}

// What cannot be meant is refused, with everything that is wrong.
func TestTokens_Add_Refused(t *testing.T) {
	all := tokens(t, open(t, t.TempDir()), &clock{at: then})
	add(t, all, "night", "read")
	tests := []struct {
		new    access.New
		status int
		says   string
	}{
		{access.New{Name: "", Scopes: []string{"read"}}, 400, "name"},
		{access.New{Name: "Night", Scopes: []string{"read"}}, 400, "name"},
		{access.New{Name: "a b", Scopes: []string{"read"}}, 400, "name"},
		{access.New{Name: strings.Repeat("a", 65), Scopes: []string{"read"}}, 400, "name"},
		{access.New{Name: "admin", Scopes: []string{"read"}}, 400, "BBBPOOL_ADMIN_TOKEN"},
		{access.New{Name: "a"}, 400, "scopes"},
		{access.New{Name: "a", Scopes: []string{"read", "write"}}, 400, "scopes"},
		{access.New{Name: "a", Scopes: []string{"read"}, Lifetime: -1}, 400, "expires"},
		{access.New{Name: "a", Scopes: []string{"read"}, Lifetime: quantity.Age(1<<63 - 1)}, 400, "expires"},
		{access.New{Name: "A", Scopes: []string{"x"}}, 400, "; scopes"},
		{access.New{Name: "night", Scopes: []string{"admin"}}, 409, "token list"},
	}
	for _, test := range tests {
		token, _, err := all.Add(t.Context(), test.new)
		if !is(err, test.status) || !strings.Contains(err.Error(), test.says) || token != "" {
			t.Errorf("%+v: %v", test.new, err)
		}
	}
}

// There is an end to how many there may be.
func TestTokens_Add_TooMany(t *testing.T) {
	stores := open(t, t.TempDir())
	for i := range access.MaxTokens {
		err := stores.Index.CreateAdminToken(t.Context(), store.AdminToken{Name: fmt.Sprint(i), Hash: fmt.Sprintf("%064x", i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := tokens(t, stores, &clock{at: then})
	if _, _, err := all.Add(t.Context(), access.New{Name: "more", Scopes: []string{"read"}}); !is(err, http.StatusConflict) {
		t.Errorf("one more: %v", err)
	}
	if _, err := all.Revoke(t.Context(), "7"); err != nil {
		t.Error(err)
	}
	add(t, all, "more", "read")
}

// The token itself is nowhere: not in what is listed, and not on the disk.
func TestTokens_AtRest(t *testing.T) {
	dir := t.TempDir()
	stores := open(t, dir)
	all := tokens(t, stores, &clock{at: then})
	token := add(t, all, "night", "admin").Reveal()
	if len(token) < len("bbbpool_")+43 || !strings.HasPrefix(token, "bbbpool_") || strings.Contains(token, "night") {
		t.Errorf("made %q", token)
	}
	list, err := all.List(t.Context())
	if err != nil || strings.Contains(fmt.Sprintf("%+v", list), token) {
		t.Errorf("listed %+v, %v", list, err)
	}
	if err := stores.Close(); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), token) || strings.Contains(string(content), strings.TrimPrefix(token, "bbbpool_")) {
			t.Errorf("%s has the token", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// What another version has stored and this one does not understand is good for nothing.
func TestTokens_Unknown(t *testing.T) {
	stores, c := open(t, t.TempDir()), &clock{at: then}
	all := tokens(t, stores, c)
	token := add(t, all, "night", "read").Reveal()
	list, err := all.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, hash := range []string{list[0].Hash, "", "xyz", list[0].Hash[:10]} {
		if err := stores.Index.DeleteAdminToken(t.Context(), "night"); err != nil && i == 0 {
			t.Fatal(err)
		}
		err := stores.Index.CreateAdminToken(t.Context(), store.AdminToken{
			Name: fmt.Sprintf("other-%d", i), Hash: hash, Scopes: []string{"everything"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if name, grant, ok := tokens(t, stores, c).Find(token); !ok || name != "other-0" || grant.Allows(access.Scopes...) {
		t.Errorf("%q may do %+v, %v", name, grant, ok)
	}
}

// The tokens of a tenant that goes are revoked with it: another by its ID is another.
func TestTokens_RevokeOf(t *testing.T) {
	all := tokens(t, open(t, t.TempDir()), &clock{at: then})
	night := add(t, all, "night", "admin")
	var theirs []store.Secret
	for _, name := range []string{"a", "b"} {
		token, _, err := all.Add(t.Context(), access.New{Name: name, Scopes: []string{"read"}, Tenant: "physics"})
		if err != nil {
			t.Fatal(err)
		}
		theirs = append(theirs, token)
	}
	if names, err := all.RevokeOf(t.Context(), ""); err != nil || names != nil {
		t.Errorf("of no tenant: %v, %v", names, err)
	}
	if names, err := all.RevokeOf(t.Context(), "physics"); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("revoked %v, %v", names, err)
	}
	for _, token := range theirs {
		if _, _, ok := all.Find(token.Reveal()); ok {
			t.Error("one lets in still")
		}
	}
	if _, _, ok := all.Find(night.Reveal()); !ok {
		t.Error("another's was revoked")
	}
}

// Tokens come and go while others are looked up: each lets in from the moment it is made until it is revoked.
func TestTokens_AtOnce(t *testing.T) {
	all := tokens(t, open(t, t.TempDir()), &clock{at: then})
	stays := add(t, all, "stays", "read").Reveal()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 5 {
				name := fmt.Sprintf("w%d-%d", worker, i)
				token, _, err := all.Add(t.Context(), access.New{Name: name, Scopes: []string{"operate"}})
				if err != nil {
					t.Error(err)
					return
				}
				if got, _, ok := all.Find(token.Reveal()); !ok || got != name {
					t.Errorf("%s is not known after it was made", name)
				}
				if _, err := all.Revoke(t.Context(), name); err != nil {
					t.Error(err)
				}
				if _, _, ok := all.Find(token.Reveal()); ok {
					t.Errorf("%s is known after it was revoked", name)
				}
				if _, _, ok := all.Find(stays); !ok {
					t.Error("one that stays was not known")
				}
			}
		})
	}
	wg.Wait()
	if list, err := all.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("left %v, %v", list, err)
	}
}

// Of two that are made by one name at once, one is.
func TestTokens_SameName(t *testing.T) {
	all := tokens(t, open(t, t.TempDir()), &clock{at: then})
	made := make(chan store.Secret, 8)
	var wg sync.WaitGroup
	for range cap(made) {
		wg.Go(func() {
			token, _, err := all.Add(t.Context(), access.New{Name: "night", Scopes: []string{"read"}})
			switch {
			case err == nil:
				made <- token
			case !is(err, http.StatusConflict):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("%d were made", len(made))
	}
	if _, _, ok := all.Find((<-made).Reveal()); !ok {
		t.Error("it lets nobody in")
	}
}

// Admin may everything, operate may read; nothing else includes another, and what nobody has declared is for nobody.
func TestGrant_Allows(t *testing.T) {
	for _, has := range access.Scopes {
		for _, needs := range access.Scopes {
			want := has == needs || has == access.Admin || has == access.Operate && needs == access.Read
			if got := (access.Grant{Scopes: []access.Scope{has}}).Allows(needs); got != want {
				t.Errorf("%s allows %s: %v", has, needs, got)
			}
		}
		if (access.Grant{Scopes: []access.Scope{has}}).Allows() {
			t.Errorf("%s allows what nobody has declared", has)
		}
	}
	if (access.Grant{}).Allows(access.Scopes...) {
		t.Error("nothing allows something")
	}
	if !access.Everything().Allows(access.Operate) || access.Everything().Tenant != "" {
		t.Error("everything is not everything")
	}
}
