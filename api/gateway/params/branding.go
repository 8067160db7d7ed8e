package params

import (
	"slices"

	"github.com/bbbpool/bbbpool/api/bbb/catalogue"
	"github.com/bbbpool/bbbpool/store"
)

// Branding is what the meetings of a tenant look like unless a front end says otherwise. What is nil stays as it is, what
// is empty goes.
type Branding struct {
	Logo, BannerText, BannerColor      *string
	Presentation, PresentationFilename *string // an address of slides; how the file is called, which tells what it is
}

// In returns the rules with those that make up the branding, as defaults of creates.
func (b Branding) In(rules []store.ParamRule) []store.ParamRule {
	rules = slices.Clone(rules)
	for _, f := range []struct {
		name  string
		value *string
	}{
		{"logo", b.Logo},
		{"bannerText", b.BannerText},
		{"bannerColor", b.BannerColor},
		{"preUploadedPresentation", b.Presentation},
		{"preUploadedPresentationName", b.PresentationFilename},
	} {
		if f.value == nil {
			continue
		}
		rule := store.ParamRule{Call: catalogue.Create, Op: store.ParamDefault, Name: f.name, Value: *f.value}
		if rules = Without(rules, rule); *f.value != "" {
			rules = append(rules, rule)
		}
	}
	return rules
}

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
