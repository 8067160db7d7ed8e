package tenancy

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// maxCallbackNames and maxCallbackName bound the further callbacks of a tenant.
	maxCallbackNames = 20
	maxCallbackName  = 100 // bytes
	// usual is the algorithm by which Greenlight and Moodle verify what tells of a recording. Analytics have HS512 with it.
	usual = "HS256"
)

// algorithms are those that tokens may be signed with.
var algorithms = []string{usual, "HS384", "HS512"}

// metaForm is the name of a piece of metadata, as BigBlueButton keeps it.
var metaForm = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// callBack makes the changes to how a tenant wants to be called back.
func callBack(c v1.CallbackChange, at *store.TenantCallbacks, wrong *mistakes) {
	if c.Names != nil {
		at.Names = callbackNames(*c.Names, wrong)
	}
	if c.Algorithm != nil {
		at.Algorithm = strings.ToUpper(strings.TrimSpace(*c.Algorithm))
		if at.Algorithm == usual {
			at.Algorithm = ""
		}
		if at.Algorithm != "" && !slices.Contains(algorithms, at.Algorithm) {
			wrong.note("callbacks.algorithm: want %s", strings.Join(algorithms, ", "))
		}
	}
	if c.Insecure != nil {
		at.Insecure = *c.Insecure
	}
	if c.Analytics != nil {
		at.Analytics = *c.Analytics
	}
}

// callbackNames puts names of metadata into the form in which they are compared, each once.
func callbackNames(list []string, wrong *mistakes) []string {
	if len(list) > maxCallbackNames {
		wrong.note("callbacks.names: %d, more than %d", len(list), maxCallbackNames)
		return nil
	}
	return eachOnce(list, func(text string) (name string, ok bool) {
		name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "meta_")
		if ok = len(name) <= maxCallbackName && metaForm.MatchString(name); !ok {
			wrong.note("callbacks.names: %.100q: want the name of a meta_ parameter, as lti-callback-url", text)
		}
		return name, ok
	})
}

// callbacks shows how a tenant wants to be called back.
func callbacks(c store.TenantCallbacks) v1.TenantCallbacks {
	return v1.TenantCallbacks{
		Names: filled(c.Names), Algorithm: cmp.Or(c.Algorithm, usual), Insecure: c.Insecure, Analytics: c.Analytics,
	}
}

// listedCallbacks asks for all of what a list says.
func listedCallbacks(listed *v1.TenantCallbacks) *v1.CallbackChange {
	var c v1.TenantCallbacks
	if listed != nil {
		c = *listed
	}
	return &v1.CallbackChange{Names: &c.Names, Algorithm: &c.Algorithm, Insecure: &c.Insecure, Analytics: &c.Analytics}
}

// callbackDifferences notes what a change makes of it.
func callbackDifferences(before, after store.TenantCallbacks, note func(field, x, y string)) {
	note("callbacks.names", strings.Join(before.Names, ","), strings.Join(after.Names, ","))
	note("callbacks.algorithm", cmp.Or(before.Algorithm, usual), cmp.Or(after.Algorithm, usual))
	note("callbacks.insecure", strconv.FormatBool(before.Insecure), strconv.FormatBool(after.Insecure))
	note("callbacks.analytics", strconv.FormatBool(before.Analytics), strconv.FormatBool(after.Analytics))
}
