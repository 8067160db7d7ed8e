package rows_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// odd is text that is no UTF-8, and what JSON escapes.
const odd = "\xff\x00<&>\"\\\u2028ä"

// fill gives every field of a record a value of its own: text with bytes that are no text, times with nanoseconds.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(*n), 123456789).UTC()))
		return
	case time.Duration:
		v.SetInt(int64(*n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint(odd, *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 3)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	default:
		panic(v.Kind())
	}
}

// full is a record with every field filled, and named is one that has nothing but its name.
func cameBack[T any](t *testing.T, codec rows.Codec[T], name func(*T)) {
	t.Helper()
	var full T
	n := 0
	fill(reflect.ValueOf(&full).Elem(), &n)
	name(&full)
	row, err := codec.Row(full)
	if err != nil {
		t.Errorf("%s: %v", codec.Kind, err)
		return
	}
	got, err := codec.Decode(row.Key, row.Value)
	if diff := cmp.Diff(full, got); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", codec.Kind, err, diff)
	}
	form, ok := rows.Of(codec.Kind)
	if !ok {
		t.Fatalf("%s: no such kind", codec.Kind)
	}
	if again, err := form.Again(row.Key, row.Value); err != nil || !bytes.Equal(again, row.Value) {
		t.Errorf("%s: %q is written again as %q, %v", codec.Kind, row.Value, again, err)
	}
	look, err := form.Look(row.Key, row.Value)
	kind := store.Kinds[kindAt(codec.Kind)]
	if err != nil || codec.Look != nil && len(look) != len(kind.LookUps) || codec.Look == nil && look != nil {
		t.Errorf("%s: %d look-ups of %v, %v", codec.Kind, len(look), kind.LookUps, err)
	}
}

func kindAt(name string) int {
	return slices.IndexFunc(store.Kinds, func(k store.Kind) bool { return k.Name == name })
}

// Every field of every record comes back from its row, whatever bytes are in it, and every kind has a form.
func TestRows(t *testing.T) {
	cameBack(t, rows.Servers, func(s *store.Server) { s.Checksum, s.State = "sha256", store.Enabled })
	cameBack(t, rows.Tenants, func(s *store.Tenant) {
		s.ID = "a\xff"
		for i := range s.Params {
			s.Params[i].Op = store.ParamAdd
		}
	})
	cameBack(t, rows.Claims, func(c *store.Claim) { c.Tenant, c.Server = "a\xff", "bbb1" })
	cameBack(t, rows.Endings, func(e *store.Ending) { e.Tenant = "a\xff" })
	cameBack(t, rows.Tokens, func(*rows.Token) {})
	cameBack(t, rows.Uses, func(u *rows.Use) { u.Credential.Kind, u.Credential.Tenant = "secret", "a\xff" })
	cameBack(t, rows.Waiting, func(*store.Wait) {})
	cameBack(t, rows.Keys, func(*rows.Key) {})
	cameBack(t, rows.Sessions, func(s *store.Session) { s.Tenant, s.Server = "a\xff", "bbb1" })
	cameBack(t, rows.Recordings, func(*store.Recording) {})
	cameBack(t, rows.Jobs, func(*store.Job) {})
	cameBack(t, rows.Events, func(j *rows.Journal) {
		for i := range j.List {
			j.List[i].Kind = "offline"
		}
	})
	cameBack(t, rows.AdminTokens, func(*store.AdminToken) {})
	cameBack(t, rows.Audits, func(*store.Audit) {})
	cameBack(t, rows.Usage, func(u *store.Usage) { u.Day, u.Tenant = "2026-01-05", "a\xff" })
	for _, k := range store.Kinds {
		if _, ok := rows.Of(k.Name); !ok {
			t.Errorf("%s has no form", k.Name)
		}
	}
}

// What could not be found again has no row.
func TestRow_Nameless(t *testing.T) {
	for kind, err := range map[string]error{
		"server": nameless(rows.Servers), "tenant": nameless(rows.Tenants), "claim": nameless(rows.Claims), "ending": nameless(rows.Endings),
		"use": nameless(rows.Uses), "usage": nameless(rows.Usage), "audit": nameless(rows.Audits), "job": nameless(rows.Jobs),
		"zero": func() error {
			_, err := rows.Claims.Row(store.Claim{MeetingKey: store.MeetingKey{Tenant: "a\x00b", MeetingID: "m"}})
			return err
		}(),
	} {
		if !errors.Is(err, rows.ErrKey) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func nameless[T any](codec rows.Codec[T]) error {
	var none T
	_, err := codec.Row(none)
	return err
}

// FuzzForm: whatever is in a row, reading it never fails but by an error, and what was written again is not changed by doing
// so once more.
func FuzzForm(f *testing.F) {
	f.Add("claims", []byte("a\x00room"), []byte(`{"server":"bbb1","placed":"2026-01-05T08:00:00Z","why":[1,2,3,4,"history",1,"b",2]}`))
	f.Add("uses", []byte("secret\x00a\x00first"), bytes.Repeat([]byte{0x80}, rows.TimeSize))
	f.Add("recordings", []byte("r"), []byte(`{"tenant":["/w=="],"meta":[["a","b"]],"formats":[{"type":"video","images":[{}]}]}`))
	f.Add("audits", []byte("x"), []byte(`{}`))
	f.Add("events", []byte("bbb1"), []byte(`[{"at":"2026-01-05T08:00:00+01:00","kind":"x","text":"y"}]`))
	f.Fuzz(func(t *testing.T, kind string, key, value []byte) {
		form, ok := rows.Of(kind)
		if !ok {
			return
		}
		once, err := form.Again(key, value)
		if _, lookErr := form.Look(key, value); (lookErr == nil) != (err == nil) && lookErr != nil {
			t.Errorf("again: %v, look: %v", err, lookErr)
		}
		if err != nil {
			return
		}
		if twice, err := form.Again(key, once); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s %q: %q became %q, %v", kind, key, once, twice, err)
		}
	})
}
