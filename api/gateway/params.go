package gateway

import (
	"fmt"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Params are rules for the parameters of create and join, in Scalelite's forms: "a=1,b=2" and "a,b".
type Params struct {
	DefaultCreate  string `name:"default-create-params" env:"DEFAULT_CREATE_PARAMS" help:"Parameters for creates that do not have them: a=1,b=2."`
	OverrideCreate string `name:"override-create-params" env:"OVERRIDE_CREATE_PARAMS" help:"Parameters that every create gets."`
	ExcludeCreate  string `name:"exclude-create-params" env:"CREATE_EXCLUDE_PARAMS" help:"Parameters that no create keeps: a,b."`
	DefaultJoin    string `name:"default-join-params" env:"DEFAULT_JOIN_PARAMS" help:"Parameters for joins that do not have them."`
	OverrideJoin   string `name:"override-join-params" env:"OVERRIDE_JOIN_PARAMS" help:"Parameters that every join gets."`
	ExcludeJoin    string `name:"exclude-join-params" env:"JOIN_EXCLUDE_PARAMS" help:"Parameters that no join keeps."`
	MaxDuration    int64  `name:"max-meeting-duration" env:"MAX_MEETING_DURATION" help:"Longest duration of a meeting in minutes; 0 is endless."`

	create rules
	join   rules
}

// rules are what happens to the parameters of one call.
type rules struct {
	defaults, overrides [][2]string
	excludes            []string
}

func (p *Params) parse() error {
	var err error
	if p.create, err = parseRules("create", p.DefaultCreate, p.OverrideCreate, p.ExcludeCreate); err != nil {
		return err
	}
	p.join, err = parseRules("join", p.DefaultJoin, p.OverrideJoin, p.ExcludeJoin)
	return err
}

func parseRules(call, defaults, overrides, excludes string) (r rules, err error) {
	if r.defaults, err = parsePairs(defaults); err != nil {
		return r, fmt.Errorf("--default-%s-params: %w", call, err)
	}
	if r.overrides, err = parsePairs(overrides); err != nil {
		return r, fmt.Errorf("--override-%s-params: %w", call, err)
	}
	for name := range strings.SplitSeq(excludes, ",") {
		if name = strings.TrimSpace(name); name != "" {
			r.excludes = append(r.excludes, name)
		}
	}
	return r, nil
}

func parsePairs(s string) (pairs [][2]string, err error) {
	for part := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("%q: want name=value", part)
		}
		pairs = append(pairs, [2]string{name, strings.TrimSpace(value)})
	}
	return pairs, nil
}

// apply changes the parameters of a call: what a front end sends wins over the defaults of its tenant, these win over
// the defaults of all, and overrides win over everything.
func (r rules) apply(params *bbb.Params, ofTenant ...[2]string) {
	for _, name := range r.excludes {
		params.Del(name)
	}
	complete(params, ofTenant)
	complete(params, r.defaults)
	for _, p := range r.overrides {
		params.Set(p[0], p[1])
	}
}

// complete adds what is missing.
func complete(params *bbb.Params, defaults [][2]string) {
	for _, p := range defaults {
		if !params.Has(p[0]) {
			params.Set(p[0], p[1])
		}
	}
}
