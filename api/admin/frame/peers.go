package frame

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"os"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/caller"
)

// What an instance tells another one of whoever has sent a request that it hands on. These are believed where other instances
// come in, and nowhere else: from anybody else they are taken away before a request is handed on.
const (
	// fromHeader is the address of the caller.
	fromHeader = "Bbbpool-From"
	// userHeader is the user of the instance's machine that has come in on its socket, or has opened its data directory.
	userHeader = "Bbbpool-User"
)

// maxVouched bounds what is read of a header that says who somebody is.
const maxVouched = 1 << 10

// vouched is a user of another instance's machine.
type vouched struct {
	UID      int    `json:"uid"`
	Name     string `json:"name,omitempty"`
	Instance string `json:"instance"`
}

// Conceal takes away what only an instance may tell: of everything that comes from elsewhere, before it is handed on.
func Conceal(h http.Header) {
	h.Del(fromHeader)
	h.Del(userHeader)
}

// reveal tells where a request comes from.
func reveal(r *http.Request) {
	if at := caller.Of(r); at.IsValid() {
		r.Header.Set(fromHeader, at.String())
	}
}

// vouch tells who has sent a request: whom the connection on the socket belongs to, else the user that this process runs as.
func (e *Elsewhere) vouch(r *http.Request) {
	by, known := callerOf(r)
	if !known || !by.local {
		by = who{uid: os.Getuid(), local: true}
	}
	text, err := json.Marshal(vouched{UID: by.uid, Name: by.user(), Instance: e.ID})
	if err != nil {
		return // a struct of texts and a number: cannot be
	}
	r.Header.Set(userHeader, string(text))
	r.Header.Del("Authorization") // whoever is let in by the socket needs no token, and is nobody else by one
}

// Handed serves routes to what other instances hand on: to users of their machines without a token, to everybody else as
// [Frame.Guarded] does. Only other instances may reach it.
func (f *Frame) Handed(all Routes) http.Handler {
	routes := f.handler(all)
	guarded := f.guard(routes)
	return Received(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := r.Header.Get(userHeader)
		if text == "" {
			guarded.ServeHTTP(w, r)
			return
		}
		var v vouched
		if len(text) > maxVouched || json.Unmarshal([]byte(text), &v) != nil || v.Instance == "" {
			writeJSON(w, errToken.Status, errToken)
			return
		}
		by := who{uid: v.UID, local: true, name: v.Name, at: v.Instance, grant: access.Everything()}
		routes.ServeHTTP(w, r.WithContext(by.in(r.Context())))
	}))
}

// Received takes what another instance tells of the address that a request comes from. Only other instances may reach it.
func Received(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, _ := netip.ParseAddr(r.Header.Get(fromHeader)) // the zero one is nobody's, as on a socket
		next.ServeHTTP(w, caller.With(r, at))
	})
}
