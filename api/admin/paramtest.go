package admin

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/bbb/catalogue"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/store"
)

// TenantParams shows and changes the rules for the parameters of tenants' calls, and explains what they do.
type TenantParams struct {
	Tenants ParamTenants
	Pool    params.Pool // the rules that hold for all of them
}

// ParamTenants are the tenants whose rules these are.
type ParamTenants interface {
	// Get returns a tenant, or an error for the caller.
	Get(ctx context.Context, id string) (store.Tenant, error)
	// Edit changes a tenant, and returns it as it was and as it is. Once it has returned the change is in force.
	Edit(ctx context.Context, id string, change func(*store.Tenant) error) (before, after store.Tenant, err error)
}

func (t *TenantParams) routes() frame.Routes {
	return frame.Routes{
		"GET /tenants/{id}/params":       frame.Own(t.list, confine.ByPath(), access.Read),
		"PUT /tenants/{id}/params":       frame.Own(t.set, confine.ByPath(), access.Admin),
		"DELETE /tenants/{id}/params":    frame.Own(t.unset, confine.ByPath(), access.Admin),
		"POST /tenants/{id}/params/test": frame.Own(t.test, confine.ByPath(), access.Read).Asking(),
	}
}

func (t *TenantParams) list(r *http.Request) (any, error) {
	tenant, err := t.Tenants.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return paramRules(tenant.Params), nil
}

// set gives a tenant one more rule, or another in the place of one.
func (t *TenantParams) set(r *http.Request) (any, error) {
	var asked v1.ParamRule
	if err := frame.Read(r, &asked); err != nil {
		return nil, err
	}
	rule := params.Normal(store.ParamRule{
		Call: asked.Call, Op: store.ParamOp(asked.Op), Name: asked.Name, Value: asked.Value,
	})
	if _, err := params.Check(rule); err != nil {
		return nil, v1.Invalid("%v", err)
	}
	return t.change(r, "set", rule, func(tenant *store.Tenant) error {
		rules := params.With(tenant.Params, rule)
		if len(rules) > params.MaxRules {
			return v1.Conflict("tenant %s has %d rules for parameters already, and may have no more", tenant.ID, len(tenant.Params))
		}
		tenant.Params = rules
		return nil
	})
}

// unset takes away what there is for a parameter.
func (t *TenantParams) unset(r *http.Request) (any, error) {
	query := r.URL.Query()
	rule := params.Normal(store.ParamRule{
		Call: query.Get("call"), Op: store.ParamOp(query.Get("op")), Name: query.Get("name"),
	})
	if rule.Call == "" || rule.Name == "" {
		return nil, v1.Invalid("call and name: want which rule is to go")
	}
	return t.change(r, "remove", rule, func(tenant *store.Tenant) error {
		rules := params.Without(tenant.Params, rule)
		if len(rules) == len(tenant.Params) {
			return v1.NotFound("tenant %s has no such rule for %s of %s", tenant.ID, rule.Name, rule.Call)
		}
		tenant.Params = rules
		return nil
	})
}

// change changes the rules of a tenant. The gateway goes by them from then on.
func (t *TenantParams) change(
	r *http.Request, action string, about store.ParamRule, change func(*store.Tenant) error,
) (any, error) {
	before, tenant, err := t.Tenants.Edit(r.Context(), r.PathValue("id"), change)
	if tenant.ID == "" { // else it is stored, and err says that it is not in force yet
		return nil, err
	}
	frame.Logger(r).Info().Str("tenant", tenant.ID).Int("rules", len(tenant.Params)).Msg("rules for parameters changed")
	shown := paramRules(tenant.Params)
	return frame.Changed{
		Answer: shown, Action: action, Kind: "parameter", Object: about.Call + " " + about.Name, Tenant: tenant.ID,
		Before: rulesOf(before, about), After: rulesOf(tenant, about),
	}, err
}

// rulesOf are a tenant's rules for one parameter of a call; nil where there are none.
func rulesOf(tenant store.Tenant, about store.ParamRule) any {
	list := slices.DeleteFunc(slices.Clone(tenant.Params), func(rule store.ParamRule) bool {
		return rule.Call != about.Call || rule.Name != about.Name
	})
	if len(list) == 0 {
		return nil
	}
	return paramRules(list).Rules
}

// paramRules shows rules, and warns of those that may not do what was meant.
func paramRules(list []store.ParamRule) v1.ParamRules {
	shown := v1.ParamRules{Rules: []v1.ParamRule{}, Warnings: []string{}}
	for _, rule := range list {
		shown.Rules = append(shown.Rules, v1.ParamRule{
			Call: rule.Call, Op: string(rule.Op), Name: rule.Name, Value: rule.Value,
		})
		warning, err := params.Check(rule)
		if err != nil {
			warning = err.Error() + "; it is left out"
		}
		if warning != "" {
			shown.Warnings = append(shown.Warnings, warning)
		}
	}
	return shown
}

// test explains what would become of a call. Nothing is sent anywhere.
func (t *TenantParams) test(r *http.Request) (any, error) {
	var q v1.ParamQuestion
	if err := frame.Read(r, &q); err != nil {
		return nil, err
	}
	tenant, err := t.Tenants.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	sent, err := sentParams(q)
	if err != nil {
		return nil, err
	}
	all := t.Pool.For(tenant)
	rules := all.Create
	switch q.Call {
	case catalogue.Create:
	case catalogue.Join:
		rules = all.Join
	default:
		return nil, v1.Invalid("call %q: want create or join", q.Call)
	}
	answer := v1.ParamAnswer{Steps: []v1.ParamStep{}, Params: []v1.ParamValue{}}
	for _, s := range rules.Explain(sent) {
		answer.Steps = append(answer.Steps, v1.ParamStep{
			Name: s.Name, Before: s.Before, After: s.After, Rule: s.Rule, Whose: string(s.Whose),
		})
	}
	rules.Apply(&sent)
	for _, p := range sent {
		answer.Params = append(answer.Params, v1.ParamValue{Name: p.Name, Value: p.Value})
	}
	answer.Query = sent.Encode()
	return answer, nil
}

// sentParams reads the call in question: a query, a whole link, or names and values, as front ends and people have them.
func sentParams(q v1.ParamQuestion) (bbb.Params, error) {
	query := q.Query
	if i := strings.IndexByte(query, '?'); i == 0 || i > 0 && strings.Contains(query[:i], "://") {
		query = query[i+1:]
	}
	sent, err := bbb.ParseParams(query)
	if err != nil || len(sent)+len(q.Params) > bbb.MaxParams {
		return nil, v1.Invalid("more than %d parameters", bbb.MaxParams)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Params)) {
		sent.Set(name, q.Params[name])
	}
	return sent, nil
}

// readParams returns rules as they are stored, or what is wrong with them.
func readParams(list []store.ParamRule) ([]store.ParamRule, error) {
	rules := make([]store.ParamRule, 0, len(list))
	for _, rule := range list {
		rules = append(rules, params.Normal(rule))
	}
	_, err := params.CheckAll(rules)
	return rules, err
}
