package rows_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// plainSessions are written in the form that is read fast.
func plainSessions() []store.Session {
	list := []store.Session{
		{},
		{Tenant: "default", Server: "bbb1", Peak: -7, Joins: math.MaxInt, Hint: math.MinInt, Recorded: true},
		{Start: time.Date(1850, 1, 1, 0, 0, 0, 5, time.UTC), End: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)},
		{Why: store.Decision{Expected: math.MaxFloat64, Kept: math.SmallestNonzeroFloat64, Own: -0.5, Weight: 1e21, NextAt: 1e-7}},
		{Why: store.Decision{Here: -3, Basis: "tenant", Next: "a b:c/~!"}, Meeting: strings.Repeat("9f", 16), Reason: "'"},
	}
	for i := range 50 {
		list = append(list, pastSession(i))
	}
	for i := range list {
		list[i].ID = "" // which is not in the row
	}
	return list
}

// Rows as a pool writes them day by day are read fast, and right.
func TestScan(t *testing.T) {
	for _, s := range plainSessions() {
		row, err := rows.Sessions.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := rows.ScanSession(row)
		if diff := cmp.Diff(s, got); !ok || diff != "" {
			t.Errorf("%s: read %v (-want +got):\n%s", row, ok, diff)
		}
	}
}

// What is not written so is not read so: encoding/json is to have a look at it.
func TestScan_Declined(t *testing.T) {
	for _, row := range []string{
		``, `{}`, `{`, `}`, `null`, `[]`, `{"tenant":"a"`, `{"tenant":"a"} `, ` {"tenant":"a"}`, `{"tenant":"a"}}`, `{"tenant":"a",}`,
		`{"tenant":"a" ,"server":"b"}`, `{"tenant":"\u00e4"}`, `{"tenant":"ä"}`, "{\"tenant\":\"\x7f\"}", "{\"tenant\":\"\n\"}",
		`{"tenant":["/w=="]}`, `{"tenant":null}`, `{"tenant":"a}`, `{"TENANT":"a"}`, `{"other":1}`, `{"recorded":false}`,
		`{"recorded":truth}`, `{"peak":1.0}`, `{"peak":01}`, `{"peak":+1}`, `{"peak":1e2}`, `{"peak":9223372036854775808}`,
		`{"peak":""}`, `{"peak":}`, `{"peak":-}`, `{"start":"2026-01-05"}`, `{"start":5}`, `{"why":[]}`, `{"why":{}}`,
		`{"why":[0,0,0,0,"",0,""]}`, `{"why":[0,0,0,0,"",0,"",0,0]}`, `{"why":[0,.5,0,0,"",0,"",0]}`, `{"why":[0,5.,0,0,"",0,"",0]}`,
		`{"why":[0,00,0,0,"",0,"",0]}`, `{"why":[0,1e,0,0,"",0,"",0]}`, `{"why":[0,1e999,0,0,"",0,"",0]}`, `{"why":[0,inf,0,0,"",0,"",0]}`,
		`{"why":[0,0x1p4,0,0,"",0,"",0]}`, `{"why":[0,1_0,0,0,"",0,"",0]}`,
	} {
		if got, ok := rows.ScanSession([]byte(row)); ok {
			t.Errorf("%s was read: %+v", row, got)
		}
	}
}

// Whatever is read fast is what encoding/json reads.
func FuzzScan(f *testing.F) {
	for _, s := range plainSessions()[:8] {
		row, err := rows.Sessions.Encode(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(row)
	}
	f.Add([]byte(`{"why":[1,-0,0.5e-3,1E+2,"x",0,"y",12.25],"peak":-0,"peak":3,"end":"2026-01-05T08:00:00.1+01:00"}`))
	f.Fuzz(func(t *testing.T, row []byte) {
		fast, ok := rows.ScanSession(row)
		if !ok {
			return
		}
		slow, err := rows.UnmarshalSession(row)
		if diff := cmp.Diff(slow, fast); err != nil || diff != "" {
			t.Errorf("%q: %v (-slow +fast):\n%s", row, err, diff)
		}
	})
}

// BenchmarkScan states what a row costs by encoding/json, and what it costs without.
func BenchmarkScan(b *testing.B) {
	row, err := rows.Sessions.Encode(pastSession(1))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("reference=encoding-json", func(b *testing.B) {
		for b.Loop() {
			if _, err := rows.UnmarshalSession(row); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			if _, ok := rows.ScanSession(row); !ok {
				b.Fatal("not read")
			}
		}
	})
}

// pastSession is the i-th meeting to end. Each room has one of them in every forty thousand.
func pastSession(i int) store.Session {
	room := i % 400
	random := rand.New(rand.NewPCG(uint64(i), 0))
	end := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC).Add(time.Duration(i)*11*time.Second + time.Duration(random.IntN(1e9)))
	return store.Session{
		ID: fmt.Sprintf("%016x%024x-%d", uint64(i+1)*0x9e3779b97f4a7c15, i, end.UnixMilli()), Tenant: "default",
		Server: fmt.Sprint("bbb", i%60), Start: end.Add(-time.Duration(random.IntN(2 * 3600e9))), End: end,
		Peak: random.IntN(90), Joins: random.IntN(120), Reason: "ended", Recorded: i%3 == 0,
		Meeting: fmt.Sprintf("%032x", uint64(room+1)*0x9e3779b97f4a7c15), Hint: i % 2 * 30,
		Why: store.Decision{
			Here: random.IntN(300), Expected: 100 * random.Float64(), Kept: float64(i % 5 * 20), Own: 60 * random.Float64(),
			Basis: "history", Weight: 1, Next: fmt.Sprint("bbb", (i+1)%60), NextAt: 500 * random.Float64(),
		},
	}
}
