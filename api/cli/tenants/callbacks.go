package tenants

import (
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Callbacks are flags for how a tenant is called back.
type Callbacks struct {
	CallbackNames     *string `placeholder:"NAME,…" help:"Further meta_ parameters that are callbacks, instead of those that are now: servers do not get them; an empty one for none."`
	CallbackAlgorithm *string `placeholder:"NAME" help:"Algorithm that its tokens are signed with: HS256 (the default: analytics have HS512 with it, as Greenlight and Moodle verify them), HS384 or HS512."`
	CallbackInsecure  *bool   `negatable:"" help:"Do not verify the certificates of its receivers."`
	Analytics         *bool   `negatable:"" help:"Keep what servers tell of who did what in its meetings, for --analytics-keep."`
}

// callbacks is what the flags ask for; nil where they ask for nothing.
func (c Callbacks) callbacks() *v1.CallbackChange {
	if c == (Callbacks{}) {
		return nil
	}
	asked := v1.CallbackChange{Algorithm: c.CallbackAlgorithm, Insecure: c.CallbackInsecure, Analytics: c.Analytics}
	if c.CallbackNames != nil {
		names := words(*c.CallbackNames)
		asked.Names = &names
	}
	return &asked
}

// calledBack says how a tenant is called back, where that is not as usual.
func calledBack(c v1.TenantCallbacks) (pairs [][2]string) {
	if len(c.Names) > 0 {
		pairs = append(pairs, [2]string{"further callbacks", strings.Join(c.Names, " ")})
	}
	if c.Algorithm != usualAlgorithm {
		pairs = append(pairs, [2]string{"tokens", c.Algorithm})
	}
	if c.Insecure {
		pairs = append(pairs, [2]string{"certificates", "not verified"})
	}
	if c.Analytics {
		pairs = append(pairs, [2]string{"analytics", "kept"})
	}
	return pairs
}

// usualAlgorithm is the one that tokens are signed with where nobody asks for another.
const usualAlgorithm = "HS256"

// called is how a tenant is called back, as a list in YAML has it.
type called struct {
	Names     []string `yaml:"names,omitempty,flow"`
	Algorithm string   `yaml:"algorithm,omitempty"`
	Insecure  bool     `yaml:"insecure,omitempty"`
	Analytics bool     `yaml:"analytics,omitempty"`
}

// wanted is what a list asks for; nil for nothing.
func (c *called) wanted() *v1.TenantCallbacks {
	if c == nil {
		return nil
	}
	asked := v1.TenantCallbacks(*c)
	asked.Names = append([]string{}, asked.Names...)
	return &asked
}

// calledOf is what a list says; nil for what is as usual.
func calledOf(c v1.TenantCallbacks) *called {
	l := called(c)
	if l.Algorithm == usualAlgorithm {
		l.Algorithm = ""
	}
	if len(l.Names) == 0 && l.Algorithm == "" && !l.Insecure && !l.Analytics {
		return nil
	}
	return &l
}
