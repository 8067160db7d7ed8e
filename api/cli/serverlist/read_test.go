package serverlist_test

import (
	"math"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/serverlist"
)

const listed = `# as servers:yaml prints it
servers:
  BBB1.example:
    secret: s3cret-one
  bbb2.example:
    secret: "0123"
    url: http://10.0.0.2/bigbluebutton/api
    enabled: no
    load_multiplier: 0.5
    tag: big
    load: -1.0
    state: enabled
    bbb_version: [whatever]
    online: true
  1234:
    {secret: 77, url: ~, enabled: ~, load_multiplier: ~, tag: ~}
`

// A list that Scalelite takes is taken, in the pool's own terms.
func TestRead(t *testing.T) {
	got, err := serverlist.Read(strings.NewReader(listed))
	if err != nil {
		t.Fatal(err)
	}
	want := []v1.SyncServer{
		{ID: "bbb1.example", URL: "https://bbb1.example/bigbluebutton/api", Secret: "s3cret-one", Enabled: true, Weight: 1},
		{ID: "bbb2.example", URL: "http://10.0.0.2/bigbluebutton/api", Secret: "0123", Weight: 2, Tag: "big"},
		{ID: "1234", URL: "https://1234/bigbluebutton/api", Secret: "77", Enabled: true, Weight: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := serverlist.Read(strings.NewReader("servers: {}")); err != nil || got == nil || len(got) != 0 {
		t.Errorf("none: %v %v", got, err)
	}
}

// What is wrong with a list is said with its line, and without its secrets.
func TestRead_Wrong(t *testing.T) {
	tests := map[string]string{
		"":                                       `there is no "servers" in it`,
		"# nothing":                              `there is no "servers" in it`,
		"{}":                                     `there is no "servers" in it`,
		"servers:":                               `line 1: "servers": want names`,
		"- a":                                    `line 1: the file: want names`,
		"servers: {}\n---\nservers: {}":          "another document",
		"servers: {}\n---\n\t}":                  "no YAML",
		"servers: {}\nserver: {}":                `line 2: "server" is unknown here`,
		"servers: {}\nservers: {}":               `line 2: "servers" is in line 1 already`,
		"servers:\n  a: {secret: hidden\n\tx: 1": "no YAML: ",
		"servers:\n  a: {secret: *hidden}":       "no YAML: unknown anchor referenced",
		"servers:\n  a b: {secret: hidden}":      `line 2: this server: want an ID of up to 64`,
		"servers:\n  -a: {secret: hidden}":       `line 2: this server: want an ID of up to 64`,
		"servers:\n  a:":                         `line 2: server "a": want names`,
		"servers:\n  a: {}":                      `line 2: server "a": the secret is missing`,
		"servers:\n  a: {secret: }":              `line 2: server "a": the secret is missing`,
		"servers:\n  a: {secret: ''}":            `line 2: server "a": the secret is missing`,
		"servers:\n  a: {secret: [hidden]}":      `line 2: "secret": want a single value`,
		"servers:\n  a:\n    secret: hidden\n    weight: 2":        `line 4: "weight" is unknown: there are secret,`,
		"servers:\n  a:\n    secret: hidden\n    secret: x":        `line 4: "secret" is in line 3 already`,
		"servers:\n  a: {secret: hidden, url: ftp://a}":            `line 2: "url": want an address`,
		"servers:\n  a: {secret: hidden, enabled: maybe}":          `line 2: "enabled": want true or false`,
		"servers:\n  a: {secret: hidden, load_multiplier: 0}":      `line 2: "load_multiplier": want a number above 0`,
		"servers:\n  a: {secret: hidden, load_multiplier: -1}":     `line 2: "load_multiplier": want a number above 0`,
		"servers:\n  a: {secret: hidden, load_multiplier: .nan}":   `line 2: "load_multiplier": want a number above 0`,
		"servers:\n  a: {secret: hidden, load_multiplier: nan}":    `line 2: "load_multiplier": want a number above 0`,
		"servers:\n  a: {secret: hidden, load_multiplier: inf}":    `line 2: "load_multiplier": want a number above 0`,
		"servers:\n  a: {secret: hidden, load_multiplier: 1e-320}": `line 2: "load_multiplier": want a number above 0`,
		"servers:\n  a: {secret: hidden, load_multiplier: big}":    `line 2: "load_multiplier": want a number above 0`,
		"servers:\n  a: {secret: hidden}\n  A: {secret: hidden}":   `line 3: server "A" is the one in line 2: capital letters`,
		"servers:\n  a: &x {secret: hidden}\n  b: *x":              `line 3: "b": aliases are not read`,
		"servers:\n  a: &x {secret: hidden}\n  b: {<<: *x}":        `line 3: this name: aliases are not read`,
		"servers:\n  ? [a]\n  : {secret: hidden}":                  `line 2: want a name`,
		"servers:\n  a: {secret:hidden}":                           `line 2: this name is unknown: there are secret,`,
		"servers:\n  a: {secrethidden: x}":                         `line 2: this name is unknown`,
		"servers:\n  a: {hidden}":                                  `line 2: this name is unknown`,
		"servers:\n  a: {hidden7: x}":                              `line 2: this name is unknown`,
		"servers:\n  a: {s: 1, s: 2}":                              `line 2: "s" is in line 2 already`,
		"servers:\n  a: {hidden7: 1, hidden7: 2}":                  `line 2: this name is in line 2 already`,
		"servers:\n  secret:hidden:":                               `line 2: this server: want an ID`,
		"servers:\n  secrethidden: {}":                             `line 2: this server: the secret is missing`,
		"servers: {hidden7hidden7hidden7hidden7hidden7hidden7: }":  `line 1: this server: want names`,
		"secret:hidden: x":                                         `line 1: this name is unknown here`,
		strings.Repeat("# and so on\n", 50_000):                    "larger than 512.0 KiB",
	}
	for text, want := range tests {
		got, err := serverlist.Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%.60q: %v, %v; want %s", text, got, err, want)
		}
	}
}

// Whatever a list is, what comes of it can be asked of a pool, and no ID is there twice.
func FuzzRead(f *testing.F) {
	f.Add(listed)
	f.Add("servers: {a: {secret: s, load_multiplier: 3}}")
	f.Add("a: &a [*a, *a]\nservers: *a")
	f.Add("%YAML 1.1\n---\nservers: !!map {? a : !!str b}")
	id := regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := serverlist.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, s := range list {
			if !id.MatchString(s.ID) || seen[s.ID] || s.Secret == "" || !(s.Weight > 0) || math.IsInf(s.Weight, 0) ||
				!strings.HasPrefix(s.URL, "http") {
				t.Fatalf("%q became %+v", text, s)
			}
			seen[s.ID] = true
			if _, err := url.Parse("https://" + s.ID + "/bigbluebutton/api"); err != nil {
				t.Fatal(err)
			}
		}
	})
}
