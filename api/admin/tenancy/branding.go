package tenancy

import (
	"slices"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// brand puts the branding into the rules of a tenant: what its meetings look like are defaults of creates.
func (t *Tenancy) brand(b v1.Branding, record *store.Tenant) mistakes {
	rules := record.Params
	for _, f := range []struct {
		name  string
		value *string
	}{
		{"logo", b.Logo},
		{"bannerText", b.BannerText},
		{"bannerColor", b.BannerColor},
		{"preUploadedPresentation", b.Presentation},
		{"preUploadedPresentationName", b.PresentationName},
	} {
		if f.value == nil {
			continue
		}
		rules = slices.DeleteFunc(slices.Clone(rules), func(r store.ParamRule) bool {
			return r.Call == "create" && r.Op == store.ParamDefault && r.Name == f.name
		})
		if *f.value != "" {
			rules = append(rules, store.ParamRule{Call: "create", Op: store.ParamDefault, Name: f.name, Value: *f.value})
		}
	}
	rules, wrong := t.rules(Params(rules))
	record.Params = rules
	return wrong
}
