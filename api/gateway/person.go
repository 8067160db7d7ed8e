package gateway

import (
	"hash/maphash"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

// person is who a join is of: the front end's ID for the user, else the link itself. The hash has another key in every
// process, so that nobody can make two people one.
func (g *Gateway) person(params *bbb.Params) placement.Person {
	if id := params.Get("userID"); id != "" {
		return placement.Person(maphash.String(g.people, id))
	}
	return placement.Person(maphash.String(g.people, params.Encode()))
}
