package tenancy

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Limits of a tenant's record.
const (
	maxName     = 100 // bytes
	maxTag      = 100 // bytes, also of a server's
	maxHosts    = 50
	maxHost     = 253 // bytes
	maxURL      = 300 // bytes
	maxTags     = 50
	maxCount    = 1_000_000 // meetings or people
	maxRequests = 100_000   // a second
	maxMinutes  = 365 * 24 * 60
	maxParams   = 500
	maxParam    = 4096 // bytes of a name or a value
)

var (
	idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	// hostForm is a host as calls name it, or all hosts below one, in small letters.
	hostForm = regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)
)

// mistakes are what is wrong with what is asked for.
type mistakes []string

func (m *mistakes) note(format string, args ...any) { *m = append(*m, fmt.Sprintf(format, args...)) }

// apply makes the changes to a record, and returns what is wrong with them. Secrets are not among them.
func (t *Tenancy) apply(c v1.TenantChange, record *store.Tenant) (wrong mistakes) {
	if c.Name != nil {
		record.Name = strings.TrimSpace(*c.Name)
		if !v1.IsText(record.Name, maxName) || record.Name == "" {
			wrong.note("name: want 1 to %d bytes of text", maxName)
		}
	}
	if c.Hosts != nil {
		record.Hosts = hosts(*c.Hosts, &wrong)
	}
	if c.URL != nil {
		record.URL = address(*c.URL, &wrong)
	}
	if c.Scoped != nil {
		record.Scoped = *c.Scoped
	}
	if c.Tag != nil {
		record.Tag = strings.TrimSpace(*c.Tag)
		if !v1.IsText(record.Tag, maxTag) {
			wrong.note("tag: want up to %d bytes of text, as in meta_server-tag", maxTag)
		}
	}
	if c.IgnoreHints != nil {
		record.IgnoreHints = *c.IgnoreHints
	}
	if c.LRS != nil {
		recordStore(*c.LRS, &record.LRS, &wrong)
	}
	if c.Branding != nil {
		wrong = append(wrong, t.brand(*c.Branding, record)...)
	}
	if c.Limits != nil {
		limit(*c.Limits, &record.Limits, &wrong)
	}
	if c.Callbacks != nil {
		callBack(*c.Callbacks, &record.Callbacks, &wrong)
	}
	return wrong
}

// hosts puts hosts into the form in which calls are compared with them, each once.
func hosts(list []string, wrong *mistakes) []string {
	if len(list) > maxHosts {
		wrong.note("hosts: %d, more than %d: a wildcard as *.example.edu stands for many", len(list), maxHosts)
		return nil
	}
	return eachOnce(list, func(text string) (host string, ok bool) {
		host = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), ".")
		if ok = len(host) <= maxHost && hostForm.MatchString(host); !ok {
			wrong.note("hosts: %.100q: want the name of a host without a port, as a.example.edu, or *.example.edu for all below it", text)
		}
		return host, ok
	})
}

// eachOnce puts texts into the form in which they are compared, and leaves out those that have none.
func eachOnce(list []string, form func(text string) (string, bool)) (clean []string) {
	for _, text := range list {
		if formed, ok := form(text); ok && !slices.Contains(clean, formed) {
			clean = append(clean, formed)
		}
	}
	return clean
}

// address puts a public address into the form in which links begin with it.
func address(text string, wrong *mistakes) string {
	text = strings.TrimSuffix(strings.TrimSpace(text), "/")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !v1.IsText(text, maxURL) || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Path != "" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(u.Host, ":") ||
		!hostForm.MatchString(strings.ToLower(u.Hostname())) || strings.HasPrefix(u.Host, "*") {
		wrong.note("url: want https://HOST or https://HOST:PORT, and nothing behind it")
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// limit makes the changes to limits.
func limit(c v1.LimitChange, l *store.Limits, wrong *mistakes) {
	for _, n := range []struct {
		name string
		want *int
		at   *int
	}{
		{"meetings", c.Meetings, &l.Meetings},
		{"people", c.People, &l.People},
		{"meeting_people", c.MeetingPeople, &l.MeetingPeople},
		{"per_hour", c.PerHour, &l.PerHour},
	} {
		if n.want == nil {
			continue
		}
		if *n.at = *n.want; *n.at < 0 || *n.at > maxCount {
			wrong.note("limits.%s: want a number from 0, which is no limit, to %d", n.name, maxCount)
		}
	}
	if d := c.DurationMinutes; d != nil {
		if l.Duration = time.Duration(*d) * time.Minute; *d < 0 || *d > maxMinutes {
			wrong.note("limits.duration_minutes: want a number from 0, which is no limit, to %d", maxMinutes)
		}
	}
	if c.Recording != nil {
		l.NoRecording = !*c.Recording
	}
	if c.Servers != nil {
		l.Tags = tags(*c.Servers, wrong)
	}
	if c.Requests != nil {
		if l.Requests = *c.Requests; l.Requests < 0 || l.Requests > maxRequests {
			wrong.note("limits.requests: want a number of calls a second from 0, which is no limit, to %d", maxRequests)
		}
	}
	if c.Statuses != nil {
		l.Statuses = *c.Statuses
	}
}

// tags are those of servers, each once.
func tags(list []string, wrong *mistakes) (clean []string) {
	if len(list) > maxTags {
		wrong.note("limits.servers: %d tags, more than %d", len(list), maxTags)
		return nil
	}
	for _, tag := range list {
		tag = strings.TrimSpace(tag)
		if tag == "" || !v1.IsText(tag, maxTag) || strings.ContainsAny(tag, ";!") {
			wrong.note("limits.servers: %.100q: want the tag of servers, up to %d bytes without ';' and '!'; none stands for those "+
				"without a tag", tag, maxTag)
			continue
		}
		if !slices.Contains(clean, tag) {
			clean = append(clean, tag)
		}
	}
	return clean
}

// ops are the operators that a rule may have.
var ops = []store.ParamOp{
	store.ParamDefault, store.ParamOverride, store.ParamRemove, store.ParamAdd, store.ParamTake, store.ParamCap,
}

// rules reads rules for parameters, as far as their form goes; what the parameters are is for others to know.
func (t *Tenancy) rules(list []v1.ParamRule) (rules []store.ParamRule, wrong mistakes) {
	if len(list) > maxParams {
		wrong.note("params: %d, more than %d", len(list), maxParams)
		return nil, wrong
	}
	for i, r := range list {
		rule := store.ParamRule{Call: r.Call, Op: store.ParamOp(r.Op), Name: r.Name, Value: r.Value}
		switch {
		case r.Call != "create" && r.Call != "join":
			wrong.note("params: rule %d: call: want create or join", i+1)
		case !slices.Contains(ops, rule.Op):
			wrong.note("params: rule %d: op: want default, override, remove, add, take or cap", i+1)
		case r.Name == "" || !v1.IsText(r.Name, maxParam) || len(r.Value) > maxParam:
			wrong.note("params: rule %d: want the name of a parameter, and a value of up to %d bytes", i+1, maxParam)
		}
		rules = append(rules, rule)
	}
	if t.ReadParams == nil || len(wrong) > 0 {
		return rules, wrong
	}
	read, err := t.ReadParams(rules)
	if err != nil {
		wrong.note("params: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return read, wrong
}
