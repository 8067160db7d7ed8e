// Package params is what happens to the parameters of creates and joins between the front end and the server: the rules of
// the pool, in Scalelite's forms and in our own, those of the tenant, and what follows from its limits. It also checks
// rules, and tells of a call what each of them does to it. It never looks at who calls, or at what a server answers, and
// keeps nothing: where rules are stored is the store's business.
//
// # Design
//
// The order is Scalelite's as far as that goes. What the request sends counts more than a default of its tenant, and this
// more than one of the pool; an override of the tenant counts more than one of the pool, and this more than the request.
// What is excluded is taken from the request, before any of these. Then the operators work on what has come of it, the
// pool's before the tenant's: remove, add, take, cap. Limits come last, those of the pool and those of the tenant alike, so
// that no rule can get round them.
//
// The rules of a call are one flat list in that order, made when tenants are loaded. What a call becomes (Apply) and why
// (Explain) are one walk over that list, so that they cannot disagree. Each instance makes its lists from what is stored.
package params

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb/catalogue"
	"github.com/bbbpool/bbbpool/store"
)

// Config are rules for the parameters of create and join: in Scalelite's forms, "a=1,b=2" and "a,b", and in our own.
type Config struct {
	DefaultCreate  string `name:"default-create-params" env:"DEFAULT_CREATE_PARAMS" help:"Parameters for creates that do not have them: a=1,b=2."`
	OverrideCreate string `name:"override-create-params" env:"OVERRIDE_CREATE_PARAMS" help:"Parameters that every create gets."`
	ExcludeCreate  string `name:"exclude-create-params" env:"CREATE_EXCLUDE_PARAMS" help:"Parameters that no create keeps: a,b."`
	DefaultJoin    string `name:"default-join-params" env:"DEFAULT_JOIN_PARAMS" help:"Parameters for joins that do not have them."`
	OverrideJoin   string `name:"override-join-params" env:"OVERRIDE_JOIN_PARAMS" help:"Parameters that every join gets."`
	ExcludeJoin    string `name:"exclude-join-params" env:"JOIN_EXCLUDE_PARAMS" help:"Parameters that no join keeps."`
	MaxDuration    int64  `name:"max-meeting-duration" env:"MAX_MEETING_DURATION" help:"Longest duration of a meeting in minutes; 0 is endless."`
	CreateRules    string `name:"create-param-rules" env:"BBBPOOL_CREATE_PARAM_RULES" help:"Rules for the parameters of creates: disabledFeatures+=chat,polls; duration<=90; -logo."`
	JoinRules      string `name:"join-param-rules" env:"BBBPOOL_JOIN_PARAM_RULES" help:"Rules for the parameters of joins."`
}

// Whose says where a rule comes from.
type Whose string

// Where rules come from.
const (
	OfPool   Whose = "pool"
	OfTenant Whose = "tenant"
	Ours     Whose = "bbbpool" // what no setting can change
)

// The names of metadata that mean something to a pool.
const (
	TagName  = "meta_server-tag"            // Scalelite's: which servers a meeting may be on
	HintName = "meta_bbb-meeting-size-hint" // Moodle's: how many people may come
)

// steps are the rules of one side, for one call, by when they work.
type steps struct{ excludes, defaults, overrides, operators, limits []step }

// Pool are the rules that hold for all tenants.
type Pool struct {
	create, join steps
	warnings     []string
}

// Pool reads the settings. The error names every one that cannot work.
func (c Config) Pool() (p Pool, err error) {
	create := reader{call: catalogue.Create}
	p.create = create.scalelite(c.DefaultCreate, c.OverrideCreate, c.ExcludeCreate)
	create.own(&p.create, c.CreateRules)
	join := reader{call: catalogue.Join}
	p.join = join.scalelite(c.DefaultJoin, c.OverrideJoin, c.ExcludeJoin)
	join.own(&p.join, c.JoinRules)
	if c.MaxDuration > 0 {
		p.create.limits = []step{limit("duration", c.MaxDuration, OfPool, "--max-meeting-duration")}
	}
	p.warnings = slices.Concat(create.warnings, join.warnings)
	return p, errors.Join(create.err, join.err)
}

// Warnings tells what in the settings may not do what was meant. Scalelite's are taken as they are, whatever their values:
// an environment that has worked must go on to.
func (p Pool) Warnings() []string { return p.warnings }

// Tenant are the rules for the calls of one tenant, the pool's among them.
type Tenant struct{ Create, Join Rules }

// For makes the rules for the calls of a tenant. A stored rule that cannot work is left out: it was checked when it was
// stored, and one that is wrong all the same must not keep a front end from its meetings.
func (p Pool) For(t store.Tenant) Tenant {
	var create, join steps
	for _, rule := range t.Params {
		rule = Normal(rule)
		if _, err := Check(rule); err != nil {
			continue
		}
		side := &create
		if rule.Call == catalogue.Join {
			side = &join
		}
		side.put(newStep(rule, OfTenant))
	}
	if t.Tag != "" {
		tag := store.ParamRule{Call: catalogue.Create, Op: store.ParamDefault, Name: TagName, Value: t.Tag}
		create.defaults = append(create.defaults, named(tag, OfTenant, "the tenant's tag"))
	}
	create.limits = limits(t.Limits)
	return Tenant{Create: merge(p.create, create, true), Join: merge(p.join, join, false)}
}

