package bbb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

type pair struct{ Name, Value string }

func pairs(p bbb.Params) []pair {
	var out []pair
	for _, each := range p {
		out = append(out, pair{each.Name, each.Value})
	}
	return out
}

func params(t *testing.T, raw string) bbb.Params {
	t.Helper()
	p, err := bbb.ParseParams(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Parameters mean what they mean to BigBlueButton, and go on as they came: byte for byte where that is safe.
func TestParseParams(t *testing.T) {
	for _, test := range []struct {
		name, raw string
		want      []pair
		encoded   string
	}{
		{"empty", "", nil, ""},
		{"plus and %20", "a=x+y&b=x%20y", []pair{{"a", "x y"}, {"b", "x y"}}, "a=x+y&b=x%20y"},
		{"case of escapes", "a=%c3%BC&b=%3a", []pair{{"a", "ü"}, {"b", ":"}}, "a=%c3%BC&b=%3a"},
		{"raw UTF-8", "a=ü", []pair{{"a", "ü"}}, "a=%C3%BC"},
		{"needless escapes", "%61=%41!*'()~", []pair{{"a", "A!*'()~"}}, "%61=%41!*'()~"},
		{"brackets", "meetingID=[0]", []pair{{"meetingID", "[0]"}}, "meetingID=[0]"},
		{"semicolon", "a=1;b=2", []pair{{"a", "1;b=2"}}, "a=1;b=2"},
		{"equals sign", "a=b=c", []pair{{"a", "b=c"}}, "a=b=c"},
		{"empty and absent", "a=&b", []pair{{"a", ""}, {"b", ""}}, "a=&b"},
		{"empty parts", "&a=1&&b=2&", []pair{{"a", "1"}, {"b", "2"}}, "a=1&b=2"},
		{"no name", "=1&%20=2&a=3", []pair{{"a", "3"}}, "a=3"},
		{"duplicates", "a=1&b=2&a=3&%61=4", []pair{{"a", "1"}, {"b", "2"}}, "a=1&b=2"},
		{"case of names", "a=1&A=2", []pair{{"a", "1"}, {"A", "2"}}, "a=1&A=2"},
		{"checksum in disguise", "%63hecksum=x&a=1&+checksum=y&checksum", []pair{{"a", "1"}}, "a=1"},
		{"broken escapes", "a=100%&b=%zz&c=%4", []pair{{"a", "100%"}, {"b", "%zz"}, {"c", "%4"}}, "a=100%25&b=%25zz&c=%254"},
		{"control characters", "a=x%00y%0a&b=%C2%85z", []pair{{"a", "xy"}, {"b", "z"}}, "a=x%00y%0a&b=%C2%85z"},
		{"outer blanks", "a=+x+&b=%C2%A0y", []pair{{"a", "x"}, {"b", "\u00a0y"}}, "a=+x+&b=%C2%A0y"},
		{"not UTF-8", "a=x%ffy", []pair{{"a", "xy"}}, "a=xy"},
		{"bytes of a form", "a=x y\r\n&b=#c", []pair{{"a", "x y"}, {"b", "#c"}}, "a=x+y&b=%23c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := params(t, test.raw)
			if diff := cmp.Diff(test.want, pairs(p)); diff != "" {
				t.Error(diff)
			}
			if got := p.Encode(); got != test.encoded {
				t.Errorf("encoded: got %q, want %q", got, test.encoded)
			}
		})
	}
}

// A value that is changed is encoded anew, in its place; all others stay as they were.
func TestParams_Set(t *testing.T) {
	p := params(t, "a=%7e&b=+1&c=x")
	p.Set("b", "ü & ~*")
	p.Set("new name", "")
	if got, want := p.Encode(), "a=%7e&b=%C3%BC+%26+~%2A&c=x&new+name="; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !p.Has("new name") || p.Has("absent") || p.Get("absent") != "" || p.Get("b") != "ü & ~*" {
		t.Errorf("Has and Get disagree with %q", p.Encode())
	}
}

// Removing a parameter leaves copies of the list alone.
func TestParams_Del(t *testing.T) {
	p := params(t, "a=1&b=2&c=3")
	before := p
	p.Del("a")
	p.Del("absent")
	if got := p.Encode() + " " + before.Encode(); got != "b=2&c=3 a=1&b=2&c=3" {
		t.Errorf("got %q", got)
	}
}

// The number of parameters is bounded, and the worst that passes is read at once.
func TestParseParams_Limit(t *testing.T) {
	if p := params(t, strings.Repeat("a=1&", bbb.MaxParams-1)+"b=2"); len(p) != 2 {
		t.Errorf("got %d parameters, want 2", len(p))
	}
	_, err := bbb.ParseParams(strings.Repeat("a=1&", bbb.MaxParams))
	if failed, ok := errors.AsType[*bbb.Error](err); !ok || failed.Key != "validationError" {
		t.Errorf("got %v, want validationError", err)
	}
}
