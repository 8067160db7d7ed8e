package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Elsewhere is the rest of several instances, of which one, the leader, decides for all.
type Elsewhere interface {
	// Leading tells whether this instance decides.
	Leading() bool
	// Fresh tells whether what was heard from the leader is so new that it can be gone by.
	Fresh() bool
	// Begun tells whether anything was ever heard from a leader: until then nothing was seen on any server.
	Begun() bool
	// HandOn hands a request to the leader, with the body that came with it, waits for a leader for as long as one may take to
	// be found, and writes the answer. It returns false where there is none: then nothing was written.
	HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool
}

// RequestHeader has the ID of a create that is handed on: whoever finds a meeting that was made by it, be it another leader
// than the one that it was handed to first, answers as the first creation. It counts where Peer vouches for it alone.
const RequestHeader = "Bbbpool-Request"

// AgainHeader marks a request that is handed on although another leader, or who hands it on, may have done it before: it has the
// time since that one got it, as "1.5s", by which what was made meanwhile is told from what was meant. It counts like
// RequestHeader.
const AgainHeader = "Bbbpool-Again"

// again tells whether another instance says that it may be done already.
func (c *call) again() bool { return c.handed && c.r.Header.Get(AgainHeader) != "" }

// decided are the calls that change what all go by: the leader answers them. What is about one meeting is answered here where
// that is known, and everything else from what all have.
var decided = map[string]bool{
	"create": true, "end": true, "publishRecordings": true, "updateRecordings": true, "deleteRecordings": true,
	"putRecordingTextTrack": true, "hooks/create": true, "hooks/destroy": true,
}

// aboutMeeting are the calls that need to know where one meeting is; so do those that bbbpool does not know.
var aboutMeeting = map[string]bool{
	"join": true, "getMeetingInfo": true, "isMeetingRunning": true, "insertDocument": true, "sendChatMessage": true,
}

// fromView are the calls that are answered from what was last seen on all servers.
var fromView = map[string]bool{"getMeetings": true, "getSessions": true}

// once are calls that do something each time they are made, on the server of a meeting: where that is known they go there, and
// take no way that may break off.
var once = map[string]bool{"insertDocument": true, "sendChatMessage": true}

// knownWait is how long the leader may take to begin its answer to a call that can be answered without it.
const knownWait = time.Second

// answer answers a call that is verified: here, or where it has to be decided.
//
// A join goes to where its meeting was last known to be whoever can be reached, for people wait at its end; where our news are
// old what is stored is asked first, and then the leader, not for long. An answer that a meeting is unknown, or that its server
// is gone, is the leader's to give, also where a server says so: the meeting may just have been made anew on another one. Without
// a leader nobody says it.
func (g *Gateway) answer(ctx context.Context, c *call, handle handler) error {
	switch {
	case g.Elsewhere == nil:
		return handle(ctx, c)
	case c.name == "create":
		g.nameRequest(c)
	}
	if g.Elsewhere.Leading() {
		err := handle(ctx, c)
		if fenced(err) && !c.handed && !c.begun && g.handOn(ctx, c, 0) {
			return nil
		}
		return err
	}
	if c.handed { // whoever has handed it on asks who leads now
		return errNoLeader
	}
	local, known := g.answersHere(ctx, c)
	if local {
		if err := c.byHearsay(ctx, handle); !errors.Is(err, errMoved) {
			return err
		}
	}
	within := time.Duration(0)
	if known {
		within = knownWait
	}
	switch {
	case g.handOn(ctx, c, within):
		return nil
	case known:
		c.alone = true
		if err := c.byHearsay(ctx, handle); !errors.Is(err, errMoved) {
			return err
		}
	}
	return errNoLeader
}

// byHearsay answers a call by what was heard of where its meeting is, or returns errMoved.
func (c *call) byHearsay(ctx context.Context, handle handler) error {
	c.hearsay = aboutMeeting[c.name] || !c.known
	defer func() { c.hearsay = false }()
	return handle(ctx, c)
}

// answersHere tells whether this instance can answer a call as well as the leader, and whether it knows enough to answer it where
// there is no leader.
func (g *Gateway) answersHere(ctx context.Context, c *call) (local, known bool) {
	fresh := g.Elsewhere.Fresh()
	switch {
	case decided[c.name]:
		return false, false
	case fromView[c.name]:
		begun := g.Elsewhere.Begun() // else what was seen would be a list of nothing
		return fresh && begun, begun
	case c.known && !aboutMeeting[c.name], c.key.MeetingID == "":
		return true, true
	}
	asked := c.key
	current := fresh || once[c.name] || g.Stored != nil && g.Stored(ctx, asked)
	found, known, err := locate(ctx, g.Ledger, c, 0)
	c.key = asked
	known = known && err == nil && found.Standing != placement.Gone && g.Servers.Client(found.Claim.Server) != nil // else it is new
	return known && current, known
}

