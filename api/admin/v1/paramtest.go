package v1

import (
	"context"
	"net/http"
	"net/url"
)

// ParamRules are the rules of a tenant, and what in them may not do what was meant.
type ParamRules struct {
	Rules    []ParamRule `json:"rules"`
	Warnings []string    `json:"warnings"`
}

// ParamQuestion is a call of a front end whose parameters are to be explained.
type ParamQuestion struct {
	Call   string            `json:"call"`             // "create" or "join"
	Query  string            `json:"query,omitempty"`  // as a front end would send it, or the whole link
	Params map[string]string `json:"params,omitempty"` // behind those of the query
}

// ParamAnswer is what becomes of the call.
type ParamAnswer struct {
	Steps  []ParamStep  `json:"steps"`  // every rule that changes something, in the order in which it does
	Params []ParamValue `json:"params"` // that the server would be sent
	Query  string       `json:"query"`  // the same, as it would be sent
}

// ParamStep is what one rule does to one parameter.
type ParamStep struct {
	Name   string  `json:"name"`
	Before *string `json:"before"` // null where it was not there
	After  *string `json:"after"`  // null where it is not there any more
	Rule   string  `json:"rule"`
	Whose  string  `json:"whose"` // "pool", "tenant" or "bbbpool"
}

// ParamValue is a parameter.
type ParamValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Params returns the rules for the parameters of a tenant's calls.
func (t Tenants) Params(ctx context.Context, id string) (ParamRules, error) {
	return call[ParamRules](ctx, t.client, http.MethodGet, paramsOf(id), nil, nil)
}

// SetParam gives a tenant a rule, in the place of one of that kind for the same parameter.
func (t Tenants) SetParam(ctx context.Context, id string, rule ParamRule) (ParamRules, error) {
	return call[ParamRules](ctx, t.client, http.MethodPut, paramsOf(id), nil, rule)
}

// UnsetParam takes away the rules for a parameter, or only that with an operator.
func (t Tenants) UnsetParam(ctx context.Context, id, of, name, op string) (ParamRules, error) {
	query := url.Values{"call": {of}, "name": {name}}
	if op != "" {
		query.Set("op", op)
	}
	return call[ParamRules](ctx, t.client, http.MethodDelete, paramsOf(id), query, nil)
}

// TestParams tells what would become of a call's parameters, and why.
func (t Tenants) TestParams(ctx context.Context, id string, q ParamQuestion) (ParamAnswer, error) {
	return call[ParamAnswer](ctx, t.client, http.MethodPost, paramsOf(id)+"/test", nil, q)
}

func paramsOf(id string) string { return "/tenants/" + url.PathEscape(id) + "/params" }
