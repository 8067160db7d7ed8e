package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/store"
)

// maxServerFile is how many bytes a list of servers may have: enough for some thousands of them.
const maxServerFile = 512 << 10

// listedID is an ID as Scalelite has them, within what a pool takes.
var listedID = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`)

// readServers reads a list of servers in YAML, as Scalelite's servers:sync has it. IDs become lower case, as all of a
// pool's are. An error names the first line that is wrong, and never what stands beside "secret".
func readServers(r io.Reader) ([]admin.SyncServer, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxServerFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxServerFile {
		return nil, fmt.Errorf("it is larger than %s, which no list of servers is", size(maxServerFile))
	}
	top, err := document(text)
	if err != nil {
		return nil, err
	}
	list := []admin.SyncServer{}
	lines := map[string]int{} // of the IDs
	for _, e := range top {
		if e.key != "servers" {
			return nil, e.wrong("%q is unknown here: there is nothing but \"servers\"", e.key)
		}
		servers, err := e.entries()
		if err != nil {
			return nil, err
		}
		for _, of := range servers {
			s, err := of.server()
			if err != nil {
				return nil, err
			}
			if line := lines[s.ID]; line > 0 {
				return nil, of.wrong("server %q is the one in line %d: capital letters make no difference in a pool", of.key, line)
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
	return entry{key: "the file", line: doc.Line, value: doc.Content[0]}.entries()
}

// quoted is what an error repeats of the text, which may be a secret.
var quoted = regexp.MustCompile("(?s)['`\"].*['`\"] ?")

func notYAML(err error) error {
	return fmt.Errorf("no YAML: %s", quoted.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), ""))
}

// entry is a name and its value.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

func (e entry) wrong(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", e.line, fmt.Sprintf(format, args...))
}

// entries returns what is below a name. The aliases and merges of YAML are not read, as Scalelite does not.
func (e entry) entries() (list []entry, err error) {
	if e.value.Kind != yaml.MappingNode {
		return nil, e.wrong("%q: want names with values below it", e.key)
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(e.value.Content); i += 2 {
		name, value := e.value.Content[i], e.value.Content[i+1]
		below := entry{key: name.Value, line: name.Line, value: value}
		switch {
		case name.Kind != yaml.ScalarNode:
			return nil, below.wrong("want a name")
		case value.Kind == yaml.AliasNode:
			return nil, below.wrong("%q: aliases are not read, write it out", below.key)
		case lines[below.key] > 0:
			return nil, below.wrong("%q is in line %d already", below.key, lines[below.key])
		}
		lines[below.key], list = below.line, append(list, below)
	}
	return list, nil
}

// server reads one server.
func (e entry) server() (s admin.SyncServer, err error) {
	if !listedID.MatchString(e.key) {
		return s, e.wrong("server %q: want up to 64 of letters, digits, '.', '_' and '-', the first a letter or a digit", e.key)
	}
	fields, err := e.entries()
	if err != nil {
		return s, err
	}
	s = admin.SyncServer{ID: strings.ToLower(e.key), Enabled: true, Weight: 1}
	s.URL = "https://" + s.ID + "/bigbluebutton/api"
	for _, field := range fields {
		if err := field.set(&s); err != nil {
			return s, err
		}
	}
	if s.Secret == "" {
		return s, e.wrong("server %q: the secret is missing; bbb-conf --secret prints it there", e.key)
	}
	return s, nil
}

// set takes one field over. A value that is null is none.
func (e entry) set(s *admin.SyncServer) error {
	switch e.key {
	case "load", "state", "bbb_version", "online": // what servers:yaml prints besides
		return nil
	case "secret", "url", "enabled", "load_multiplier", "tag":
	default:
		return e.wrong("%q is unknown: there are secret, url, enabled, load_multiplier and tag", e.key)
	}
	if e.value.Kind != yaml.ScalarNode {
		return e.wrong("%q: want a single value", e.key)
	}
	text := e.value.Value
	switch {
	case e.value.Tag == "!!null":
	case e.key == "secret":
		s.Secret = store.Secret(text)
	case e.key == "url":
		if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
			return e.wrong("%q: want an address that starts with https:// or http://", e.key)
		}
		s.URL = text
	case e.key == "enabled":
		if e.value.Decode(&s.Enabled) != nil {
			return e.wrong("%q: want true or false", e.key)
		}
	case e.key == "load_multiplier":
		return e.weight(s)
	case e.key == "tag":
		s.Tag = text
	}
	return nil
}

// weight takes over a multiplier, which is the inverse of a weight.
func (e entry) weight(s *admin.SyncServer) error {
	multiplier, err := strconv.ParseFloat(e.value.Value, 64)
	s.Weight = inverse(multiplier)
	if err != nil || !(multiplier > 0) || s.Weight == 0 || math.IsInf(s.Weight, 0) {
		return e.wrong("%q: want a number above 0", e.key)
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
