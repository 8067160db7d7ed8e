package access

import "slices"

// Scope is something that a token may be good for.
type Scope string

// The scopes.
const (
	Read       Scope = "read"       // see everything but secrets
	Operate    Scope = "operate"    // servers, meetings and imports; includes Read
	Recordings Scope = "recordings" // see and change recordings
	Admin      Scope = "admin"      // everything, secrets, tenants, tokens and the audit log included
)

// Scopes are all there are, in the order in which they are told.
var Scopes = []Scope{Read, Operate, Recordings, Admin}

// Grant is what somebody may do.
type Grant struct {
	Scopes []Scope
	Tenant string // all that they see and change is this tenant's; "" is the whole pool
}

// Everything is what those may do that have access to the data directory anyway, and whoever has the token of the
// environment.
func Everything() Grant { return Grant{Scopes: []Scope{Admin}} }

// Allows tells whether one of the scopes is granted. None at all never is: what nobody has thought of is for nobody.
func (g Grant) Allows(wanted ...Scope) bool {
	return slices.ContainsFunc(wanted, func(one Scope) bool {
		return slices.Contains(g.Scopes, one) || slices.Contains(g.Scopes, Admin) ||
			one == Read && slices.Contains(g.Scopes, Operate)
	})
}
