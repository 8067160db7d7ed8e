package serverlist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// maxServerFile is how many bytes a list of servers may have: enough for some thousands of them.
const maxServerFile = 512 << 10

// listedID is an ID as Scalelite has them, within what a pool takes.
var listedID = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`)

// Read reads a list of servers in YAML, as Scalelite's servers:sync has it. IDs become lower case, as all of a
// pool's are. An error names the first line that is wrong, and never what may be a secret.
func Read(r io.Reader) ([]v1.SyncServer, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxServerFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxServerFile {
		return nil, fmt.Errorf("it is larger than %s, which no list of servers is", terminal.Size(maxServerFile))
	}
	top, err := document(text)
	if err != nil {
		return nil, err
	}
	list := []v1.SyncServer{}
	lines := map[string]int{} // of the IDs
	for _, e := range top {
		if e.key != keyServers {
			return nil, e.wrong("%s is unknown here: there is nothing but \"servers\"", e.name)
		}
		servers, err := e.entries()
		if err != nil {
			return nil, err
		}
		for _, of := range servers {
			s, err := of.read()
			if err != nil {
				return nil, err
			}
			if line := lines[s.ID]; line > 0 {
				return nil, of.wrong("%s is the one in line %d: capital letters make no difference in a pool", of.server(), line)
			}
			lines[s.ID], list = of.line, append(list, s)
		}
	}
	if len(top) == 0 {
		return nil, errNoServers
	}
	return list, nil
}

var errNoServers = errors.New(`there is no "servers" in it; {servers: {}} is a list without any`)

// document returns what the only document in a text has.
func document(text []byte) ([]entry, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	err := d.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errNoServers
	case err != nil:
		return nil, notYAML(err)
	}
	switch err := d.Decode(&more); {
	case err == nil:
		return nil, fmt.Errorf("line %d: another document begins, and only one is read", more.Line)
	case !errors.Is(err, io.EOF):
		return nil, notYAML(err)
	}
	return entry{name: "the file", line: doc.Line, value: doc.Content[0]}.entries()
}

// quoted is what an error repeats of the text, which may be a secret.
var quoted = regexp.MustCompile("(?s)['`\"].*['`\"] ?")

func notYAML(err error) error {
	return fmt.Errorf("no YAML: %s", quoted.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), ""))
}

// entry is a name and its value.
type entry struct {
	key   string
	name  string // what errors call it
	line  int
	value *yaml.Node
}

func (e entry) wrong(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", e.line, fmt.Sprintf(format, args...))
}

// entries returns what is below a name. The aliases and merges of YAML are not read, as Scalelite does not.
func (e entry) entries() (list []entry, err error) {
	if e.value.Kind != yaml.MappingNode {
		return nil, e.wrong("%s: want names with values below it", e.name)
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(e.value.Content); i += 2 {
		name, value := e.value.Content[i], e.value.Content[i+1]
		below := entry{key: name.Value, name: called(name.Value, value), line: name.Line, value: value}
		switch {
		case name.Kind != yaml.ScalarNode:
			return nil, below.wrong("want a name")
		case value.Kind == yaml.AliasNode:
			return nil, below.wrong("%s: aliases are not read, write it out", below.name)
		case lines[below.key] > 0:
			return nil, below.wrong("%s is in line %d already", below.name, lines[below.key])
		}
		lines[below.key], list = below.line, append(list, below)
	}
	return list, nil
}

const (
	keyServers    = "servers"
	keySecret     = "secret"
	keyURL        = "url"
	keyEnabled    = "enabled"
	keyMultiplier = "load_multiplier"
	keyTag        = "tag"
	keyFormer     = "former_secret" // ours alone
)

var keys = []string{keyServers, keySecret, keyURL, keyEnabled, keyMultiplier, keyTag, keyFormer}

// plainWord is a name that can hardly be a secret.
var plainWord = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)

// called is what errors call a name. One that is not known may be a secret that stands in the wrong place, as where the
// blank after a colon is missing.
func called(key string, value *yaml.Node) string {
	if slices.Contains(keys, key) || plainWord.MatchString(key) && !hidden(key) && value.Tag != "!!null" {
		return strconv.Quote(key)
	}
	return "this name"
}

func hidden(key string) bool { return strings.Contains(strings.ToLower(key), keySecret) }

// server is what errors call a server that has a name as servers have it.
func (e entry) server() string {
	const most = 40 // of what people call servers; a secret is longer
	if len(e.key) > most || hidden(e.key) {
		return "this server"
	}
	return fmt.Sprintf("server %q", e.key)
}

// read reads one server.
func (e entry) read() (s v1.SyncServer, err error) {
	if !listedID.MatchString(e.key) {
		return s, e.wrong("this server: want an ID of up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit")
	}
	e.name = e.server()
	fields, err := e.entries()
	if err != nil {
		return s, err
	}
	s = v1.SyncServer{ID: strings.ToLower(e.key), Enabled: true, Weight: 1}
	s.URL = "https://" + s.ID + "/bigbluebutton/api"
	for _, field := range fields {
		if err := field.set(&s); err != nil {
			return s, err
		}
	}
	if s.Secret == "" {
		return s, e.wrong("%s: the secret is missing; bbb-conf --secret prints it there", e.name)
	}
	return s, nil
}

// set takes one field over. A value that is null is none.
func (e entry) set(s *v1.SyncServer) error {
	switch e.key {
	case "load", "state", "bbb_version", "online": // what servers:yaml prints besides
		return nil
	case keySecret, keyURL, keyEnabled, keyMultiplier, keyTag, keyFormer:
	default:
		return e.wrong("%s is unknown: there are secret, url, enabled, load_multiplier and tag, each with a colon and a blank "+
			"after it", e.name)
	}
	if e.value.Kind != yaml.ScalarNode {
		return e.wrong("%s: want a single value", e.name)
	}
	text := e.value.Value
	switch {
	case e.value.Tag == "!!null":
	case e.key == keySecret:
		s.Secret = v1.Secret(text)
	case e.key == keyFormer:
		s.Former = v1.Secret(text)
	case e.key == keyURL:
		if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
			return e.wrong("%s: want an address that starts with https:// or http://", e.name)
		}
		s.URL = text
	case e.key == keyEnabled:
		if e.value.Decode(&s.Enabled) != nil {
			return e.wrong("%s: want true or false", e.name)
		}
	case e.key == keyMultiplier:
		return e.weight(s)
	case e.key == keyTag:
		s.Tag = text
	}
	return nil
}

// weight takes over a multiplier, which is the inverse of a weight.
func (e entry) weight(s *v1.SyncServer) error {
	multiplier, err := strconv.ParseFloat(e.value.Value, 64)
	s.Weight = inverse(multiplier)
	if err != nil || !(multiplier > 0) || s.Weight == 0 || math.IsInf(s.Weight, 0) {
		return e.wrong("%s: want a number above 0", e.name)
	}
	return nil
}

// inverse makes a weight of a multiplier, and the other way round. Of two numbers with that inverse it is the short one:
// 1/(1/49) is no 49 by itself.
func inverse(x float64) float64 {
	const digits = 12 // more than people write
	exact := 1 / x
	if short, err := strconv.ParseFloat(strconv.FormatFloat(exact, 'g', digits, 64), 64); err == nil && 1/short == x {
		return short
	}
	return exact
}
