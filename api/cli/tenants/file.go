package tenants

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// maxFile is how many bytes a list of tenants may have: some 10,000 of them, with what they need.
const maxFile = 16 << 20

// listed is a tenant as a list in YAML has it. What is left out is what a new tenant has, but for its secrets, which stay.
type listed struct {
	Name        string           `yaml:"name,omitempty"`
	Enabled     *bool            `yaml:"enabled,omitempty"`
	Hosts       []string         `yaml:"hosts,omitempty,flow"`
	URL         string           `yaml:"url,omitempty"`
	Scoped      *bool            `yaml:"scoped,omitempty"`
	Tag         string           `yaml:"tag,omitempty"`
	IgnoreHints bool             `yaml:"ignore_hints,omitempty"`
	Limits      *limited         `yaml:"limits,omitempty"`
	Callbacks   *called          `yaml:"callbacks,omitempty"`
	Params      []rule           `yaml:"params,omitempty"`
	Secrets     map[string]value `yaml:"secrets,omitempty"`
}

// limited is what a tenant may have.
type limited struct {
	Meetings      int      `yaml:"meetings,omitempty"`
	People        int      `yaml:"people,omitempty"`
	MeetingPeople int      `yaml:"meeting_people,omitempty"`
	PerHour       int      `yaml:"per_hour,omitempty"`
	Duration      string   `yaml:"duration,omitempty"`
	Recording     *bool    `yaml:"recording,omitempty"`
	Servers       []string `yaml:"servers,omitempty,flow"`
	Requests      float64  `yaml:"requests,omitempty"`
	Statuses      bool     `yaml:"statuses,omitempty"`
}

// rule is what becomes of a parameter.
type rule struct {
	Call  string `yaml:"call"`
	Op    string `yaml:"op"`
	Name  string `yaml:"name"`
	Value string `yaml:"value,omitempty"`
}

// value is a secret: by itself, as env:NAME, which takes it from the environment, or as generated, which makes one where there
// is none by that name. One that expires is a mapping of both.
type value struct {
	Secret  string    `yaml:"secret"`
	Expires time.Time `yaml:"expires,omitempty"`
}

// UnmarshalYAML reads both forms. What looks like a number is a secret all the same.
func (v *value) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		v.Secret = node.Value
		return nil
	}
	type plain value
	for i := 0; i+1 < len(node.Content); i += 2 {
		if name := node.Content[i].Value; name != "secret" && name != "expires" {
			return mistake(fmt.Sprintf("line %d: a secret has nothing but secret and expires", node.Content[i].Line))
		}
	}
	if node.Decode((*plain)(v)) != nil {
		return mistake(fmt.Sprintf("line %d: want a secret by itself, or {secret: …, expires: 2026-03-01T09:00:00Z}", node.Line))
	}
	return nil
}

// mistake is what is wrong with a list, in our words.
type mistake string

// Error returns the words.
func (m mistake) Error() string { return string(m) }

// Read reads a list of tenants in YAML. An error names the line that is wrong, and never what may be a secret.
func Read(r io.Reader, lookup func(name string) (string, bool)) ([]v1.SyncTenant, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("it is larger than %s, which no list of tenants is", terminal.Size(maxFile))
	}
	var file struct {
		Tenants map[string]listed `yaml:"tenants"`
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, wrong(err)
	}
	if file.Tenants == nil {
		return nil, errors.New(`there is no "tenants" in it; {tenants: {}} is a list without any`)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("another document begins in it, and only one is read")
	}
	list := []v1.SyncTenant{}
	for _, id := range slices.Sorted(maps.Keys(file.Tenants)) {
		t, err := file.Tenants[id].tenant(id, lookup)
		if err != nil {
			return nil, fmt.Errorf("tenant %.64q: %w", id, err)
		}
		list = append(list, t)
	}
	return list, nil
}

var (
	// unknown is what the reader of YAML says of a name that it does not expect.
	unknown = regexp.MustCompile(`(line \d+): field (.*) not found in type \S+`)
	// plainWord is a name that can hardly be a secret.
	plainWord = regexp.MustCompile(`^[a-z_]{1,30}$`)
	// quoted is what an error repeats of the text, which may be a secret.
	quoted = regexp.MustCompile("(?s)['`\"].*?['`\"] ?")
)

// wrong says what is wrong with YAML, without anything of it that may be a secret.
func wrong(err error) error {
	if own, ok := errors.AsType[mistake](err); ok {
		return own
	}
	typed, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return fmt.Errorf("no YAML: %s", quoted.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), ""))
	}
	var said []string
	for _, text := range typed.Errors {
		m := unknown.FindStringSubmatch(text)
		switch {
		case m != nil && plainWord.MatchString(m[2]):
			said = append(said, fmt.Sprintf("%s: %q is unknown", m[1], m[2]))
		case m != nil:
			said = append(said, m[1]+": this name is unknown; each has a colon and a blank after it")
		default:
			said = append(said, quoted.ReplaceAllString(text, ""))
		}
	}
	return errors.New(strings.Join(said, "; "))
}

