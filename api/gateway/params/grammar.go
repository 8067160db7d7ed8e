package params

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// Rules in text are separated by semicolons, and each reads like what it does:
//
//	muteOnStart=true              override
//	welcome?=Hello, world         default
//	-logo                         remove
//	disabledFeatures+=chat,polls  add
//	disabledFeatures-=chat        take
//	duration<=90                  cap
//
// A semicolon in a value is written as "\;", a backslash before one, or before another backslash, as "\\".

// operators are the signs of the operators that have a value.
var operators = []struct {
	sign string
	op   store.ParamOp
}{
	{"?=", store.ParamDefault},
	{"+=", store.ParamAdd},
	{"-=", store.ParamTake},
	{"<=", store.ParamCap},
	{"=", store.ParamOverride}, // the others end in it
}

// Parse reads rules for a call from text. The error names everything that is none.
func Parse(call, text string) (rules []store.ParamRule, err error) {
	for _, part := range split(text) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		rule, wrong := parse(part)
		if wrong != nil {
			err = errors.Join(err, wrong)
			continue
		}
		rule.Call = call
		rules = append(rules, Normal(rule))
	}
	return rules, err
}

func parse(part string) (rule store.ParamRule, err error) {
	at := strings.IndexByte(part, '=')
	if name, ok := strings.CutPrefix(part, "-"); ok && at < 0 {
		return store.ParamRule{Op: store.ParamRemove, Name: name}, nil
	}
	for _, o := range operators {
		if start := at + 1 - len(o.sign); start >= 0 && part[start:at+1] == o.sign {
			if start == 0 {
				break // there is no name
			}
			return store.ParamRule{Op: o.op, Name: part[:start], Value: part[at+1:]}, nil
		}
	}
	return rule, fmt.Errorf("%.60q: want name=value, name?=value, -name, name+=a,b, name-=a,b or name<=90", part)
}

// split cuts text at its semicolons.
func split(text string) (parts []string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == ';' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case c == ';':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(parts, b.String())
}

// escapes are how a value stands in text.
var escapes = strings.NewReplacer(`\`, `\\`, `;`, `\;`)

// Format writes a rule as Parse reads it.
func Format(rule store.ParamRule) string {
	if rule.Op == store.ParamRemove {
		return "-" + rule.Name
	}
	for _, o := range operators {
		if o.op == rule.Op {
			return rule.Name + o.sign + escapes.Replace(rule.Value)
		}
	}
	return rule.Name + " " + string(rule.Op) + " " + rule.Value
}
