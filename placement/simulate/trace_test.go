package simulate_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/placement/simulate"
)

const good = `{"id":"a","create":"2026-05-19T08:00:00Z","end":"2026-05-19T09:00:00Z","users":[[0,1],[60,5]]}` + "\n"

func TestRead(t *testing.T) {
	f, err := os.Open("testdata/tiny.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	trace, err := simulate.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(trace) != 10 || trace[7].Hint != 120 || trace[7].Peak() != 84 || !trace[8].Breakout || trace[3].Tenant != "rooms" {
		t.Errorf("read %+v", trace)
	}
	var out bytes.Buffer
	w := simulate.NewWriter(&out)
	for _, m := range trace {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/tiny.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("written again: (-want +got)\n%s", diff)
	}
}

// A line that is wrong is named, with what is wrong with it.
func TestRead_Errors(t *testing.T) {
	line := func(old, replacement string) string { return good + strings.Replace(good, old, replacement, 1) }
	for _, c := range []struct{ name, trace, want string }{
		{"nothing", "", "no meeting in it"},
		{"empty line", good + "\n" + good, "line 2: empty"},
		{"no JSON", good + "hello\n", "line 2: invalid character"},
		{"cut off", good + `{"id":"a"`, "line 2: unexpected EOF"},
		{"two objects", good + good[:len(good)-1] + " {}", "line 2: something follows"},
		{"unknown field", line(`"id"`, `"people":3,"id"`), `line 2: json: unknown field "people"`},
		{"no ID", line(`"a"`, `""`), `line 2: no "id"`},
		{"long ID", line(`"a"`, `"`+strings.Repeat("a", 1025)+`"`), `line 2: "id" has 1025 bytes, more than 1024`},
		{"long tenant", line(`"id"`, `"tenant":"`+strings.Repeat("a", 1025)+`","id"`), `line 2: "tenant" has 1025 bytes`},
		{"zero byte", line(`"id"`, `"tenant":"\u0000","id"`), `line 2: "tenant" has a zero byte`},
		{"hint", line(`"id"`, `"hint":-1,"id"`), `line 2: "hint" is -1, want 0 to 100000`},
		{"no create", line(`"create":"2026-05-19T08:00:00Z",`, ""), `line 2: "create" is missing`},
		{"time", line("2026-05-19T08:00:00Z", "8:00"), "line 2: parsing time"},
		{"end before create", line("09:00:00Z", "07:00:00Z"), `line 2: "end" is -1h0m0s after "create"`},
		{"endless", line(`"end":"2026`, `"end":"2027`), "and at most 168h0m0s"},
		{"not a pair", line("[0,1]", "[0]"), "line 2: 1 numbers in users where a pair"},
		{"three numbers", line("[0,1]", "[0,1,2]"), "line 2: 3 numbers"},
		{"no numbers", line("[0,1]", `"x"`), "line 2: json: cannot unmarshal string"},
		{"order", line("[60,5]", "[0,5]"), `line 2: count 2 of "users" is at 0 s, not after the one before`},
		{"negative time", line("[0,1]", "[-5,1]"), `line 2: count 1 of "users" is at -5 s`},
		{"after the end", line("[60,5]", "[3601,5]"), `line 2: count 2 of "users" is at 3601 s, after the end at 3600 s`},
		{"negative", line("[60,5]", "[60,-5]"), `line 2: count 2 of "users" has -5 people, want 0 to 100000`},
		{"many", line("[60,5]", "[60,100001]"), `count 2 of "users" has 100001 people`},
		{"too long", good + strings.Repeat("x", 1<<20+1), "line 2: longer than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := simulate.Read(strings.NewReader(c.trace)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestRead_Counts(t *testing.T) {
	var users strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&users, ",[%d,1]", i)
	}
	line := strings.Replace(good, "[0,1],[60,5]", users.String()[1:], 1)
	if _, err := simulate.Read(strings.NewReader(line)); err == nil || !strings.Contains(err.Error(), "more than 10000") {
		t.Errorf("got %v", err)
	}
}

func TestRead_Broken(t *testing.T) {
	broken := errors.New("broken pipe")
	if _, err := simulate.Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestWriter_Invalid(t *testing.T) {
	var out bytes.Buffer
	if err := simulate.NewWriter(&out).Write(simulate.Meeting{ID: "a"}); err == nil || out.Len() > 0 {
		t.Errorf("got error %v, and %q", err, out.String())
	}
}

// What Read takes is written as it was, and can be replayed: nobody is lost, whatever happens.
func FuzzRead(f *testing.F) {
	tiny, err := os.ReadFile("testdata/tiny.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(tiny)
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, b []byte) {
		trace, err := simulate.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		w := simulate.NewWriter(&out)
		people := 0
		for _, m := range trace {
			if err := w.Write(m); err != nil {
				t.Fatalf("write what was read: %v", err)
			}
			for _, c := range m.Users {
				people += c.People
			}
		}
		again, err := simulate.Read(&out)
		if err != nil {
			t.Fatalf("read what was written: %v", err)
		}
		if len(again) != len(trace) || !slices.Equal(trace[0].Users, again[0].Users) {
			t.Errorf("read %v, then %v", trace, again)
		}
		if people > 1000 || len(trace) > 20 {
			return
		}
		o := options()
		o.Trace, o.Generate, o.Rules, o.Fail = "-", nil, []string{"c3", "scalelite"}, []string{"fullest@10:20"}
		_, err = simulate.Run(t.Context(), o, bytes.NewReader(b), nil)
		if err != nil && strings.Contains(err.Error(), "simulation is wrong") {
			t.Error(err)
		}
	})
}
