package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/store"
)

// paramPool is a pool with a tenant, which counts how often tenants are read again.
func paramPool(t *testing.T, reloaded *int) *testPool {
	t.Helper()
	p := newTestPool(t)
	if _, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{ID: "moodle"}); err != nil {
		t.Fatal(err)
	}
	p.api.Tenants.Reload = reload(reloaded)
	return p
}

// Rules are stored as servers and people mean them, one of a kind for a parameter, and are in force at once.
func TestTenantParams_Change(t *testing.T) {
	reloaded := 0
	p := paramPool(t, &reloaded)
	set := func(call, op, name, value string) (v1.ParamRules, error) {
		return p.Tenants.SetParam(t.Context(), "moodle", v1.ParamRule{Call: call, Op: op, Name: name, Value: value})
	}
	for _, rule := range []v1.ParamRule{
		{Call: "create", Op: "default", Name: "logo", Value: "https://a.example.edu/old.png"},
		{Call: "create", Op: "default", Name: "logo", Value: " https://a.example.edu/new.png"},
		{Call: "create", Op: "add", Name: "disabledFeatures", Value: "chat, polls"},
		{Call: "create", Op: "override", Name: "META_Course", Value: "x"},
		{Call: "join", Op: "remove", Name: "avatarURL"},
	} {
		if got, err := set(rule.Call, rule.Op, rule.Name, rule.Value); err != nil || len(got.Warnings) != 0 {
			t.Errorf("%+v: %+v, %v", rule, got, err)
		}
	}
	got, err := set("create", "override", "telepathy", "on")
	if err != nil || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "telepathy") {
		t.Errorf("%+v, %v", got, err)
	}
	want := []v1.ParamRule{
		{Call: "create", Op: "default", Name: "logo", Value: "https://a.example.edu/new.png"},
		{Call: "create", Op: "add", Name: "disabledFeatures", Value: "chat,polls"},
		{Call: "create", Op: "override", Name: "meta_course", Value: "x"},
		{Call: "join", Op: "remove", Name: "avatarURL"},
		{Call: "create", Op: "override", Name: "telepathy", Value: "on"},
	}
	listed, err := p.Tenants.Params(t.Context(), "moodle")
	if diff := cmp.Diff(v1.ParamRules{Rules: want, Warnings: got.Warnings}, listed); diff != "" || err != nil {
		t.Errorf("listed (-want +got):\n%s%v", diff, err)
	}
	if reloaded != 6 {
		t.Errorf("read again %d times, want 6", reloaded)
	}
	if got, err = p.Tenants.UnsetParam(t.Context(), "moodle", "create", "Meta_course", ""); err != nil || len(got.Rules) != 4 {
		t.Errorf("unset: %+v, %v", got, err)
	}
	_, err = p.Tenants.UnsetParam(t.Context(), "moodle", "create", "logo", "override")
	refused(t, err, http.StatusNotFound, "no such rule")
	if got, err = p.Tenants.UnsetParam(t.Context(), "moodle", "create", "logo", "default"); err != nil || len(got.Rules) != 3 {
		t.Errorf("unset: %+v, %v", got, err)
	}
}