// limits are the rules that follow from a tenant's limits.
func limits(l store.Limits) (list []step) {
	if minutes := int64((l.Duration + 59e9) / 60e9); minutes > 0 { // less than a minute must not become 0, which is endless
		list = append(list, limit("duration", minutes, OfTenant, "the tenant's longest duration"))
	}
	if l.MeetingPeople > 0 {
		list = append(list, limit("maxParticipants", int64(l.MeetingPeople), OfTenant, "the tenant's limit of people in a meeting"))
	}
	if l.NoRecording {
		for _, name := range []string{"record", "autoStartRecording", "allowStartStopRecording", "breakoutRoomsRecord"} {
			rule := store.ParamRule{Call: catalogue.Create, Op: store.ParamOverride, Name: name, Value: "false"}
			list = append(list, named(rule, OfTenant, "the tenant must not record"))
		}
	}
	return list
}

// limit caps a number whatever the rules have made of it.
func limit(name string, most int64, whose Whose, text string) step {
	rule := store.ParamRule{Call: catalogue.Create, Op: store.ParamCap, Name: name, Value: strconv.FormatInt(most, 10)}
	return named(rule, whose, text)
}

// put adds a rule where it belongs. Of the operators, those that work earlier come first, whatever the order they were
// written in.
func (s *steps) put(one step) {
	switch one.op {
	case store.ParamDefault:
		s.defaults = append(s.defaults, one)
	case store.ParamOverride:
		s.overrides = append(s.overrides, one)
	default:
		s.operators = append(s.operators, one)
		slices.SortStableFunc(s.operators, func(a, b step) int { return turns[a.op] - turns[b.op] })
	}
}

// turns are when operators work.
var turns = map[store.ParamOp]int{store.ParamRemove: 1, store.ParamAdd: 2, store.ParamTake: 3, store.ParamCap: 4}

// merge puts the rules of pool and tenant into the order in which they work. Of two defaults the first one counts, as
// after it there is nothing missing any more, and of two overrides the last.
func merge(pool, tenant steps, create bool) Rules {
	r := Rules{create: create, steps: slices.Concat(
		pool.excludes, tenant.defaults, pool.defaults, pool.overrides, tenant.overrides,
		pool.operators, tenant.operators, pool.limits, tenant.limits,
	)}
	if !create {
		return r
	}
	r.spelled = []string{TagName, HintName}
	for _, s := range r.steps {
		if folds(s.name) && !slices.Contains(r.spelled, s.name) {
			r.spelled = append(r.spelled, s.name)
		}
	}
	return r
}

// folds tells whether servers keep a parameter in lower case, so that of "meta_A" and "meta_a" they know one alone.
func folds(name string) bool {
	for _, prefix := range [...]string{"meta_", "plugin_"} {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

// reader reads the settings for one call, and collects what is wrong with them.
type reader struct {
	call     string
	err      error
	warnings []string
}

// scalelite reads the settings that Scalelite has.
func (r *reader) scalelite(defaults, overrides, excludes string) (s steps) {
	s.defaults = r.pairs("default", store.ParamDefault, defaults)
	s.overrides = r.pairs("override", store.ParamOverride, overrides)
	for name := range strings.SplitSeq(excludes, ",") {
		if name = strings.TrimSpace(name); name != "" {
			rule := store.ParamRule{Call: r.call, Op: store.ParamRemove, Name: name}
			s.excludes = append(s.excludes, r.step("exclude", rule)...)
		}
	}
	return s
}

func (r *reader) pairs(setting string, op store.ParamOp, text string) (list []step) {
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			r.fail(setting, fmt.Errorf("%q: want name=value", part))
			continue
		}
		rule := store.ParamRule{Call: r.call, Op: op, Name: name, Value: strings.TrimSpace(value)}
		list = append(list, r.step(setting, rule)...)
	}
	return list
}

// step takes a rule in one of Scalelite's forms. What is the pool's own is refused; a value that looks wrong is warned of.
func (r *reader) step(setting string, rule store.ParamRule) []step {
	rule = Normal(rule)
	flag := r.flag(setting)
	if ownName(rule.Name) {
		r.fail(setting, ours(rule))
		return nil
	}
	warning, err := Check(rule)
	if err != nil {
		warning = err.Error()
	}
	if warning != "" {
		r.warnings = append(r.warnings, flag+": "+warning)
	}
	return []step{named(rule, OfPool, flag)}
}

// own reads rules in our own form. Defaults and overrides among them go behind those of Scalelite's settings.
func (r *reader) own(s *steps, text string) {
	flag := "--" + r.call + "-param-rules"
	rules, err := Parse(r.call, text)
	warnings, wrong := CheckAll(rules)
	if err = errors.Join(err, wrong); err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("%s: %w", flag, err))
		return
	}
	for _, w := range warnings {
		r.warnings = append(r.warnings, flag+": "+w)
	}
	for _, rule := range rules {
		s.put(named(rule, OfPool, flag))
	}
}

func (r *reader) flag(setting string) string { return "--" + setting + "-" + r.call + "-params" }

func (r *reader) fail(setting string, err error) {
	r.err = errors.Join(r.err, fmt.Errorf("%s: %w", r.flag(setting), err))
}
