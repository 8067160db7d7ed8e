// Package catalogue knows the parameters of BigBlueButton's create and join: their names and what kind of value each one
// takes, of release 3.0 and, where they differ, 4.0. It never touches a call: it tells whoever writes a rule about one
// that a name or a value is none that servers know.
//
// # Design
//
// What is not known is told of, and never refused here: the next release may have it, and a pool must not have to wait for a
// new bbbpool to use it. A value of the wrong kind is refused, for no release takes it. The tables are part of the program,
// and not asked of servers, since these do not tell.
package catalogue

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The calls whose parameters are known.
const (
	Create = "create"
	Join   = "join"
)

// Kind is what the value of a parameter is.
type Kind string

// The kinds of values.
const (
	Boolean Kind = "boolean" // true or false
	Number  Kind = "number"  // whole, and not negative
	Text    Kind = "text"
	Enum    Kind = "enum" // one of some
	List    Kind = "list" // separated by commas
	JSON    Kind = "JSON"
	URL     Kind = "URL" // of HTTP, or a path on the server
)

// Parameter is what is known of one.
type Parameter struct {
	Name   string
	Kind   Kind
	Values []string // of an enum or a list: those that are known
	Open   bool     // releases differ in these values, so that others may be right, too
	Fold   bool     // upper and lower case of the values are the same
	Free   bool     // front ends make it up, and what is in it
}

// Of returns what is known of a parameter of a call, and whether anything is.
func Of(call, name string) (Parameter, bool) {
	if i, ok := slices.BinarySearchFunc(tables[call], name, byName); ok {
		return tables[call][i], true
	}
	for _, f := range families[call] {
		if strings.HasPrefix(name, f.prefix) {
			p := Parameter{Name: name, Kind: Text, Free: true}
			return p, f.form.MatchString(name) && !strings.HasPrefix(name, f.own)
		}
	}
	return Parameter{Name: name, Kind: Text}, false
}

// Check tells what servers would make of a value: an error where it is none that the parameter can have, and unknown where
// the name, or a value of a list or an open enum, is in no release that is known here.
func Check(call, name, value string) (unknown bool, err error) {
	if err := CheckName(call, name); err != nil {
		return false, err
	}
	p, known := Of(call, name)
	fits, err := p.check(value)
	return !known || !fits, err
}

// CheckName tells whether servers would drop a parameter for the form of its name.
func CheckName(call, name string) error {
	for _, f := range families[call] {
		if strings.HasPrefix(name, f.prefix) && !f.form.MatchString(name) {
			return fmt.Errorf("%s: servers drop such a name; want %s", name, f.want)
		}
	}
	return nil
}

// check tells whether a value is of the parameter's kind, and whether it is a known one.
func (p Parameter) check(value string) (known bool, err error) {
	ok := true
	switch p.Kind {
	case Boolean:
		ok = strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
	case Number:
		n, wrong := strconv.ParseUint(value, 10, 63)
		ok = wrong == nil && (n <= math.MaxInt32 || p.Name == "createTime") // servers count in 32 bits
	case Enum:
		if known = p.has(value); !known && !p.Open {
			return false, fmt.Errorf("%s=%s: want one of %s", p.Name, value, strings.Join(p.Values, ", "))
		}
		return known, nil
	case List:
		return p.hasAll(value), nil
	case JSON:
		ok = json.Valid([]byte(value))
	case URL:
		ok = value == "" || isURL(value)
	case Text:
	}
	if !ok {
		return true, fmt.Errorf("%s=%s: want %s", p.Name, short(value), wants[p.Kind])
	}
	return true, nil
}

// wants say what is wanted of a kind.
var wants = map[Kind]string{
	Boolean: "true or false", Number: "a whole number, 0 or more, as 90", JSON: "JSON",
	URL: "an address as https://www.example.edu/logo.png, or a path on the server that begins with /",
}

// short keeps a value that somebody got wrong from filling the screen.
func short(value string) string {
	if len(value) > 60 {
		return strings.ToValidUTF8(value[:60], "") + "…"
	}
	return value
}

func (p Parameter) has(value string) bool {
	return slices.ContainsFunc(p.Values, func(known string) bool {
		return known == value || p.Fold && strings.EqualFold(known, value)
	})
}

// hasAll tells whether all values of a list are known. Of a list without known values all are.
func (p Parameter) hasAll(value string) bool {
	return len(p.Values) == 0 || !slices.ContainsFunc(Split(value), func(item string) bool { return !p.has(item) })
}

// Split reads a list: its values, as [Items] has them.
func Split(value string) []string { return slices.Collect(Items(value)) }

// Items walks a list: its values without blanks around them, none empty, and without the brackets that some are sent in.
// Brackets around a value go too, wherever it stands, so that what was read is read alike again.
func Items(value string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimFunc(item, around); item != "" && !yield(item) {
				return
			}
		}
	}
}

func around(c rune) bool { return c == '[' || c == ']' || unicode.IsSpace(c) }

// tokens are what servers put values in the place of, in addresses; no parser of addresses would take them.
var tokens = strings.NewReplacer("%%MEETINGID%%", "x", "%%USERID%%", "x", "%%USERNAME%%", "x")

func isURL(value string) bool {
	u, err := url.Parse(tokens.Replace(value))
	if err != nil {
		return false
	}
	if u.Scheme == "" && u.Host == "" {
		return strings.HasPrefix(u.Path, "/")
	}
	return (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
}

// family are parameters whose names begin alike and are made up by front ends.
type family struct {
	prefix string
	form   *regexp.Regexp // of the whole name
	want   string
	own    string // begins those that are BigBlueButton's own, and in the table if they are any
}

// noOwn begins no name.
const noOwn = "-"

var families = map[string][]family{
	Create: {
		{"meta_", regexp.MustCompile(`^meta_[A-Za-z][A-Za-z0-9-]*$`), "letters, digits and - behind meta_", noOwn},
		{"plugin_", regexp.MustCompile(`^plugin_[A-Za-z][A-Za-z0-9_-]*$`), "letters, digits, - and _ behind plugin_", noOwn},
	},
	Join: {
		{"userdata-", regexp.MustCompile(`^userdata-[^-]+$`), "a name without - behind userdata-", "userdata-bbb_"},
	},
}
