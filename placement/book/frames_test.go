package book_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/placement/settings"
	"github.com/bbbpool/bbbpool/placement/wire"
	"github.com/bbbpool/bbbpool/store"
)

var update = flag.Bool("update", false, "write the golden files")

// kinds is an empty change of each kind.
func kinds() []book.Change {
	return []book.Change{
		book.ServerSet{},
		book.ServerRemoved{},
		book.ClaimLoaded{},
		book.CreateBegun{},
		book.CreateOver{},
		book.ClaimPlaced{},
		book.ClaimTakenBack{},
		book.ClaimConfirmed{},
		book.ClaimRedated{},
		book.ClaimClosed{},
		book.ClaimAdopted{},
		book.MeetingEnded{},
		book.EndingOwed{},
		book.EndingForgotten{},
		book.JoinSent{},
		book.PollBegun{},
		book.PollSeen{},
		book.SeatsLooked{},
		book.SeatHeld{},
		book.SessionLearnt{},
		book.HistoryShortened{},
		book.HourRecalled{},
		book.HistoryEmptied{},
		book.ClaimMarked{},
		book.Begun{},
		book.ServersKept{},
		book.TenantsKept{},
		book.MeetingsKept{},
		book.ClosingsKept{},
		book.EndingsKept{},
		book.SeatsKept{},
		book.HistoryKept{},
		book.Whole{},
	}
}

var (
	berlin = time.FixedZone("Berlin", 3600)
	moment = time.Date(2026, 1, 5, 9, 15, 0, 123456789, berlin)
)

// filler fills values of any type, so that no field is zero and no two are alike.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(moment.Add(time.Duration(f.n) * time.Minute)))
			return
		}
		for _, field := range v.Fields() {
			f.fill(field)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.fill(v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d\"ä", f.n))
		if f.n%5 == 0 {
			v.SetString(fmt.Sprintf("s%d\xff", f.n)) // no UTF-8
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(f.n % 200))
	case reflect.Uint64:
		v.SetUint(math.MaxUint64 - uint64(f.n))
	default:
		v.SetInt(int64(f.n))
	}
}

// filled is a change of each kind with something in every field. What rows write as plain text is plain.
func filled() (list []book.Change) {
	for _, c := range kinds() {
		v := reflect.New(reflect.TypeOf(c)).Elem()
		(&filler{}).fill(v)
		plain(v)
		list = append(list, v.Interface().(book.Change))
	}
	return list
}

// plain gives records the ID of a server that can be one.
func plain(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if t := v.Type(); (t == reflect.TypeFor[store.Claim]() || t == reflect.TypeFor[store.Session]()) && t.Field(i).Name == "Server" {
				f.SetString("bbb-1")
			} else if v.Type() != reflect.TypeFor[time.Time]() {
				plain(f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			plain(v.Index(i))
		}
	case reflect.Pointer:
		plain(v.Elem())
	default:
	}
}

// Every type that changes a book has a kind, so that others can hear of it.
func TestEncode_EveryChange(t *testing.T) {
	known := map[string]bool{}
	for _, c := range kinds() {
		known[reflect.TypeOf(c).Name()] = true
		if _, err := book.Encode(c); err != nil {
			t.Error(err)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "apply" || f.Recv == nil {
				continue
			}
			if name, ok := f.Recv.List[0].Type.(*ast.Ident); ok && !known[name.Name] {
				t.Errorf("%s: %s is in no frame", file, name.Name)
			}
		}
	}
}