// What cannot work is refused, and leaves everything as it was.
func TestTenantParams_Refused(t *testing.T) {
	reloaded := 0
	p := paramPool(t, &reloaded)
	for _, c := range []struct {
		rule   v1.ParamRule
		status int
		want   string
	}{
		{v1.ParamRule{Call: "create", Op: "override", Name: "record", Value: "yes"}, 400, "want true or false"},
		{v1.ParamRule{Call: "create", Op: "cap", Name: "record", Value: "1"}, 400, "cap is for numbers"},
		{v1.ParamRule{Call: "create", Op: "override", Name: "meetingID", Value: "x"}, 400, "not for rules"},
		{v1.ParamRule{Call: "end", Op: "override", Name: "a", Value: "x"}, 400, "want create or join"},
		{v1.ParamRule{Call: "create", Op: "double", Name: "a", Value: "x"}, 400, "operator"},
		{v1.ParamRule{}, 400, "want create or join"},
	} {
		_, err := p.Tenants.SetParam(t.Context(), "moodle", c.rule)
		refused(t, err, c.status, c.want)
	}
	_, err := p.Tenants.SetParam(t.Context(), "nobody", v1.ParamRule{Call: "create", Op: "remove", Name: "a"})
	refused(t, err, http.StatusNotFound, "nobody")
	_, err = p.Tenants.UnsetParam(t.Context(), "moodle", "", "", "")
	refused(t, err, http.StatusBadRequest, "call and name")
	_, err = p.Tenants.Params(t.Context(), "nobody")
	refused(t, err, http.StatusNotFound, "nobody")
	p.api.Tenants.Environment = []store.Secret{"given"}
	_, err = p.Tenants.SetParam(t.Context(), "default", v1.ParamRule{Call: "create", Op: "remove", Name: "a"})
	refused(t, err, http.StatusConflict, "not stored yet")
	_, err = p.stores.State.UpdateTenant(t.Context(), "moodle", func(tenant *store.Tenant) error {
		tenant.Params = make([]store.ParamRule, params.MaxRules)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Tenants.SetParam(t.Context(), "moodle", v1.ParamRule{Call: "create", Op: "remove", Name: "a"})
	refused(t, err, http.StatusConflict, "may have no more")
	if reloaded != 0 {
		t.Errorf("read again %d times", reloaded)
	}
}

// What a call becomes is told rule by rule, those of the pool among them, and nothing is changed.
func TestTenantParams_Test(t *testing.T) {
	reloaded := 0
	p := paramPool(t, &reloaded)
	pool, err := params.Config{DefaultCreate: "muteOnStart=true", MaxDuration: 60, OverrideJoin: "redirect=true"}.Pool()
	if err != nil {
		t.Fatal(err)
	}
	p.api.Params.Pool = pool
	if _, err := p.Tenants.SetParam(t.Context(), "moodle", v1.ParamRule{Call: "create", Op: "remove", Name: "logo"}); err != nil {
		t.Fatal(err)
	}
	for _, q := range []v1.ParamQuestion{
		{Call: "create", Query: "logo=a&name=b%20c&checksum=x"},
		{Call: "create", Query: "?logo=a&name=b%20c"},
		{Call: "create", Query: "https://pool.example.edu/bigbluebutton/api/create?logo=a&name=b%20c&checksum=0"},
	} {
		got, err := p.Tenants.TestParams(t.Context(), "moodle", q)
		if err != nil {
			t.Fatal(err)
		}
		value := func(s string) *string { return &s }
		want := v1.ParamAnswer{
			Steps: []v1.ParamStep{
				{Name: "muteOnStart", After: value("true"), Rule: "muteOnStart?=true (--default-create-params)", Whose: "pool"},
				{Name: "logo", Before: value("a"), Rule: "-logo", Whose: "tenant"},
				{Name: "duration", After: value("60"), Rule: "duration<=60 (--max-meeting-duration)", Whose: "pool"},
			},
			Params: []v1.ParamValue{{Name: "name", Value: "b c"}, {Name: "muteOnStart", Value: "true"}, {Name: "duration", Value: "60"}},
			Query:  "name=b%20c&muteOnStart=true&duration=60",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", q.Query, diff)
		}
	}
	got, err := p.Tenants.TestParams(t.Context(), "moodle", v1.ParamQuestion{Call: "join", Params: map[string]string{"b": "&", "a": "1"}})
	if err != nil || got.Query != "a=1&b=%26&redirect=true" || len(got.Steps) != 1 {
		t.Errorf("join: %+v, %v", got, err)
	}
	_, err = p.Tenants.TestParams(t.Context(), "moodle", v1.ParamQuestion{Call: "end"})
	refused(t, err, http.StatusBadRequest, "want create or join")
	_, err = p.Tenants.TestParams(t.Context(), "nobody", v1.ParamQuestion{Call: "create"})
	refused(t, err, http.StatusNotFound, "nobody")
	_, err = p.Tenants.TestParams(t.Context(), "moodle", v1.ParamQuestion{Call: "create", Query: strings.Repeat("a=1&", 1001)})
	refused(t, err, http.StatusBadRequest, "more than 1000")
}
