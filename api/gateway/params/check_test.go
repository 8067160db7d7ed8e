package params_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/store"
)

// A rule is refused where it cannot do what it says, and warned of where servers may not know what it is about.
func TestCheck(t *testing.T) {
	for _, c := range []struct{ call, rule, refused, warned string }{
		{"create", "record=true", "", ""},
		{"create", "record?=true", "", ""},
		{"create", "-record", "", ""},
		{"create", "record=yes", "want true or false", ""},
		{"create", "record+=true", "add is for lists", ""},
		{"create", "record<=1", "cap is for numbers", ""},
		{"create", "duration<=90", "", ""},
		{"create", "duration<=0", "from 1 to", ""},
		{"create", "duration<=00", "from 1 to", ""},
		{"create", "duration<=", "from 1 to", ""},
		{"create", "duration<=-5", "from 1 to", ""},
		{"create", "duration<=9999999999", "from 1 to", ""},
		{"create", "duration-=5", "take is for lists", ""},
		{"create", "disabledFeatures+=chat", "", ""},
		{"create", "disabledFeatures+=", "wants values", ""},
		{"create", "disabledFeatures-=telepathy", "", "disabledFeatures=telepathy"},
		{"create", "newFeature=1", "", "newFeature: no known release"},
		{"create", "newFeature<=1", "", "newFeature: no known release"},
		{"create", "newFeature+=1", "", "newFeature: no known release"},
		{"create", "-newFeature", "", "newFeature: no known release"},
		{"create", "meta_formats+=a", "", ""},
		{"create", "meta_a_b=1", "servers drop such a name", ""},
		{"create", "meetingID=x", "not for rules", ""},
		{"create", "-meetingID", "not for rules", ""},
		{"create", "checksum=x", "not for rules", ""},
		{"create", "moderatorPW?=x", "not for rules", ""},
		{"create", "attendeePW=x", "not for rules", ""},
		{"create", "isBreakout=true", "not for rules", ""},
		{"create", "META_bbbpool-tenant=x", "not for rules", ""},
		{"create", "meta_tenant-id=x", "not for rules", ""},
		{"create", "meta_bbbpool-keep?=true", "", ""},
		{"join", "role=MODERATOR", "not for rules", ""},
		{"join", "password?=x", "not for rules", ""},
		{"join", "meta_bbbpool-meeting-id=x", "not for rules", ""},
		{"join", "record=true", "", "record: no known release"},
		{"end", "password=x", `call "end"`, ""},
		{"create", "a b=1", "want a name", ""},
		{"create", "meta_x<=5", "", ""},
		{"join", "userdata-x+=a", "", ""},
		{"create", "é=1", "want a name", ""},
		{"create", "a&b=1", "want a name", ""},
		{"create", "welcome=a\x01b", "control characters", ""},
		{"create", "welcome=\xff", "not UTF-8", ""},
		{"create", "welcome=" + strings.Repeat("x", params.MaxValue+1), "4097 bytes", ""},
		{"create", strings.Repeat("x", 257) + "=1", "want a name", ""},
	} {
		rule := rules(t, c.call, c.rule)[0]
		warning, err := params.Check(rule)
		if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%.60s: %v, want %q", c.rule, err, c.refused)
		}
		if (warning != "") != (c.warned != "") || !strings.Contains(warning, c.warned) {
			t.Errorf("%.60s: warned of %q, want %q", c.rule, warning, c.warned)
		}
	}
	if _, err := params.Check(store.ParamRule{Call: "create", Op: store.ParamRemove, Name: "logo", Value: "x"}); err == nil {
		t.Error("a removal with a value is taken")
	}
	if _, err := params.Check(store.ParamRule{Call: "create", Op: "double", Name: "duration"}); err == nil {
		t.Error("an operator that there is not is taken")
	}
}

// Too many rules are refused, and two that would do the same thing.
func TestCheckAll(t *testing.T) {
	var many []store.ParamRule
	for range params.MaxRules + 1 {
		many = append(many, store.ParamRule{Call: "create", Op: store.ParamRemove, Name: "x"})
	}
	if _, err := params.CheckAll(many); err == nil || !strings.Contains(err.Error(), "201 rules") {
		t.Errorf("%v", err)
	}
	if _, err := params.CheckAll(rules(t, "create", "logo=/a;logo?=/b;logo=/c")); err == nil || !strings.Contains(err.Error(), "two rules") {
		t.Errorf("%v", err)
	}
	if warned, err := params.CheckAll(rules(t, "create", "odd=1;logo?=/b;odder=1")); err != nil || len(warned) != 2 {
		t.Errorf("%v, %v", warned, err)
	}
}

// What is written is read as the same rule.
func TestFormat(t *testing.T) {
	const text = `a=1;b?=2;-c;d+=x,y;e-=z;f<=9;g=\;\\;h==?;i=`
	list := rules(t, "create", text)
	var again []string
	for _, rule := range list {
		again = append(again, params.Format(rule))
	}
	if got := strings.Join(again, ";"); got != text || len(list) != 9 || list[6].Value != `;\` || list[7].Value != "=?" {
		t.Errorf("%s, want %s: %+v", got, text, list)
	}
	for _, wrong := range []string{"a", "=1", "+=1", "?=", "-"} {
		if list, err := params.Parse("create", wrong); err == nil && wrong != "-" {
			t.Errorf("%q is taken: %v", wrong, list)
		}
	}
}

// FuzzParse: whatever is read as rules is written and read again as the same ones.
func FuzzParse(f *testing.F) {
	f.Add(`a=1;b?=2;-c;d+=x,y;e-=z;f<=9;g=\;\\`)
	f.Add(`a+=[[!;b-=,[x],]y],[`)
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := params.Parse("create", text)
		for _, rule := range list {
			if _, err := params.Check(rule); err != nil {
				continue
			}
			again, err := params.Parse("create", params.Format(rule))
			if err != nil || len(again) != 1 || again[0] != rule {
				t.Errorf("%+v became %+v, %v", rule, again, err)
			}
		}
	})
}

// One more rule takes the place of another of its kind; without one of a kind the others stay.
func TestWith(t *testing.T) {
	list := rules(t, "create", "logo?=/old.png;logo=/forced.png;bannerText?=old")
	if all := params.Without(list, store.ParamRule{Call: "create", Name: "logo"}); len(all) != 1 {
		t.Errorf("%v", all)
	}
	if one := params.With(list, store.ParamRule{Call: "create", Op: store.ParamOverride, Name: "logo", Value: "/x"}); one[1].Value != "/x" {
		t.Errorf("%v", one)
	}
	if len(list) != 3 || list[1].Value != "/forced.png" {
		t.Errorf("the rules that came in were changed: %v", list)
	}
}
