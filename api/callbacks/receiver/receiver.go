// Package receiver is where servers call back: it reads who calls about what, answers at once, and hands on what is to be
// believed.
//
// It owns the routes below /callbacks/, what a request may weigh, how many there may be of a server, and what each address is
// believed for. It decides about no meeting and calls nobody.
//
// # What is believed
//
// An address that is not ours is nobody's: 404. meetingEndedURL is known to its server alone, and says that the meeting is over
// on that server, if it was placed there then. Otherwise it is a reason to look at that server, and nothing else. The address
// in the metadata can be read, and called, by whoever is in the meeting: it says whether something was marked for recording,
// in a session that ends, and nothing follows from it beside. Analytics are believed with the signature of the server that the
// address was given to.
//
// # Answers
//
// BigBlueButton calls one address after another, for all meetings of a server. So everything here has a deadline: what it says
// is durable when it is answered 200, or it is answered 503 and will be told again, or polls find it out.
package receiver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/caller"
	"github.com/bbbpool/bbbpool/store"
)

// Ledger knows which meetings there are.
type Ledger interface {
	// CalledBack records that a server has said that a meeting which was placed there then is over; it returns false where that
	// is not so, or not any more.
	CalledBack(ctx context.Context, key store.MeetingKey, server string, placed time.Time) (bool, error)
	// Marked notes whether something of a meeting was marked for recording; it returns false where it does not stand.
	Marked(ctx context.Context, key store.MeetingKey, server string, placed time.Time, marks bool) (bool, error)
}

// Believer makes something of what is told.
type Believer interface {
	// Complete is for marks that come when their meeting is over. It returns false where nothing waits for them.
	Complete(ctx context.Context, p address.Place, marks bool) (bool, error)
	// Analytics takes in what a server has told of who did what.
	Analytics(ctx context.Context, p address.Place, body []byte) error
}

// Elsewhere is the rest of several instances, of which one, the leader, decides for all.
type Elsewhere interface {
	// Leading tells whether this instance decides.
	Leading() bool
	// HandOn hands a request to the leader, and writes the answer. It returns false where there is none: then nothing was
	// written.
	HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool
}

// Receiver answers servers. Its fields must be set before it is mounted.
type Receiver struct {
	Seal     *address.Sealer
	Ledger   Ledger
	Believer Believer
	Servers  interface {
		// Server returns a server, or store.ErrNotFound.
		Server(ctx context.Context, id string) (store.Server, error)
	}
	Look      func(server string)                                              // has a server polled soon
	Called    func(server string)                                              // hears of each call about an end
	Verify    func(token string, now time.Time, secrets ...store.Secret) error // the signature of a server
	Refused   func(err error) bool                                             // it is another instance's to decide by now
	Elsewhere Elsewhere                                                        // nil where there is but one instance
	Now       func() time.Time
	Log       zerolog.Logger
	Metrics   *metrics.Set

	room    *semaphore.Weighted // bytes of bodies in memory
	lanes   lanes
	limits  limits
	strange strange
}

const (
	// answerWithin is how long a server waits that has ended a meeting: BigBlueButton up to 3.0.26 gives us 5 s.
	answerWithin = 4 * time.Second
	// takeWithin is how long analytics may take, which nobody waits behind.
	takeWithin = 50 * time.Second
	// maxForm bounds what comes as a form, and maxAnalytics who did what. maxBodies is for all of them at once.
	maxForm      = 64 << 10
	maxAnalytics = 20 << 20
	maxBodies    = 128 << 20
)

// PingPath is where it is found out whether servers reach us, and Pong what is answered there.
const (
	PingPath = address.Path + "ping"
	Pong     = "bbbpool\n"
)

// Mount registers the routes.
func (v *Receiver) Mount(mux *http.ServeMux) {
	v.room = semaphore.NewWeighted(maxBodies)
	v.begin()
	mux.HandleFunc(PingPath, ping)
	mux.HandleFunc(address.Path+"{kind}/{token}", v.serve)
}

// ping answers whoever wants to know whether this is us.
func ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, Pong)
}

// call is one request.
type call struct {
	*Receiver

	w     http.ResponseWriter
	r     *http.Request
	place address.Place
}

// serve reads who calls about what.
func (v *Receiver) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	kind := address.Kind(r.PathValue("kind"))
	place, err := v.Seal.Open(kind, r.PathValue("token"))
	if err != nil {
		v.refuseForeign(w, r, kind)
		return
	}
	c := call{v, w, r, place}
	switch r.Method {
	case http.MethodGet, http.MethodPost:
	case http.MethodHead:
		return // nobody tells us anything so
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		c.answer(http.StatusMethodNotAllowed, outcomeMalformed)
		return
	}
	switch kind {
	case address.Ended:
		c.within(answerWithin, c.ended)
	case address.Marks:
		c.marks()
	case address.Ready:
		c.ready()
	case address.Analytics:
		c.within(takeWithin, c.analytics)
	default: // is answered elsewhere, if at all
		c.answer(http.StatusNotFound, outcomeUnknown)
	}
}