// tenant is what is asked for.
func (l listed) tenant(id string, lookup func(string) (string, bool)) (v1.SyncTenant, error) {
	isDefault := id == v1.DefaultTenant
	t := v1.SyncTenant{
		ID: id, Name: l.Name, Enabled: l.Enabled == nil || *l.Enabled, Hosts: l.Hosts, URL: l.URL, Tag: l.Tag,
		Scoped: l.Scoped == nil && !isDefault || l.Scoped != nil && *l.Scoped, IgnoreHints: l.IgnoreHints,
		Limits: v1.TenantLimits{Recording: true}, Callbacks: l.Callbacks.wanted(),
	}
	for _, r := range l.Params {
		t.Params = append(t.Params, v1.ParamRule(r))
	}
	if l.Limits != nil {
		var err error
		if t.Limits, err = l.Limits.limits(); err != nil {
			return t, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Secrets)) {
		s, err := l.Secrets[name].secret(name, lookup)
		if err != nil {
			return t, err
		}
		t.Secrets = append(t.Secrets, s)
	}
	return t, nil
}

func (l limited) limits() (v1.TenantLimits, error) {
	limits := v1.TenantLimits{
		Meetings: l.Meetings, People: l.People, MeetingPeople: l.MeetingPeople, PerHour: l.PerHour,
		Recording: l.Recording == nil || *l.Recording, Servers: l.Servers, Requests: l.Requests, Statuses: l.Statuses,
	}
	d, err := time.ParseDuration(cmp.Or(l.Duration, "0s"))
	if err != nil || d%time.Minute != 0 {
		return limits, errors.New("limits: duration: want whole minutes, as 90m or 2h")
	}
	limits.DurationMinutes = int(d / time.Minute)
	return limits, nil
}

// secret is what a value stands for.
func (v value) secret(name string, lookup func(string) (string, bool)) (v1.NewTenantSecret, error) {
	s := v1.NewTenantSecret{Name: name, Secret: v1.Secret(v.Secret)}
	if !v.Expires.IsZero() {
		s.Expires = &v.Expires
	}
	variable, fromEnvironment := strings.CutPrefix(v.Secret, "env:")
	switch {
	case v.Secret == "":
		return s, fmt.Errorf("secret %.64q: missing; generated has one made", name)
	case v.Secret == "generated":
		s.Secret = ""
	case fromEnvironment:
		given, _ := lookup(variable)
		if given == "" {
			return s, fmt.Errorf("secret %.64q: %.64q is not set in the environment", name, variable)
		}
		s.Secret = v1.Secret(given)
	}
	return s, nil
}

// Write returns a list of tenants in YAML, as [Read] takes it; with their secrets in clear where that is asked for, else
// without any. Those of the environment are not in it.
func Write(tenants []v1.Tenant, secrets bool) ([]byte, error) {
	all := map[string]listed{}
	for _, t := range tenants {
		enabled, scoped := t.State == v1.Enabled, t.Scoped
		l := listed{
			Name: t.Name, Enabled: &enabled, Hosts: t.Hosts, URL: t.URL, Scoped: &scoped, Tag: t.Tag, IgnoreHints: t.IgnoreHints,
			Limits: limitsOf(t.Limits), Callbacks: calledOf(t.Callbacks),
		}
		for _, p := range t.Params {
			l.Params = append(l.Params, rule(p))
		}
		for _, s := range t.Secrets {
			if !secrets || s.Source == environment {
				continue
			}
			if l.Secrets == nil {
				l.Secrets = map[string]value{}
			}
			v := value{Secret: s.Secret.Reveal()}
			if s.Expires != nil {
				v.Expires = *s.Expires
			}
			l.Secrets[s.Name] = v
		}
		all[t.ID] = l
	}
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	err := e.Encode(map[string]any{"tenants": all})
	return text.Bytes(), errors.Join(err, e.Close())
}

// limitsOf is what a tenant may have; nil where that is everything.
func limitsOf(l v1.TenantLimits) *limited {
	out := limited{
		Meetings: l.Meetings, People: l.People, MeetingPeople: l.MeetingPeople, PerHour: l.PerHour, Servers: l.Servers,
		Requests: l.Requests, Statuses: l.Statuses,
	}
	if l.DurationMinutes > 0 {
		out.Duration = minutes(l.DurationMinutes)
	}
	if !l.Recording {
		no := false
		out.Recording = &no
	}
	if len(out.Servers) == 0 && out.Recording == nil && out.Duration == "" && !out.Statuses &&
		out.Meetings+out.People+out.MeetingPeople+out.PerHour == 0 && out.Requests == 0 {
		return nil
	}
	return &out
}