// Changes are what they were when they have arrived, to the last bit and byte, and in the zone of whoever reads them. How they
// are written must not change: instances of two versions talk to each other. After an intended change: go test -update.
func TestEncode(t *testing.T) {
	var all []byte
	for _, c := range filled() {
		frames, err := book.Encode(c)
		if err != nil || len(frames) != 1 {
			t.Fatal(len(frames), err)
		}
		all = append(append(all, frames[0]...), '\n')
		decoder := book.Frames{Zone: berlin}
		got, err := decoder.Decode(frames[0])
		if err != nil {
			t.Errorf("%T: %v", c, err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("%T (-sent +heard):\n%s", c, diff)
		}
		again, err := book.Encode(got)
		if err != nil || !bytes.Equal(again[0], frames[0]) {
			t.Errorf("%T written again: %v\n%s\n%s", c, err, frames[0], again[0])
		}
	}
	golden := filepath.Join("testdata", "frames.golden")
	if *update {
		if err := os.WriteFile(golden, all, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(all), "\n")); diff != "" {
		t.Errorf("frames (-before +now):\n%s", diff)
	}
}

// What somebody newer says is passed over; what is no frame is an error.
func TestFrames_Decode(t *testing.T) {
	for _, test := range []struct {
		name, frame string
		want        book.Change
		fails       bool
	}{
		{"a field of a newer version", `{"kind":"poll-begun","server":"a","how":{"x":[1]}}`, book.PollBegun{Server: "a"}, false},
		{"a field that is absent", `{"kind":"poll-begun"}`, book.PollBegun{}, false},
		{"a field that is null", `{"kind":"poll-begun","server":null}`, book.PollBegun{}, false},
		{"a kind of a newer version", `{"kind":"weather","server":"a"}`, nil, false},
		{"no kind", `{"server":"a"}`, nil, true},
		{"no object", `["poll-begun"]`, nil, true},
		{"nothing", ``, nil, true},
		{"a field of another type", `{"kind":"poll-begun","server":7}`, nil, true},
		{"a claim without a row", `{"kind":"claim-placed","claim":{"tenant":"t"}}`, nil, true},
		{"a number that is none", `{"kind":"seat-held","room":-1}`, nil, true},
		{"too long", `{"kind":"poll-begun","server":"` + strings.Repeat("a", wire.Max) + `"}`, nil, true},
		{"too many parts", `{"kind":"part","data":7}`, nil, true},
	} {
		decoder := book.Frames{Zone: time.UTC}
		got, err := decoder.Decode([]byte(test.frame))
		if (err != nil) != test.fails || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
}

// A frame that is too long for one arrives in parts, between which nothing else may come.
func TestFrames_Parts(t *testing.T) {
	poll := book.PollSeen{At: moment, Poll: book.Poll{Server: "a"}}
	for i := range 10_000 {
		poll.Poll.Meetings = append(poll.Poll.Meetings, book.Sighting{
			Key: store.MeetingKey{Tenant: "t", MeetingID: fmt.Sprint("m\xff", i)}, InternalID: fmt.Sprint(i), People: i,
		})
	}
	frames, err := book.Encode(poll)
	if err != nil || len(frames) < 2 {
		t.Fatal(len(frames), err)
	}
	decoder := book.Frames{Zone: berlin}
	for i, frame := range frames {
		got, err := decoder.Decode(frame)
		switch last := i == len(frames)-1; {
		case err != nil || len(frame) > wire.Max:
			t.Fatalf("%d bytes: %v", len(frame), err)
		case last && !cmp.Equal(got, book.Change(poll)), !last && got != nil:
			t.Errorf("part %d of %d is a whole one, or another", i, len(frames))
		}
	}
	_, first := decoder.Decode(frames[0])
	_, between := decoder.Decode([]byte(`{"kind":"poll-begun"}`))
	if first != nil || between == nil {
		t.Errorf("a frame between parts: %v, %v", first, between)
	}
}

// Whatever another process sends, it is read or refused, and changes a book that stays sound enough to be asked.
func FuzzFrames(f *testing.F) {
	for _, c := range append(filled(), kinds()...) {
		frames, err := book.Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frames[0])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := book.New(settings.Config{Sessions: 3, SeatMin: 50}, moment)
		b.Apply(book.ServerSet{Server: book.Server{ID: "bbb-1", Standing: rule.Open, Weight: 1}})
		decoder := book.Frames{Zone: berlin}
		for line := range bytes.Lines(data) {
			c, err := decoder.Decode(line)
			if err != nil {
				return
			}
			if c == nil {
				continue
			}
			b.Apply(c)
			if _, err := book.Encode(c); err != nil {
				t.Errorf("%+v cannot be written: %v", c, err)
			}
		}
		b.Consider(moment, store.MeetingKey{Tenant: "t", MeetingID: "m"}, 1, book.Wish{})
		b.KeepSeats(moment)
		for _, c := range b.Snapshot() {
			if _, err := book.Encode(c); err != nil {
				t.Errorf("%T of a snapshot: %v", c, err)
			}
		}
	})
}
