package wire_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement/wire"
)

type thing struct {
	Name, InternalID string
	Old              string `wire:"older_name"`
	Count            int
	Share            float64
	Names            []string
	Data             []byte
	Next             *thing
	At               time.Time
}

// A value is written under the names of its fields, without what is zero, and read again in the zone of the reader.
func TestCodec(t *testing.T) {
	codec := wire.New(map[string]any{"thing": thing{}})
	zone := time.FixedZone("", 7200)
	at := time.Date(2026, 1, 5, 8, 0, 0, 1, zone)
	for _, test := range []struct {
		value thing
		frame string
	}{
		{thing{}, `{"kind":"thing"}`},
		{
			thing{Name: "a\n<b>", InternalID: "\xff\x00", Old: "o", Count: -3, Share: 0.1, Names: []string{"x", ""}, Data: []byte{1, 2}},
			`{"kind":"thing","name":"a\n\u003cb\u003e","internal_id":["/wA="],"older_name":"o","count":-3,"share":0.1,"names":["x",""],"data":"AQI="}`,
		},
		{thing{Next: &thing{Count: 1}, At: at}, `{"kind":"thing","next":{"count":1},"at":"2026-01-05T06:00:00.000000001Z"}`},
		{thing{At: at.AddDate(9000, 0, 0)}, `{"kind":"thing","at":"0001-01-01T00:00:00Z"}`}, // JSON has no such time
	} {
		frame, err := codec.Encode(test.value)
		if err != nil || string(frame) != test.frame {
			t.Errorf("written: %s, %v, want %s", frame, err, test.frame)
		}
		got, err := codec.Decode(frame, zone)
		if want := test.value; err != nil || want.At.Year() < 9999 && !reflect.DeepEqual(got, want) {
			t.Errorf("read: %+v, %v, want %+v", got, err, want)
		}
	}
	if _, err := codec.Encode(struct{}{}); err == nil {
		t.Error("a value that has no kind was written")
	}
	if _, err := codec.Decode([]byte(`{"kind":"other"}`), zone); !errors.Is(err, wire.ErrUnknown) {
		t.Errorf("a kind that is not known: %v", err)
	}
}

// A type that no frame can have is a mistake that shows at the first start.
func TestNew_Unwritable(t *testing.T) {
	for _, value := range []any{
		struct{ M map[string]int }{}, struct{ F func() }{}, struct{ A [2]int }{}, struct{ E error }{}, struct{ hidden int }{1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T was taken", value)
				}
			}()
			wire.New(map[string]any{"kind": value})
		}()
	}
}

// What is too long for a frame comes in as many as it needs, and is whole again with the last.
func TestSplit(t *testing.T) {
	for _, size := range []int{0, 1, wire.Max, wire.Max + 1, 3 * wire.Max} {
		frame := bytes.Repeat([]byte("x"), size)
		var parts wire.Parts
		var whole []byte
		list := wire.Split(frame)
		for i, one := range list {
			got, err := parts.Add(one)
			if err != nil || len(one) > wire.Max || (got != nil) != (i == len(list)-1) && size > 0 {
				t.Fatalf("%d bytes, part %d of %d bytes: %v", size, i, len(one), err)
			}
			whole = got
		}
		if !bytes.Equal(whole, frame) {
			t.Errorf("%d bytes were %d", size, len(whole))
		}
	}
}
