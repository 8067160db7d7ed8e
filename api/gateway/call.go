package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/caller"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/api/gateway/tenancy"
	"github.com/bbbpool/bbbpool/store"
)

// call is one request on its way, with everything that its log line will say.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	page  Page // for people
	req   *bbb.Request
	name  string
	known bool // it is a call of BigBlueButton's
	start time.Time

	named      tenancy.Named  // whom the call says that it is for
	caller     tenancy.Caller // whose it is, with all that is set for that tenant; nobody before the call is verified
	tenant     string         // the caller's, "" before
	key        store.MeetingKey
	original   *store.Back // where its front end wants to be called back, as the meeting's claim has it
	back       *store.Back // and as a create has it
	alias      string      // the ID that servers know the meeting by, where that is not the front end's
	internal   string      // the server's ID of the meeting
	recordings []string    // that are changed
	server     string
	outcome    string // returncode, messageKey, or what a redirect is for
	messageKey string // of an answer that says FAILED
	status     int
	request    string // the ID of a create, where there are several instances
	keepRaw    bool   // it may have to be handed on as it came
	handed     bool   // another instance has handed it on to us
	tries      int    // servers that a create was sent to
	occupied   bool   // a create is of a meeting with people in it
	moved      bool   // and has put it on another server than it was on
	breakout   bool   // the meeting is a breakout room
	unread     bool   // there is a body, and nobody has read it
	mayBeDone  bool   // what it asks for, whatever has become of the call
	unheard    bool   // its server was asked in vain
	hearsay    bool   // where the meeting is was heard from the leader, who may know better by now
	alone      bool   // and cannot be asked
	begun      bool   // an answer in pieces is on its way
	cut        bool   // and will never be whole
	err        error  // what went wrong on our side
}

// newCall begins a call: nothing of it is read yet but its name.
func newCall(w http.ResponseWriter, r *http.Request, page Page) *call {
	tenant, path := cutTenant(r.URL.Path)
	return &call{
		w: w, r: r, page: page, name: callName(path), start: time.Now(), unread: r.ContentLength != 0,
		named: tenancy.Named{Tenant: tenant, Host: r.Host},
	}
}

// cutTenant takes the tenant that a path names off it.
func cutTenant(path string) (tenant, rest string) {
	behind, ok := strings.CutPrefix(path, TenantPath)
	if !ok {
		return "", path
	}
	tenant, _, _ = strings.Cut(behind, "/")
	return tenant, behind[len(tenant):]
}

// callName takes the name of the call from the path. Front ends append "create" or "api/create" to a URL that they were
// given with or without "/api": all that comes of it ends up at the same place, and nothing else does.
func callName(path string) string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, strings.TrimSuffix(Path, "/")), "/")
	for range 2 {
		if rest, ok := strings.CutPrefix(path, "/api"); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	return strings.TrimPrefix(path, "/")
}

// setClaim takes note of where the meeting is.
func (c *call) setClaim(claim store.Claim) {
	c.server, c.internal, c.alias = claim.Server, claim.InternalID, claim.Alias
	c.original, c.breakout = claim.Back, claim.Breakout // no more of it: calls are many, and claims large
}

// onServer returns the ID that servers know the meeting by.
func (c *call) onServer() string { return cmp.Or(c.alias, c.key.MeetingID) }

// query is what a server is asked about the meeting that it knows by that ID, however the front end calls it.
func (c *call) query(onServer string) string {
	params := c.req.Params
	if params.Get("meetingID") == onServer {
		return params.Encode()
	}
	params = slices.Clone(params)
	params.Set("meetingID", onServer)
	return params.Encode()
}

// restore gives the answer of a server the front end's words back.
func (c *call) restore(reply *bbb.Reply, onServer string) {
	switch {
	case onServer != c.key.MeetingID:
		reply.Body = bbb.Restore(reply.Body, onServer, c.key.MeetingID)
	case c.tenant != store.DefaultTenant: // there is metadata of ours in it all the same
		reply.Body = bbb.Restore(reply.Body, "", c.key.MeetingID)
	}
}

// takesBody tells whether the body of a request is to be read. BigBlueButton reads slides whatever the method of the
// create; else the body of a GET is nobody's, and many people see the links of joins.
func (c *call) takesBody() bool {
	return c.unread && c.name != "" && (c.r.Method == http.MethodPost || c.name == "create")
}

// drop gives up a body that nobody reads: net/http would wait for it, before the answer and after. What is on its way
// has a moment to arrive, or the end of the connection might overtake the answer.
func (c *call) drop() {
	c.w.Header().Set("Connection", "close")
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(dropTime)) // fails for none of our connections
}

