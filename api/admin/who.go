package admin

import (
	"context"
	"net"
	"net/http"
	"os/user"
	"strconv"

	"github.com/rs/zerolog"
)

// envToken is the name of the token that the environment gives.
const envToken = "admin"

// who is the operator that a request comes from: a user of this machine, or the holder of a token.
type who struct {
	uid   int
	local bool   // uid is known
	token string // the name of the token; "" on the socket
}

type whoKey struct{}

func (w who) in(ctx context.Context) context.Context { return context.WithValue(ctx, whoKey{}, w) }

// caller returns whom a connection on the socket belongs to, in the context of its requests.
func caller(ctx context.Context, c net.Conn) context.Context {
	if uid, ok := peer(c); ok {
		return who{uid: uid, local: true}.in(ctx)
	}
	return ctx
}

// MarshalZerologObject writes who it is into a line of the log. A user that has no name here is known by the number.
func (w who) MarshalZerologObject(e *zerolog.Event) {
	if w.token != "" {
		e.Str("token", w.token)
	}
	if !w.local {
		return
	}
	e.Int("uid", w.uid)
	if u, err := user.LookupId(strconv.Itoa(w.uid)); err == nil {
		e.Str("user", u.Username)
	}
}

// logger logs what is done for a request, and who has sent it.
func logger(r *http.Request) *zerolog.Logger {
	by, _ := r.Context().Value(whoKey{}).(who)
	log := zerolog.Ctx(r.Context()).With().EmbedObject(by).Str("remote", r.RemoteAddr).Logger()
	return &log
}