// nameRequest gives a create the ID that goes with it wherever it is handed on.
func (g *Gateway) nameRequest(c *call) {
	if c.handed {
		c.request = c.r.Header.Get(RequestHeader)
	}
	if c.request == "" || len(c.request) > maxRequest {
		c.request = rand.Text()
	}
	c.r.Header.Set(RequestHeader, c.request)
}

// maxRequest is how long the ID of a request may be, in bytes.
const maxRequest = 64

// handOn has the leader answer a call. Where within is not 0 it has to begin within that time; the answer may take longer, for a
// front end on a slow line takes it as slowly.
func (g *Gateway) handOn(ctx context.Context, c *call, within time.Duration) bool {
	header := c.w.Header()
	own := header.Clone()
	for name := range own { // the answer comes with what we would put there
		header.Del(name)
	}
	c.r.Header.Del(AgainHeader) // whoever hands it on knows better than our caller
	if c.mayBeDone {
		c.r.Header.Set(AgainHeader, time.Since(c.start).String())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watched{ResponseWriter: c.w}
	if within > 0 {
		w.late = time.AfterFunc(within, cancel)
		defer w.late.Stop()
	}
	if !g.Elsewhere.HandOn(w, c.r.WithContext(ctx), c.req.Raw) {
		maps.Copy(header, own)
		return false
	}
	c.status, c.messageKey = w.status, header.Get(keyHeader)
	c.outcome = cmp.Or(c.messageKey, "handedOn")
	return true
}

// watched remembers the status of an answer, and that it has begun.
type watched struct {
	http.ResponseWriter

	status int
	late   *time.Timer // ends what takes too long to begin; may be nil
}

// begun notes that the answer has begun.
func (w *watched) begun(status int) {
	w.status = cmp.Or(w.status, status)
	if w.late != nil {
		w.late.Stop()
	}
}

// WriteHeader is [http.ResponseWriter]'s.
func (w *watched) WriteHeader(status int) {
	w.begun(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write is [http.ResponseWriter]'s.
func (w *watched) Write(b []byte) (int, error) {
	w.begun(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// fenced tells whether something was not done because another instance decides by now.
func fenced(err error) bool {
	return errors.Is(err, store.ErrFenced) || errors.Is(err, placement.ErrFollower)
}

// levelOf is how loudly something is told that has failed. That another instance decides by now is no fault of anybody's.
func levelOf(err error) zerolog.Level {
	if fenced(err) {
		return zerolog.InfoLevel
	}
	return zerolog.ErrorLevel
}

// authority asks for the right to end something at a server now, and waits for that a while: who leads since a moment ago ends
// nothing yet.
type authority struct{ gateway *Gateway }

// alone tells whether there are no other instances.
func (a authority) alone() bool { return a.gateway.Elsewhere == nil }

const (
	mayWait  = 5 * time.Second
	mayPause = 100 * time.Millisecond
)

// now is the right for one call, if we have it.
func (a authority) now(ctx context.Context) (context.Context, context.CancelFunc, bool) {
	if a.gateway.May == nil {
		return ctx, func() {}, true
	}
	limited, release, ok := a.gateway.May(ctx)
	return context.WithValue(limited, authorityKey{}, limited), release, ok
}

// authorityKey is what the context of a right is kept under: what a server has not done by its end says nothing about it.
type authorityKey struct{}

// await waits until there is such a right, and tells whether there was one in time.
func (a authority) await(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, mayWait)
	defer cancel()
	for {
		_, release, ok := a.now(ctx)
		release()
		if ok {
			return true
		}
		select {
		case <-time.After(mayPause):
		case <-ctx.Done():
			return false
		}
	}
}

// heard waits, before it is answered that a meeting has moved, or has ended where its server cannot be reached, until other
// instances do not take it to be where it was any more: they may reach a server that we do not.
func (a authority) heard(ctx context.Context) {
	if a.gateway.Heard != nil {
		a.gateway.Heard(ctx)
	}
}

// people tells people apart, by a hash with a key that nobody outside knows, so that nobody can make two people one. It is
// another one in every process; where there are several instances it is one that all have, for a person who joins at two is one.
func (g *Gateway) people() func(string) placement.Person {
	seed := maphash.MakeSeed()
	shared := sync.OnceValue(func() string { return g.Ledger.Hash(store.MeetingKey{Tenant: "bbbpool", MeetingID: "people"}) })
	return func(who string) placement.Person {
		if g.Elsewhere == nil {
			return placement.Person(maphash.String(seed, who))
		}
		sum := sha256.Sum256([]byte(shared() + " " + who))
		return placement.Person(binary.LittleEndian.Uint64(sum[:]))
	}
}
