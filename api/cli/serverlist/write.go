package serverlist

import (
	"bytes"
	"errors"
	"strconv"

	"go.yaml.in/yaml/v3"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Write returns a list of servers in YAML, as Scalelite's servers:sync has it, but for a secret that is being changed. What
// is a text is in quotes, so that no reader takes it for a number or a date.
func Write(servers []v1.Revealed) ([]byte, error) {
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
			word("load_multiplier"), word(terminal.Number(inverse(s.Weight))),
		}
		if s.Former != "" {
			fields = append(fields, word("former_secret"), quotes(s.Former.Reveal()))
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
