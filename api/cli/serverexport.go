package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// ServerExportCmd prints the servers as a list that server sync reads.
type ServerExportCmd struct{}

// Run prints the list with the secrets in clear: that is what it is for. What its form has no place for is said beside it
// on the standard error.
func (c *ServerExportCmd) Run(env *Env) error {
	return env.with(look, func(pool *connection) error {
		servers, err := pool.Servers.Reveal(env.Ctx)
		if err != nil {
			return err
		}
		text, err := list(servers)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			err = printAsJSON(env.Out, text)
		} else {
			_, err = io.WriteString(env.Out, plainYAML(string(text)))
		}
		return errors.Join(err, leftOut(env, servers))
	})
}

// leftOut tells what the list does not say about servers.
func leftOut(env *Env, servers []v1.Revealed) error {
	var limited []string
	for _, s := range servers {
		if s.Capacity > 0 || s.Hard {
			limited = append(limited, s.ID)
		}
	}
	if limited == nil {
		return nil
	}
	return say(env.Err, "note: such a list has no capacities: those of %s are left out\n", printable(strings.Join(limited, ", ")))
}

// list is a list of servers in YAML, as Scalelite's servers:sync has it. What is a text is in quotes, so that no reader
// takes it for a number or a date.
func list(servers []v1.Revealed) ([]byte, error) {
	all := &yaml.Node{Kind: yaml.MappingNode}
	for _, s := range servers {
		id := &yaml.Node{}
		if err := id.Encode(s.ID); err != nil {
			return nil, err
		}
		fields := []*yaml.Node{
			word("secret"), quotes(s.Secret.Reveal()),
			word("url"), quotes(s.URL),
			word("enabled"), word(strconv.FormatBool(s.State == v1.Enabled)),
			word("load_multiplier"), word(number(inverse(s.Weight))),
		}
		if s.Tag != "" {
			fields = append(fields, word("tag"), quotes(s.Tag))
		}
		all.Content = append(all.Content, id, &yaml.Node{Kind: yaml.MappingNode, Content: fields})
	}
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	err := e.Encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{word("servers"), all}})
	return text.Bytes(), errors.Join(err, e.Close())
}

func word(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

func quotes(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: text}
}

// plainYAML is YAML without anything that a terminal would obey, or hide: such a thing can only stand in quotes.
func plainYAML(text string) string {
	var out strings.Builder
	for _, r := range text {
		if r == '\n' || !unprintable(r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	return out.String()
}

// printAsJSON prints YAML in JSON, which is YAML as well.
func printAsJSON(w io.Writer, text []byte) error {
	var list any
	if err := yaml.Unmarshal(text, &list); err != nil {
		return err
	}
	return printJSON(w, list)
}
