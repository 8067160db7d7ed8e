package frame

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/caller"
)

// who is the operator that a request comes from: a user of this machine, or the holder of a token.
type who struct {
	uid   int
	local bool   // uid is known
	token string // the name of the token; "" on the socket
	grant access.Grant

	// Of a user of another instance's machine: that instance, and what the user is called there.
	at, name string
}

type whoKey struct{}

func (w who) in(ctx context.Context) context.Context { return context.WithValue(ctx, whoKey{}, w) }

// connected returns whom a connection on the socket belongs to, in the context of its requests.
func connected(ctx context.Context, c net.Conn) context.Context {
	if uid, ok := peer(c); ok {
		return who{uid: uid, local: true}.in(ctx)
	}
	return ctx
}

// trusted lets those in that have access to the data directory anyway: whom the connection on the socket belongs to, or
// where there is none the user that this process runs as.
func trusted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, known := callerOf(r)
		if !known {
			by = who{uid: os.Getuid(), local: true}
		}
		by.grant = access.Everything()
		next.ServeHTTP(w, r.WithContext(by.in(r.Context())))
	})
}

// callerOf returns whom a request comes from, and whether that is known.
func callerOf(r *http.Request) (by who, known bool) {
	by, known = r.Context().Value(whoKey{}).(who)
	return by, known
}

// by is the same for the audit log.
func by(r *http.Request) access.By {
	w, _ := callerOf(r)
	by := access.By{Who: w.String(), Via: access.API}
	if strings.HasPrefix(r.UserAgent(), v1.CommandLine) {
		by.Via = access.CLI
	}
	if at := caller.Of(r); at.IsValid() {
		by.From = at.String()
	}
	return by
}

// String is who it is, as people know them.
func (w who) String() string {
	switch {
	case w.token != "":
		return "token " + w.token
	case !w.local:
		return "somebody on this machine"
	}
	text := fmt.Sprintf("uid %d", w.uid)
	if name := w.user(); name != "" {
		text = fmt.Sprintf("user %s (%d)", name, w.uid)
	}
	if w.at != "" {
		text += " at instance " + w.at
	}
	return text
}

// user is the name of a user of this machine; "" where there is none, who is known by the number.
func (w who) user() string {
	if w.at != "" {
		return w.name // numbers mean others here
	}
	u, err := user.LookupId(strconv.Itoa(w.uid))
	if err != nil {
		return ""
	}
	return u.Username
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
	if w.at != "" {
		e.Str("instance", w.at)
	}
	if name := w.user(); name != "" {
		e.Str("user", name)
	}
}

// addresses writes into a line of the log where a request comes from: whoever the connection is from and, where that has an
// address, who calls, which behind proxies that are trusted is somebody else.
type addresses struct{ of *http.Request }

func (a addresses) MarshalZerologObject(e *zerolog.Event) {
	if at := caller.Of(a.of); at.IsValid() {
		e.Str("caller", at.String())
	}
	e.Str("remote", a.of.RemoteAddr)
}

// Logger logs what is done for a request, and who has sent it.
func Logger(r *http.Request) *zerolog.Logger {
	by, _ := callerOf(r)
	log := zerolog.Ctx(r.Context()).With().EmbedObject(by).EmbedObject(addresses{r}).Logger()
	return &log
}