// reader takes calls in. It bounds the memory that their bodies may take together, and keeps those who have not proved yet
// who they are from taking a share of it.
type reader struct {
	maxBody int64 // of one body, in bytes
	tenants *tenancy.Tenants
	bodies  *semaphore.Weighted // bytes of request bodies that are in memory
	forms   *semaphore.Weighted // forms that are being read unverified
}

const (
	bodiesInMemory = 8                // bodies of the largest size that may be in memory at once
	bodyWait       = 10 * time.Second // for others to be done with theirs
	dropTime       = time.Second      // for the rest of a body that nobody reads

	maxForm   = 1 << 20         // bytes of a form that has to be read before it can be verified
	formTime  = 5 * time.Second // for reading it
	mostForms = 64              // that are being read unverified at once
	formShare = 16              // of so many requests one may be such a form
)

// newReader makes the room that bodies and forms have.
func newReader(config Config, t *tenancy.Tenants) reader {
	slots := int64(mostForms)
	if all := config.MaxRequests; all > 0 {
		slots = min(max(all/formShare, 1), slots)
	}
	return reader{
		maxBody: config.MaxBody, tenants: t,
		bodies: semaphore.NewWeighted(bodiesInMemory * config.MaxBody), forms: semaphore.NewWeighted(slots),
	}
}

// read takes the request in and authenticates it: before its body is read wherever the checksum is in the query, so
// that only those who can sign get a share of the memory that bodies may take together.
func (r *reader) read(ctx context.Context, c *call) (release func(), err error) {
	if c.req, err = bbb.NewRequest(c.r, c.name); err != nil {
		return nil, err
	}
	c.req.KeepRaw = c.keepRaw
	if c.takesBody() && c.req.NeedsBody() {
		if err = r.readForm(c); err != nil {
			return nil, err
		}
		return r.room(ctx, c, maxForm)
	}
	if err = r.authenticate(c); err != nil {
		return nil, err
	}
	if !c.takesBody() { // and waits for nobody who does
		return func() {}, nil
	}
	if release, err = r.room(ctx, c, r.maxBody); err != nil {
		return nil, err
	}
	if err = c.readBody(r.maxBody); err != nil {
		release()
	}
	return release, err
}

// readForm is read for a form that its own checksum covers. Whoever has not signed yet gets little time, and one of a
// few slots, so that slow ones keep nobody else waiting.
func (r *reader) readForm(c *call) error {
	if !r.forms.TryAcquire(1) {
		return errBusy
	}
	defer r.forms.Release(1)
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(formTime)) // fails for none of our connections
	if err := c.readBody(maxForm); err != nil {
		return err
	}
	return r.authenticate(c)
}

// authenticate verifies the checksum and finds the tenant whose secret made it.
func (r *reader) authenticate(c *call) (err error) {
	if c.caller, err = r.tenants.Verify(c.req, c.named, c.start); err != nil {
		return err
	}
	c.tenant = c.caller.ID
	return nil
}

// readBody reads the body, if one is to be read, within a limit.
func (c *call) readBody(limit int64) error {
	if !c.takesBody() {
		return nil
	}
	err := c.req.ReadBody(c.r, limit)
	c.unread = err != nil // there may be more of it
	return err
}

// room counts a body against what all of them may take, until it is released. It waits for others to be done with theirs,
// for bodyWait at most.
func (r *reader) room(ctx context.Context, c *call, limit int64) (release func(), err error) {
	size := c.r.ContentLength
	if size < 0 || size > limit {
		size = limit
	}
	wait, cancel := context.WithTimeout(ctx, bodyWait)
	defer cancel()
	if r.bodies.Acquire(wait, size) != nil {
		return nil, errBusy
	}
	return func() { r.bodies.Release(size) }, nil
}

// xml answers with a body of our own making.
func (c *call) xml(body []byte) error {
	c.outcome, c.status = "SUCCESS", http.StatusOK
	bbb.WriteXML(c.w, http.StatusOK, body)
	return nil
}

// errMoved is that a server knows nothing of a meeting that is there as far as was heard, or cannot be asked, or that the meeting
// is not there any more as was heard since. Nothing was answered yet.
var errMoved = errors.New("the meeting is not where it was heard to be")

