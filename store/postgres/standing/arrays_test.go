package standing_test

import (
	"encoding/binary"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bbbpool/bbbpool/store/postgres/standing"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stamp(t time.Time) pgtype.Timestamp { return pgtype.Timestamp{Time: t, Valid: true} }

// What a database sends as arrays is read as pgx would read it, in either format; what no page has is refused.
func TestScan(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), servers.Postgres(t).URL(t))
	must(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, c := range []struct {
		sql  string
		want any // nil for an error
	}{
		{"ARRAY[1, -2]::int8[]", []int64{1, -2}},
		{"ARRAY[1, -2]::int4[]", []int32{1, -2}},
		{"ARRAY[1, -2]::int4[]", []int64{1, -2}}, // of another type than is wanted
		{"ARRAY[true, false]", []bool{true, false}},
		{"ARRAY['', 'ä', 'NULL', '{\"']::text[]", []string{"", "ä", "NULL", `{"`}},
		{"ARRAY['a', 'b']::varchar[]", []string{"a", "b"}},
		{`ARRAY['\x', '\x00ff']::bytea[]`, [][]byte{{}, {0, 255}}},
		{"'{}'::int8[]", []int64{}},
		{"'{}'::text[]", []string{}},
		{"NULL::int8[]", []int64{}},
		{"NULL::text[]", []string{}},
		{"'[5:6]={1,2}'::int8[]", []int64{1, 2}}, // which begins elsewhere
		{"ARRAY[1, NULL]::int8[]", []int64(nil)},
		{"ARRAY[true, NULL]", []bool(nil)},
		{"ARRAY['a', NULL]::text[]", []string(nil)},
		{"ARRAY['a', 'b']::text[]", []int64(nil)},
		{"7::int8", []int64(nil)},
		{"ARRAY['2026-01-05 08:00:00.123456', NULL, '1900-02-03']::timestamp[]", []pgtype.Timestamp{
			stamp(time.Date(2026, 1, 5, 8, 0, 0, 123456000, time.UTC)), {}, stamp(time.Date(1900, 2, 3, 0, 0, 0, 0, time.UTC)),
		}},
		{"ARRAY['infinity', '-infinity']::timestamp[]", []pgtype.Timestamp{
			{InfinityModifier: pgtype.Infinity, Valid: true}, {InfinityModifier: pgtype.NegativeInfinity, Valid: true},
		}},
		{"'{}'::timestamp[]", []pgtype.Timestamp{}},
		{"NULL::timestamp[]", []pgtype.Timestamp{}},
		{"ARRAY[1]::int8[]", []pgtype.Timestamp(nil)},
	} {
		for _, format := range []int16{pgx.BinaryFormatCode, pgx.TextFormatCode} {
			got, last := reflect.New(reflect.TypeOf(c.want)), int64(0)
			rows, err := conn.Query(t.Context(), "SELECT "+c.sql+", 5::int8", pgx.QueryResultFormats{format})
			must(t, err)
			if !rows.Next() {
				t.Fatal(rows.Err())
			}
			err = standing.Scan(rows, []any{got.Interface(), &last})
			rows.Close()
			switch wrong := reflect.ValueOf(c.want).IsNil(); {
			case wrong && err == nil:
				t.Errorf("%s in format %d: %v", c.sql, format, got.Elem())
			case !wrong && (err != nil || last != 5 || !cmp.Equal(c.want, got.Elem().Interface(), cmpopts.EquateEmpty())):
				t.Errorf("%s in format %d: %v, %d, %v", c.sql, format, got.Elem(), last, err)
			}
		}
	}
}

// array is an array of int4 as the database would send it, with its numbers as they are given.
func array(words ...int32) (raw []byte) {
	for _, w := range words {
		raw = binary.BigEndian.AppendUint32(raw, uint32(w))
	}
	return raw
}

// Arrays that no database sends are errors.
func TestReadArray_Broken(t *testing.T) {
	const of = pgtype.Int4OID
	for name, raw := range map[string][]byte{
		"empty":                      {},
		"half a head":                array(1, 0),
		"no dimension":               array(1, 0, of),
		"half a dimension":           array(1, 0, of, 1),
		"two dimensions":             array(2, 0, of, 1, 1, 1, 1, 4, 7),
		"dimensions below none":      array(-1, 0, of, 1, 1, 4, 7),
		"more elements than there":   array(1, 0, of, 2, 1, 4, 7),
		"elements without end":       array(1, 0, of, -1, 1, 4, 7),
		"no length":                  array(1, 0, of, 1, 1),
		"half a length":              append(array(1, 0, of, 2, 1, 4, 7), 0, 0),
		"a length without its bytes": array(1, 0, of, 1, 1, 4),
		"a length below none":        array(1, 0, of, 1, 1, -2, 7),
		"an element of another size": array(1, 0, of, 1, 1, 8, 7, 7),
		"more than its elements":     array(1, 0, of, 1, 1, 4, 7, 0),
		"more than nothing":          array(0, 0, of, 0),
		"an element that is NULL":    array(1, 1, of, 2, 1, 4, 7, -1),
	} {
		var numbers []int32
		if done, err := standing.ReadArray(&numbers, pgtype.Int4ArrayOID, raw); !done || err == nil || numbers != nil {
			t.Errorf("%s: %v, %v, %v", name, numbers, done, err)
		}
		var texts []string
		_, err := standing.ReadArray(&texts, pgtype.TextArrayOID, raw)
		if sized := name == "an element of another size"; (err == nil) != sized {
			t.Errorf("%s: %q, %v", name, texts, err)
		}
	}
}

// Whatever bytes come, they are read as pgx reads them, or refused.
func FuzzReadArray(f *testing.F) {
	f.Add(array(1, 0, pgtype.Int4OID, 2, 1, 4, 7, 4, 8))
	f.Add(array(1, 0, pgtype.Int8OID, 1, 1, 8, 0, 8))
	f.Add(array(1, 1, pgtype.TextOID, 2, 1, 4, 0x61626364, -1))
	f.Add(append(array(1, 0, pgtype.BoolOID, 1, 1, 1), 1))
	f.Add(array(0, 0, pgtype.ByteaOID))
	f.Add(array(1, 1, pgtype.TimestampOID, 2, 1, 8, 1, 2, -1))
	types := pgtype.NewMap()
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = append([]byte{}, raw...) // not NULL
		for oid, fresh := range map[uint32]func() any{
			pgtype.Int8ArrayOID:  func() any { return new([]int64) },
			pgtype.Int4ArrayOID:  func() any { return new([]int32) },
			pgtype.BoolArrayOID:  func() any { return new([]bool) },
			pgtype.TextArrayOID:  func() any { return new([]string) },
			pgtype.ByteaArrayOID: func() any { return new([][]byte) },

			pgtype.TimestampArrayOID: func() any { return new([]pgtype.Timestamp) },
		} {
			got, want := fresh(), fresh()
			done, err := standing.ReadArray(got, oid, raw)
			if !done {
				t.Fatal("an array of a type that is known is left to others")
			}
			if err == nil {
				err = types.Scan(oid, pgx.BinaryFormatCode, raw, want)
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
					t.Errorf("%d, %v (-pgx +ours):\n%s", oid, err, diff)
				}
			}
		}
	})
}
