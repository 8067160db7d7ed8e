package params

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/bbb/catalogue"
	"github.com/bbbpool/bbbpool/store"
)

// Rules are what happens to the parameters of one call of a tenant, in the order in which it happens.
type Rules struct {
	create  bool
	spelled []string // metadata that rules are about, in the spelling that they look for
	steps   []step
}

// step is one rule, made ready to work.
type step struct {
	op    store.ParamOp
	name  string
	value string
	items []string // of value, where it is a list
	most  int64    // of value, where it is a number
	rule  string   // for people
	whose Whose
}

func newStep(rule store.ParamRule, whose Whose) step {
	s := step{op: rule.Op, name: rule.Name, value: rule.Value, rule: Format(rule), whose: whose}
	switch rule.Op {
	case store.ParamAdd, store.ParamTake:
		s.items = catalogue.Split(rule.Value)
	case store.ParamCap:
		s.most, _ = strconv.ParseInt(rule.Value, 10, 64) // was checked
	case store.ParamDefault, store.ParamOverride, store.ParamRemove:
	}
	return s
}

// named is a rule that comes from somewhere that its text says, too.
func named(rule store.ParamRule, whose Whose, where string) step {
	s := newStep(rule, whose)
	s.rule += " (" + where + ")"
	return s
}

// Step is what one rule has done to one parameter. Where there was none, or is none any more, the value is nil.
type Step struct {
	Name          string
	Before, After *string
	Rule          string
	Whose         Whose
}

// Apply makes of a call's parameters what its server is sent.
func (r Rules) Apply(params *bbb.Params) { r.run(params, nil) }

// Explain tells what Apply would do, rule by rule. A rule that changes nothing is not told of.
func (r Rules) Explain(params bbb.Params) (told []Step) {
	params = slices.Clone(params)
	r.run(&params, func(s Step) { told = append(told, s) })
	return told
}

// run does it, and tells whoever wants to know.
func (r Rules) run(params *bbb.Params, tell func(Step)) {
	if r.create {
		r.tidy(params, tell)
	}
	for i := range r.steps {
		s := &r.steps[i]
		if tell == nil {
			s.apply(params)
			continue
		}
		before := value(*params, s.name)
		s.apply(params)
		if after := value(*params, s.name); !same(before, after) {
			tell(Step{Name: s.name, Before: before, After: after, Rule: s.rule, Whose: s.whose})
		}
	}
}

// tidy drops metadata that is ours alone, and spells what rules are about as they look for it. To a server upper and lower
// case of metadata are the same: of several spellings the first counts, and the server sees no other.
func (r Rules) tidy(params *bbb.Params, tell func(Step)) {
	list := *params
	touched := slices.ContainsFunc(list, func(p bbb.Param) bool { return folds(p.Name) && r.untidy(p.Name) })
	if !touched && tell == nil {
		return
	}
	kept := make(bbb.Params, 0, len(list))
	var respelled bbb.Params // told of last, when the other spellings are gone
	for _, p := range list {
		was := p.Value
		switch spelled := r.spelling(p.Name); {
		case ownName(p.Name) && folds(p.Name):
			told(tell, p.Name, &was, nil, "metadata that only bbbpool sets")
			continue
		case spelled == "" || spelled == p.Name && !kept.Has(spelled):
		case kept.Has(spelled):
			told(tell, p.Name, &was, nil, "servers know one spelling of metadata; the first counts")
			continue
		default:
			respelled = append(respelled, p)
			p = bbb.Param{Name: spelled, Value: was}
		}
		kept = append(kept, p)
	}
	for _, p := range respelled {
		told(tell, p.Name, &p.Value, nil, "servers keep metadata in lower case")
		told(tell, r.spelling(p.Name), nil, &p.Value, "servers keep metadata in lower case")
	}
	*params = kept
}

// untidy tells whether tidy has something to do about a parameter.
func (r Rules) untidy(name string) bool {
	spelled := r.spelling(name)
	return ownName(name) || spelled != "" && spelled != name
}

// spelling is how rules spell a parameter, or "" where they are not about it.
func (r Rules) spelling(name string) string {
	for _, s := range r.spelled {
		if strings.EqualFold(s, name) {
			return s
		}
	}
	return ""
}

// told tells what has become of a parameter of metadata.
func told(tell func(Step), name string, before, after *string, why string) {
	if tell != nil {
		tell(Step{Name: name, Before: before, After: after, Rule: why, Whose: Ours})
	}
}

// value is that of a parameter, or nil where there is none.
func value(params bbb.Params, name string) *string {
	if !params.Has(name) {
		return nil
	}
	v := params.Get(name)
	return &v
}

func same(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// apply does what one rule says. A value that is as it should be is written again all the same: it may have come with
// characters that one server drops and another one stumbles over, and no rule is to be got round by that.
func (s *step) apply(params *bbb.Params) {
	switch s.op {
	case store.ParamDefault:
		if !params.Has(s.name) {
			params.Set(s.name, s.value)
		}
	case store.ParamOverride:
		params.Set(s.name, s.value)
	case store.ParamRemove:
		params.Del(s.name)
	case store.ParamAdd:
		s.add(params)
	case store.ParamTake:
		s.take(params)
	case store.ParamCap:
		s.limit(params)
	}
}

func (s *step) add(params *bbb.Params) {
	has := params.Get(s.name)
	if !slices.ContainsFunc(s.items, func(item string) bool { return !contains(has, item) }) {
		params.Set(s.name, has)
		return
	}
	list := catalogue.Split(has)
	for _, item := range s.items {
		if !slices.Contains(list, item) {
			list = append(list, item)
		}
	}
	params.Set(s.name, strings.Join(list, ","))
}

// take takes values from a list. With the last one the parameter goes: to a server that is the same as an empty one.
func (s *step) take(params *bbb.Params) {
	has := params.Get(s.name)
	if !slices.ContainsFunc(s.items, func(item string) bool { return contains(has, item) }) {
		return
	}
	list := slices.DeleteFunc(catalogue.Split(has), func(item string) bool { return slices.Contains(s.items, item) })
	if len(list) == 0 {
		params.Del(s.name)
		return
	}
	params.Set(s.name, strings.Join(list, ","))
}

// contains tells whether a list has a value, as [catalogue.Items] reads it and without making anything.
func contains(list, item string) bool {
	for has := range catalogue.Items(list) {
		if has == item {
			return true
		}
	}
	return false
}

// limit keeps a number within what is allowed. 0 is unlimited, and so is what no server would read as a number.
func (s *step) limit(params *bbb.Params) {
	has := params.Get(s.name)
	if n, err := strconv.ParseInt(has, 10, 64); err == nil && n > 0 && n <= s.most {
		params.Set(s.name, has)
		return
	}
	params.Set(s.name, s.value)
}