// refuseForeign is for addresses that are not ours. Which kinds there are is ours to say, so that nobody makes up metrics.
func (v *Receiver) refuseForeign(w http.ResponseWriter, r *http.Request, kind address.Kind) {
	switch kind {
	case address.Ended, address.Marks, address.Ready, address.Analytics, address.Event:
	default:
		kind = "other"
	}
	v.count(kind, outcomeUnknown)
	v.Log.Debug().Str("kind", string(kind)).Str("caller", r.RemoteAddr).Msg("a callback at an address that is not ours")
	http.Error(w, "no such address", http.StatusNotFound)
}

// within gives what is done a deadline, and a place in the lane of its server.
func (c call) within(d time.Duration, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(c.r.Context(), d)
	defer cancel()
	release, ok := c.lanes.enter(ctx, c.place.Server, c.place.Kind)
	if !ok {
		c.answer(http.StatusServiceUnavailable, outcomeBusy)
		return
	}
	defer release()
	do(ctx)
}

// answer writes a status and counts how it went.
func (c call) answer(status int, outcome string) {
	c.count(c.place.Kind, outcome)
	if status == http.StatusOK {
		c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(c.w, "ok\n")
		return
	}
	if status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "5")
	}
	http.Error(c.w, http.StatusText(status), status)
}

// failed answers that something could not be written down. It may be told again.
func (c call) failed(err error) {
	c.Log.Warn().Err(err).Str("kind", string(c.place.Kind)).Str("server", c.place.Server).Str("tenant", c.place.Tenant).
		Str("meetingID", c.place.MeetingID).Msg("a callback could not be taken in")
	c.answer(http.StatusServiceUnavailable, outcomeFailed)
}

// elsewhere hands on what the leader decides, and tells whether it has.
func (c call) elsewhere(ctx context.Context) bool {
	if c.Elsewhere == nil || c.Elsewhere.Leading() {
		return false
	}
	if c.Elsewhere.HandOn(c.w, c.r.WithContext(ctx), nil) {
		c.count(c.place.Kind, outcomeHandedOn)
	} else {
		c.answer(http.StatusServiceUnavailable, outcomeNoLeader)
	}
	return true
}

// fenced tells whether another instance decides by now, and hands the call on to it.
func (c call) fenced(ctx context.Context, err error) bool {
	return err != nil && c.Refused != nil && c.Refused(err) && c.elsewhere(ctx)
}

// ended is for meetingEndedURL: the meeting is over, if it is the one that the address was given for.
func (c call) ended(ctx context.Context) {
	if c.Called != nil {
		c.Called(c.place.Server)
	}
	if c.elsewhere(ctx) {
		return
	}
	p := c.place
	closed, err := c.Ledger.CalledBack(ctx, p.MeetingKey, p.Server, p.Placed)
	switch {
	case c.fenced(ctx, err):
	case err != nil:
		c.look()
		c.failed(err)
	case closed:
		c.Log.Info().Str("server", p.Server).Str("tenant", p.Tenant).Str("meetingID", p.MeetingID).Msg("a server has told of an end")
		c.answer(http.StatusOK, outcomeTaken)
	default:
		c.look()
		c.answer(http.StatusOK, outcomeStale)
	}
}

func (c call) look() {
	if c.Look != nil {
		c.Look(c.place.Server)
	}
}

// marks is for the address in the metadata, which whoever is in the meeting can call: it says whether something was marked, and
// that counts for a session that ends alone.
func (c call) marks() {
	if !c.limits.allow(c.place, caller.Of(c.r), c.Now()) {
		c.answer(http.StatusTooManyRequests, outcomeLimited)
		return
	}
	var marks bool
	switch c.r.URL.Query().Get("recordingmarks") {
	case "true":
		marks = true
	case "false":
	default:
		c.answer(http.StatusOK, outcomeIgnored)
		return
	}
	c.within(answerWithin, func(ctx context.Context) { c.marked(ctx, marks) })
}

// marked notes marks with the meeting that goes on or, if it is over, with what its front end is to be told.
func (c call) marked(ctx context.Context, marks bool) {
	if c.elsewhere(ctx) {
		return
	}
	p := c.place
	noted, err := c.Ledger.Marked(ctx, p.MeetingKey, p.Server, p.Placed, marks)
	if c.fenced(ctx, err) {
		return
	}
	if err == nil && !noted {
		noted, err = c.Believer.Complete(ctx, p, marks)
	}
	switch {
	case err != nil:
		c.failed(err)
	case noted:
		c.answer(http.StatusOK, outcomeTaken)
	default:
		c.answer(http.StatusOK, outcomeStale)
	}
}

// ready swallows what a server says of a recording. Its front end is told once it is here.
func (c call) ready() {
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(c.w, c.r.Body, maxForm))
	c.answer(http.StatusOK, outcomeSwallowed)
}

// strange are the servers whose signatures do not verify.
type strange struct {
	mu   sync.Mutex
	last map[string]time.Time // by server: when there was one last
}

func (s *strange) add(server string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	s.last[server] = now
}

func (s *strange) remove(server string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.last, server)
}

// errTooLarge is that a body is larger than it may be.
var errTooLarge = errors.New("too large")