// pass answers with what a server said, byte for byte.
func (c *call) pass(reply *bbb.Reply) error {
	switch {
	case requestFaults[reply.Status]:
		return bbb.ErrTooLarge
	case reply.Status != http.StatusOK:
		return bbb.ErrUnsupported // the server does not know the call, or wants to send us elsewhere
	}
	answer, err := bbb.ParseAnswer(reply.Body)
	failed := err == nil && answer.Err != nil
	if failed && c.hearsay && answer.Err.Key == bbb.ErrMeetingNotFound.Key {
		return errMoved
	}
	c.outcome, c.status = "SUCCESS", reply.Status
	if failed {
		c.failed(answer.Err.Key)
	}
	h := c.w.Header()
	h.Set("Content-Type", harmless(reply))
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(reply.Status)
	_, _ = c.w.Write(reply.Body) // the front end hung up: nobody is left to tell
	return nil
}

// keyHeader has the messageKey of an answer that says FAILED, for what stands before the pool and reads no answers:
// BigBlueButton's status is 200 all the same.
const keyHeader = "Bbbpool-Message-Key"

// failed takes note of why a call has failed, and says so in a header.
func (c *call) failed(key string) {
	c.outcome, c.messageKey = cmp.Or(key, "FAILED"), key
	if key != "" {
		c.w.Header().Set(keyHeader, counts.Label(key))
	}
}

// harmless is the type of a server's answer, if it is one that BigBlueButton's API has. Nothing else may come from our
// address under a type that a browser would run.
func harmless(reply *bbb.Reply) string {
	media, _, _ := strings.Cut(reply.ContentType, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "text/xml", "application/xml", "application/json", "text/plain":
		return reply.ContentType
	}
	if _, err := bbb.ParseAnswer(reply.Body); err == nil {
		return "text/xml; charset=utf-8"
	}
	return "application/octet-stream"
}

// redirect sends a browser somewhere else.
func (c *call) redirect(target, outcome string) {
	c.outcome, c.status = outcome, http.StatusFound
	h := c.w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusFound)
}

// json answers in JSON. The key is the messageKey of an answer that says FAILED, else "".
func (c *call) json(key string, content any) error {
	body, err := json.Marshal(map[string]any{"response": content})
	if err != nil {
		return err
	}
	if key != "" {
		c.failed(key)
	}
	err = c.pass(&bbb.Reply{Status: http.StatusOK, ContentType: "application/json", Body: body})
	c.outcome = cmp.Or(key, c.outcome)
	return err
}

// origin is the scheme and host under which the front end knows us: what is set for its tenant, else what the server has
// made out, else what the request says.
func (c *call) origin() string {
	if c.caller.Tenant != nil && c.caller.URL != "" {
		return c.caller.URL
	}
	r := c.r
	switch {
	case r.URL.Host != "":
		return r.URL.Scheme + "://" + r.URL.Host
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// How much of a request is logged.
const (
	maxName       = 64  // bytes of the name of a call; none has a longer one
	maxField      = 300 // bytes of anything else; no ID that is accepted has more
	maxRecordings = 20  // IDs of recordings
	maxID         = 80  // bytes of each; servers make 54
)

// log writes the one line that every request gets.
func (c *call) log(log zerolog.Logger) {
	level := zerolog.InfoLevel
	if c.err != nil {
		level = levelOf(c.err)
	}
	e := log.WithLevel(level).AnErr("error", c.err).Str("request", c.r.Header.Get("X-Request-Id")).
		Str("call", short(c.name, maxName))
	for _, f := range [...][2]string{
		{"tenant", c.tenant},
		{"meetingID", c.key.MeetingID},
		{"internalMeetingID", c.internal},
		{"server", c.server},
		{"outcome", c.outcome},
		{"messageKey", c.messageKey},
	} {
		if f[1] != "" {
			e.Str(f[0], short(f[1], maxField))
		}
	}
	c.logRecordings(e)
	if c.tries > 1 {
		e.Int("tries", c.tries)
	}
	if via := c.r.Header.Get("X-Forwarded-For"); via != "" {
		e.Str("forwardedFor", short(via, maxField))
	}
	if from := caller.Of(c.r); from.IsValid() {
		e.Str("caller", from.String())
	}
	e.Int("status", c.status).Dur("ms", time.Since(c.start)).Str("remote", c.r.RemoteAddr).Send()
}

// logRecordings says which recordings a call was to change, and how many where these are not all.
func (c *call) logRecordings(e *zerolog.Event) {
	if len(c.recordings) == 0 {
		return
	}
	var ids []string
	for _, id := range c.recordings[:min(len(c.recordings), maxRecordings)] {
		ids = append(ids, short(id, maxID))
	}
	e.Strs("recordIDs", ids)
	if n := len(c.recordings); n > maxRecordings {
		e.Int("recordings", n)
	}
}

// short cuts off what is too long for the log, and not in the middle of a character.
func short(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}
