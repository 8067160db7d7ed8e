package roster

import (
	"slices"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Any host has a name that can be an ID.
func TestDeriveID(t *testing.T) {
	for host, want := range map[string]string{
		"BBB1.Example.ORG": "bbb1.example.org", "[::1]:8080": "1", "-_.": "server", "ümlaut.example": "mlaut.example",
		strings.Repeat("a", 100): strings.Repeat("a", 64), "taken": "taken-3",
		strings.Repeat("b", 64): strings.Repeat("b", 62) + "-2",
	} {
		taken := map[string]bool{"taken": true, "taken-2": true, strings.Repeat("b", 64): true}
		if got := deriveID("https://"+host+"/bigbluebutton/api", taken); got != want {
			t.Errorf("%s became %q, want %q", host, got, want)
		}
	}
}

// All that is wrong with a record is said at once, each with what is wanted, at the very limits.
func TestNewRecord(t *testing.T) {
	f := func(f float64) *float64 { return &f }
	good := func(change func(*v1.NewServer)) v1.NewServer {
		n := v1.NewServer{ID: "a", URL: "https://a", Secret: "s"}
		change(&n)
		return n
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		asked v1.NewServer
		wrong []string // what each mistake begins with
	}{
		"least":          {good(func(*v1.NewServer) {}), nil},
		"without ID":     {good(func(n *v1.NewServer) { n.ID = "" }), nil},
		"longest ID":     {good(func(n *v1.NewServer) { n.ID = long(64) }), nil},
		"too long an ID": {good(func(n *v1.NewServer) { n.ID = long(65) }), []string{"id: want"}},
		"capital ID":     {good(func(n *v1.NewServer) { n.ID = "A" }), []string{"id: want"}},
		"dotted ID":      {good(func(n *v1.NewServer) { n.ID = ".a" }), []string{"id: want"}},
		"heaviest":       {good(func(n *v1.NewServer) { n.Weight = f(1e6) }), nil},
		"too heavy":      {good(func(n *v1.NewServer) { n.Weight = f(1e6 + 1) }), []string{"weight: want a number above 0, at most 1e+06"}},
		"without weight": {good(func(n *v1.NewServer) { n.Weight = f(0) }), []string{"weight: want"}},
		"largest":        {good(func(n *v1.NewServer) { n.Capacity, n.Hard = 1_000_000, true }), nil},
		"too large":      {good(func(n *v1.NewServer) { n.Capacity = 1_000_001 }), []string{"capacity: want"}},
		"below nothing":  {good(func(n *v1.NewServer) { n.Capacity = -1 }), []string{"capacity: want"}},
		"hard for none":  {good(func(n *v1.NewServer) { n.Hard = true }), []string{"hard: want a capacity above 0"}},
		"longest tag":    {good(func(n *v1.NewServer) { n.Tag = long(100) }), nil},
		"too long a tag": {good(func(n *v1.NewServer) { n.Tag = long(101) }), []string{"tag: want up to 100 bytes"}},
		"two tags":       {good(func(n *v1.NewServer) { n.Tag = "a;b" }), []string{"tag: want"}},
		"a strict tag":   {good(func(n *v1.NewServer) { n.Tag = "a!" }), []string{"tag: want"}},
		"no tag":         {good(func(n *v1.NewServer) { n.Tag = " none " }), []string{"tag: want"}},
		"blank secret":   {good(func(n *v1.NewServer) { n.Secret = " \t" }), []string{"secret: missing"}},
		"longest secret": {good(func(n *v1.NewServer) { n.Secret = v1.Secret(long(1000)) }), nil},
		"too long":       {good(func(n *v1.NewServer) { n.Secret = v1.Secret(long(1001)) }), []string{"secret: missing"}},
		"lines":          {good(func(n *v1.NewServer) { n.Secret = "a\nb" }), []string{"secret: missing"}},
		"a long way":     {good(func(n *v1.NewServer) { n.URL = "https://a/" + long(v1.MaxURL) }), []string{"url: want up to 1000 bytes"}},
		"another scheme": {good(func(n *v1.NewServer) { n.URL = "ftp://a" }), []string{"url: "}},
		"all at once": {
			v1.NewServer{ID: "?", Weight: f(-1), Capacity: -1, Tag: "!"}, []string{"url: ", "secret: ", "weight: ", "capacity: ", "tag: ", "id: "},
		},
	} {
		_, err := newRecord(test.asked, then)
		var mistakes []string
		if err != nil {
			mistakes = strings.Split(err.Error(), "; ")
		}
		// some texts have a semicolon in them
		mistakes = slices.DeleteFunc(mistakes, func(m string) bool { return strings.HasPrefix(m, "bbb-conf") })
		if !slices.EqualFunc(mistakes, test.wrong, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, mistakes, test.wrong)
		}
	}
}

// A server that moves to another machine was not tested there; one that gets another path or port name was.
func TestChanging_Admitted(t *testing.T) {
	for to, admitted := range map[string]bool{
		"https://a/bigbluebutton/api": true, "https://a/other/bigbluebutton/api": true, "http://a": true,
		"https://b": false, "https://a:8443": false,
	} {
		s := store.Server{ID: "a", URL: "https://a/bigbluebutton/api", Secret: "s", Weight: 1, Admitted: then}
		if err := changing(v1.Change{URL: &to})(&s); err != nil || s.Admitted.IsZero() == admitted {
			t.Errorf("to %s: %+v, %v", to, s, err)
		}
	}
	s := store.Server{Hard: true, Capacity: 5}
	none := 0
	if err := changing(v1.Change{Capacity: &none})(&s); err == nil || !strings.HasPrefix(err.Error(), "hard: want") {
		t.Errorf("a hard limit of none: %v", err)
	}
	if err := changing(v1.Change{})(&s); err != nil {
		t.Errorf("nothing was changed: %v", err)
	}
}
