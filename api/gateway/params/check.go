package params

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/bbb/catalogue"
	"github.com/bbbpool/bbbpool/store"
)

// How much the rules of a tenant may be. All of it is walked by every create.
const (
	MaxRules = 200
	MaxValue = 4 << 10 // bytes
	maxName  = 256     // bytes
)

// reserved are the parameters that no rule is about: those that say which meeting it is and whose the call is, which the
// pool has read by then, and those that say who is who in it. A password that a rule sets on one create and not on the
// next would make the repeated create of a running meeting fail, and a role that one sets would win over the password.
var reserved = map[string][]string{
	catalogue.Create: {"meetingID", "checksum", "moderatorPW", "attendeePW", "isBreakout", "parentMeetingID", "sequence"},
	catalogue.Join:   {"meetingID", "checksum", "password", "role", "createTime"},
}

// ownName tells whether a parameter is the pool's own, whatever the setting.
func ownName(name string) bool {
	if name == "meetingID" || name == "checksum" {
		return true
	}
	const prefix = "meta_"
	if len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return false
	}
	return bbb.ReservedMeta(lower(name[len(prefix):]))
}

// lower makes small letters, and nothing new of a text that has none others.
func lower(text string) string {
	if strings.IndexFunc(text, unicode.IsUpper) < 0 {
		return text
	}
	return strings.ToLower(text)
}

func ours(rule store.ParamRule) error {
	return fmt.Errorf("%s is not for rules: which meeting it is, and who is who in it, the front end says, and what is bbbpool's "+
		"it sets itself", rule.Name)
}

// Normal returns a rule as it is stored: without blanks around it, and metadata in the small letters that servers make of it.
func Normal(rule store.ParamRule) store.ParamRule {
	rule.Name, rule.Value = strings.TrimSpace(rule.Name), strings.TrimSpace(rule.Value)
	if rule.Call == catalogue.Create && folds(rule.Name) {
		rule.Name = lower(rule.Name)
	}
	if rule.Op == store.ParamAdd || rule.Op == store.ParamTake {
		rule.Value = strings.Join(catalogue.Split(rule.Value), ",")
	}
	return rule
}

// Check tells what is wrong with a rule, or what may be: a wrong type is refused, a name that no release is known to have
// is warned of.
func Check(rule store.ParamRule) (warning string, err error) {
	if err := checkForm(rule); err != nil {
		return "", err
	}
	if slices.Contains(reserved[rule.Call], rule.Name) || ownName(rule.Name) {
		return "", ours(rule)
	}
	if err := catalogue.CheckName(rule.Call, rule.Name); err != nil {
		return "", err
	}
	p, known := catalogue.Of(rule.Call, rule.Name)
	if err := checkOp(rule, p, known); err != nil {
		return "", err
	}
	if rule.Op == store.ParamRemove {
		return unknown(rule, known), nil
	}
	strange, err := catalogue.Check(rule.Call, rule.Name, rule.Value)
	if err != nil || !strange {
		return "", err
	}
	return unknown(rule, known), nil
}

// unknown warns of a name, or else of a value.
func unknown(rule store.ParamRule, known bool) string {
	switch {
	case !known:
		return fmt.Sprintf("%s: no known release of BigBlueButton has such a parameter of %s", rule.Name, rule.Call)
	case rule.Op == store.ParamRemove:
		return ""
	}
	return fmt.Sprintf("%s=%s: no known release of BigBlueButton has such a value", rule.Name, rule.Value)
}

// checkForm tells whether a rule is one at all.
func checkForm(rule store.ParamRule) error {
	switch {
	case rule.Call != catalogue.Create && rule.Call != catalogue.Join:
		return fmt.Errorf("call %q: want %s or %s", rule.Call, catalogue.Create, catalogue.Join)
	case rule.Name == "" || len(rule.Name) > maxName || strings.Trim(rule.Name, "-") != rule.Name || !isName(rule.Name):
		return fmt.Errorf("parameter %.60q: want a name of letters, digits, _ - . and :, at most %d", rule.Name, maxName)
	case len(rule.Value) > MaxValue:
		return fmt.Errorf("%s: the value has %d bytes, of at most %d", rule.Name, len(rule.Value), MaxValue)
	case !plain(rule.Value):
		return fmt.Errorf("%s: the value has control characters, which servers drop, or is not UTF-8", rule.Name)
	}
	return nil
}

// isName tells whether something may be the name of a parameter. Those that servers have are simpler still.
func isName(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool {
		return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("_-.:", c)
	}) < 0
}

func plain(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, unicode.IsControl) < 0
}

// checkOp tells whether an operator fits what it is to work on. What is not known may be anything.
func checkOp(rule store.ParamRule, p catalogue.Parameter, known bool) error {
	known = known && !p.Free
	switch rule.Op {
	case store.ParamDefault, store.ParamOverride:
	case store.ParamRemove:
		if rule.Value != "" {
			return fmt.Errorf("%s: remove takes no value", rule.Name)
		}
	case store.ParamAdd, store.ParamTake:
		if len(catalogue.Split(rule.Value)) == 0 {
			return fmt.Errorf("%s: %s wants values, separated by commas", rule.Name, rule.Op)
		}
		if known && p.Kind != catalogue.List {
			return fmt.Errorf("%s: %s is for lists, and this is no list but %s", rule.Name, rule.Op, p.Kind)
		}
	case store.ParamCap:
		if known && p.Kind != catalogue.Number {
			return fmt.Errorf("%s: cap is for numbers, and this is no number but %s", rule.Name, p.Kind)
		}
		return checkCap(rule)
	default:
		return fmt.Errorf("operator %q: want %s, %s, %s, %s, %s or %s", rule.Op, store.ParamDefault, store.ParamOverride,
			store.ParamRemove, store.ParamAdd, store.ParamTake, store.ParamCap)
	}
	return nil
}

func checkCap(rule store.ParamRule) error {
	number := func(c rune) bool { return c < '0' || c > '9' }
	if rule.Value == "" || len(rule.Value) > 9 || strings.IndexFunc(rule.Value, number) >= 0 || strings.Trim(rule.Value, "0") == "" {
		return fmt.Errorf("%s: cap %.20q: want a whole number from 1 to 999999999", rule.Name, rule.Value)
	}
	return nil
}

// CheckAll checks all rules of a tenant, or of a setting. The error names every one that is wrong.
func CheckAll(rules []store.ParamRule) (warnings []string, err error) {
	if len(rules) > MaxRules {
		return nil, fmt.Errorf("%d rules for parameters, of at most %d", len(rules), MaxRules)
	}
	type key struct{ call, op, name string }
	seen := map[key]bool{}
	for _, rule := range rules {
		warning, wrong := Check(rule)
		if k := (key{rule.Call, string(rule.Op), rule.Name}); wrong == nil && seen[k] {
			wrong = fmt.Errorf("%s %s: there are two rules of that kind", rule.Op, rule.Name)
		} else {
			seen[k] = true
		}
		err = errors.Join(err, wrong)
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return warnings, err
}
