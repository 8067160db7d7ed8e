package gateway_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Every combination of who says something about a parameter: as in Scalelite defaults come before what a tenant has for
// defaults, then the request, the overrides, and a tenant's overrides, of which the last that is there counts. What is
// excluded is taken from the request alone.
func TestGateway_Precedence(t *testing.T) {
	const sources = 6 // default, tenant's default, request, override, tenant's override, exclude
	var says [sources][]string
	want, asked, rules := map[string]string{}, "", []store.ParamRule{}
	for mask := range 1 << sources {
		name := fmt.Sprintf("userdata-p%d", mask)
		for i, value := range []string{"default", "tenantDefault", "request", "override", "tenantOverride", "exclude"} {
			if mask>>i&1 == 0 {
				continue
			}
			says[i] = append(says[i], name+"="+value)
			if excluded := mask>>5&1 == 1; i < 5 && (i != 2 || !excluded) {
				want[name] = value
			}
			switch i {
			case 1, 4:
				op := map[int]store.ParamOp{1: store.ParamDefault, 4: store.ParamOverride}[i]
				for _, call := range []string{"create", "join"} {
					rules = append(rules, store.ParamRule{Call: call, Op: op, Name: name, Value: value})
				}
			case 2:
				asked += "&" + name + "=" + value
			}
		}
	}
	exclude := strings.ReplaceAll(strings.Join(says[5], ","), "=exclude", "")
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, c *gatewayConfig) {
		c.Params.DefaultCreate, c.Params.OverrideCreate, c.Params.ExcludeCreate = strings.Join(says[0], ","), strings.Join(says[3], ","), exclude
		c.Params.DefaultJoin, c.Params.OverrideJoin, c.Params.ExcludeJoin = c.Params.DefaultCreate, c.Params.OverrideCreate, exclude
	}})
	arts, _, _ := p.faculties(func(t *store.Tenant) { t.Params = rules })
	arts.create("room", asked)
	m, _ := p.sims[0].Meeting("arts_room")
	joined := map[string]string{}
	for name, values := range arts.target("meetingID=room&fullName=Ada&role=VIEWER" + asked).Query() {
		joined[name] = values[0]
	}
	for call, got := range map[string]map[string]string{"create": m.Params, "join": joined} {
		maps.DeleteFunc(got, func(name, _ string) bool { return !strings.HasPrefix(name, "userdata-p") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", call, diff)
		}
	}
}

// drawRules draws rules for one call.
func drawRules(draw *rand.Rand, call string) (list []store.ParamRule) {
	ops := []store.ParamOp{store.ParamDefault, store.ParamOverride, store.ParamRemove, store.ParamAdd, store.ParamTake, store.ParamCap}
	for range draw.IntN(8) {
		rule := store.ParamRule{Call: call, Op: ops[draw.IntN(len(ops))], Name: []string{"welcome", "meta_Course", "userdata-x"}[draw.IntN(3)], Value: "v w"}
		switch {
		case rule.Op == store.ParamCap && call == "create":
			rule.Name, rule.Value = "duration", []string{"5", "90"}[draw.IntN(2)]
		case rule.Op == store.ParamCap:
			continue
		case rule.Op == store.ParamAdd, rule.Op == store.ParamTake:
			rule.Name, rule.Value = "disabledFeatures", []string{"chat", "polls,chat", "timer"}[draw.IntN(3)]
		case rule.Op == store.ParamRemove:
			rule.Value = ""
		}
		if _, err := params.Check(rule); err == nil {
			list = append(list, rule)
		}
	}
	return list
}

// What an operator is told about a call, rule by rule, is what its server is sent, whatever rules, limits and parameters
// there are.
func TestGateway_ExplainedAsSent(t *testing.T) {
	var f front
	config := params.Config{
		DefaultCreate: "welcome=pool,meta_course=pool", OverrideJoin: "userdata-x=pool", CreateRules: "disabledFeatures+=polls; duration<=600",
	}
	p := start(t, settings{
		servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) },
		change: func(_ *poller.Config, c *gatewayConfig) { c.Params = config },
	})
	arts, _, _ := p.faculties(func(t *store.Tenant) { t.Scoped = false })
	pool, err := config.Pool()
	if err != nil {
		t.Fatal(err)
	}
	draw := rand.New(rand.NewPCG(5, 1))
	for i := range 60 {
		var stored store.Tenant
		arts.set(func(s *store.Tenant) {
			s.Params = slices.Concat(drawRules(draw, "create"), drawRules(draw, "join"))
			s.Limits = store.Limits{NoRecording: draw.IntN(2) == 0, Duration: time.Duration(draw.IntN(3)) * time.Hour, MeetingPeople: draw.IntN(2) * 40}
			stored = *s
		})
		rules := pool.For(stored)
		asked := fmt.Sprintf("meetingID=room-%d&name=Room&fullName=Ada&role=VIEWER", i)
		for _, one := range []string{
			"welcome=mine", "META_COURSE=a", "meta_course=b", "meta_bbbpool-tenant=bio", "meta_BBBPOOL-Tenant=bio", "duration=0", "duration=30", "record=true",
			"autoStartRecording=true", "disabledFeatures=[chat,timer]", "userdata-x=a", "maxParticipants=500", "allowStartStopRecording=true",
		} {
			if draw.IntN(2) == 0 {
				asked += "&" + one
			}
		}
		if a := arts.call("create", asked); a.Returncode != "SUCCESS" {
			t.Fatalf("%s: %s", asked, a.body)
		}
		compareExplained(t, rules.Create, asked, means(t, f.lastAsked("/create").query))
		compareExplained(t, rules.Join, asked, means(t, arts.target(asked).RawQuery))
	}
}

// compareExplained checks that what rules do to a call, as they explain it step by step, is what the server got, but for what
// tells whose the meeting is.
func compareExplained(t *testing.T, rules params.Rules, asked string, got map[string]string) {
	t.Helper()
	sent, err := bbb.ParseParams(asked)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, p := range sent {
		want[p.Name] = p.Value
	}
	for _, s := range rules.Explain(sent) {
		was, has := want[s.Name]
		if has != (s.Before != nil) || has && was != *s.Before {
			t.Errorf("%s: a step about %s does not go on where it was, %q", asked, s.Name, was)
		}
		if delete(want, s.Name); s.After != nil {
			want[s.Name] = *s.After
		}
	}
	if got["meta_bbbpool-tenant"] == "arts" {
		delete(got, "meta_bbbpool-tenant")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-explained +sent):\n%s", asked, diff)
	}
}
