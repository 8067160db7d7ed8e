package bolt_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// Every kind of records has a bucket of its name, one for each look-up that its keys do not answer, and each bucket says in
// words what its keys are made of: what walks the kinds comes by all that is kept, and none is kept that no kind tells of.
func TestKinds(t *testing.T) {
	answered := map[string]int{"audits": 1} // look-ups by the key itself
	counts := map[string]int{"recordings": 1}
	kept := map[string]int{}
	words := bolt.Keyed()
	for _, name := range bolt.Buckets {
		if words[name] == "" {
			t.Errorf("bucket %s: nothing says what its keys are made of", name)
		}
		delete(words, name)
		i := slices.IndexFunc(store.Kinds, func(k store.Kind) bool { return name == k.Name || strings.HasPrefix(name, k.Name+"-") })
		if i < 0 {
			t.Errorf("bucket %s is of no kind", name)
			continue
		}
		kept[store.Kinds[i].Name]++
	}
	for _, k := range store.Kinds {
		if want := 1 + len(k.LookUps) - answered[k.Name] + counts[k.Name]; kept[k.Name] != want || !slices.Contains(bolt.Buckets, k.Name) {
			t.Errorf("%s: %d buckets, want %d, one of that name", k.Name, kept[k.Name], want)
		}
	}
	if len(words) > 0 {
		t.Errorf("no buckets: %v", words)
	}
}

// What a kind is found by are fields of its records.
func TestKinds_Fields(t *testing.T) {
	records := map[string]any{
		"servers": store.Server{}, "tenants": store.Tenant{}, "claims": store.Claim{}, "endings": store.Ending{},
		"uses": store.Credential{}, "waiting": store.Wait{}, "sessions": store.Session{}, "recordings": store.Recording{}, "jobs": store.Job{},
		"admin-tokens": store.AdminToken{}, "audits": store.Audit{}, "usage": store.Usage{},
		"callbacks": store.Callback{}, "hooks": store.Hook{}, "analytics": store.Analysis{},
		"tokens": struct{ ID, Expires string }{}, "keys": struct{ Name string }{}, "events": struct{ Server string }{}, // no records
	}
	for _, k := range store.Kinds {
		fields := slices.Clone(k.Key)
		for _, by := range k.LookUps {
			fields = append(fields, strings.Split(strings.TrimSuffix(by, " (prefix)"), ",")...)
		}
		for _, name := range fields {
			if _, ok := reflect.TypeOf(records[k.Name]).FieldByName(strings.TrimPrefix(name, "-")); !ok {
				t.Errorf("%s: there is no field %q", k.Name, name)
			}
		}
	}
}

// A store with one record of each kind has something in every bucket: none is there that nothing is written to.
func TestKinds_AllWritten(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	seed(t, db)
	if err := errors.Join(
		db.State().SpendToken(t.Context(), "x", seedTime, seedTime), db.State().AddWaiting(t.Context(), store.Wait{ID: "x"}),
	); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, filepath.Join(dir, bolt.File), func(tx *bbolt.Tx) error {
		for _, name := range bolt.Buckets {
			if key, _ := tx.Bucket([]byte("v1")).Bucket([]byte(name)).Cursor().First(); key == nil {
				t.Errorf("nothing is in %s", name)
			}
		}
		return nil
	})
}
