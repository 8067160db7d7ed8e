package params

import (
	"slices"

	"github.com/bbbpool/bbbpool/store"
)

// With returns the rules with one more, which takes the place of another of its kind for the same parameter.
func With(rules []store.ParamRule, rule store.ParamRule) []store.ParamRule {
	rules = slices.Clone(rules)
	for i := range rules {
		if alike(rules[i], rule) {
			rules[i] = rule
			return rules
		}
	}
	return append(rules, rule)
}

// Without returns the rules without those of a kind for a parameter; where the operator is "" without all for it.
func Without(rules []store.ParamRule, rule store.ParamRule) []store.ParamRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r store.ParamRule) bool {
		return alike(r, rule) || rule.Op == "" && r.Call == rule.Call && r.Name == rule.Name
	})
}

func alike(a, b store.ParamRule) bool { return a.Call == b.Call && a.Op == b.Op && a.Name == b.Name }
