package gateway

import (
	"net/http"

	"github.com/bbbpool/bbbpool/api/caller"
)

// Guessed takes note of a request that has shown a wrong secret of front ends elsewhere than at the gateway, and returns when it
// may be answered: nobody must find out faster there what is slowed down here. It is full where no more can wait; the connection
// is to be closed then.
func (g *Gateway) Guessed(r *http.Request) (full bool) {
	return g.throttle.Failed(r.Context(), caller.Of(r))
}
