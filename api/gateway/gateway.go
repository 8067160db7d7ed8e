package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/caller"
	"github.com/bbbpool/bbbpool/api/gateway/back"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/api/gateway/hookcalls"
	"github.com/bbbpool/bbbpool/api/gateway/learning"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
	"github.com/bbbpool/bbbpool/api/gateway/tenancy"
	"github.com/bbbpool/bbbpool/api/gateway/throttle"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Config is what an operator may set, as flags. The environment names are Scalelite's.
type Config struct {
	Params             params.Config   `embed:""`
	Throttle           throttle.Config `embed:""`
	Secret             store.Secret    `placeholder:"SECRET" env:"LOADBALANCER_SECRET" help:"Shared secret of the front ends; better in the environment, where others do not see it. Made on the first start by default."`
	Secrets            store.Secret    `placeholder:"A:B" env:"LOADBALANCER_SECRETS" help:"More of them, separated by colons."`
	Algorithms         []string        `name:"checksum-algorithms" sep:":" env:"BBBPOOL_CHECKSUM_ALGORITHMS,LOADBALANCER_CHECKSUM_ALGORITHM" help:"Checksum algorithms that front ends may use, separated by colons. All by default."`
	NoMeetingsList     bool            `name:"no-meetings-list" env:"BBBPOOL_NO_MEETINGS_LIST,GET_MEETINGS_API_DISABLED" help:"Answer getMeetings with an empty list."`
	NoRecordings       bool            `name:"no-recordings" env:"BBBPOOL_NO_RECORDINGS,RECORDING_DISABLED" help:"Answer getRecordings with an empty list, and find no recording to change."`
	FilteredRecordings bool            `name:"filtered-recordings" env:"BBBPOOL_FILTERED_RECORDINGS,GET_RECORDINGS_API_FILTERED" help:"Refuse to list the recordings of all meetings: getRecordings needs a meetingID or a recordID."`
	UnsignedForms      bool            `name:"unsigned-forms" env:"BBBPOOL_UNSIGNED_FORMS" help:"Accept POST forms whose fields no checksum covers, as BigBlueButton 3.0 does. Anyone who sees such a checksum can reuse it."`
	Build              string          `name:"build-number" env:"BUILD_NUMBER" help:"Build that the index of the API states; none by default."`
	MaxBody            int64           `name:"max-body" default:"33554432" env:"BBBPOOL_MAX_BODY" help:"Largest request body in bytes, such as slides sent with a create."`
	Connect            time.Duration   `kong:"-"` // the deadline for connecting to a server
	MaxRequests        int64           `kong:"-"` // that are served at the same time, of all kinds; 0 where nobody limits them
	Multitenancy       bool            `kong:"-"` // Scalelite's rule holds: NAME.PoolHost names a tenant
	PoolHost           string          `kong:"-"` // as Scalelite's URL_HOST
	Bridges            bool            `kong:"-"` // meetings have voice bridges of the pool
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
	_, err := c.algorithms()
	if c.MaxBody < 1<<10 {
		err = errors.Join(err, fmt.Errorf("--max-body %d: want at least 1024", c.MaxBody))
	}
	_, wrong := c.Params.Pool()
	return errors.Join(err, wrong, c.Throttle.Validate())
}

// algorithms reads the names of the algorithms. It returns every name that is none.
func (c Config) algorithms() (list []bbb.Algorithm, err error) {
	for _, name := range c.Algorithms {
		alg, unknown := bbb.ParseAlgorithm(name)
		list, err = append(list, alg), errors.Join(err, unknown)
	}
	return list, err
}

// ChecksumAlgorithms are those that front ends may sign with; none is all. The configuration must be valid.
func (c Config) ChecksumAlgorithms() []bbb.Algorithm {
	list, _ := c.algorithms()
	return list
}

// Gateway serves the API. Its exported fields must be set before the first request.
type Gateway struct {
	Config         Config
	Ledger         *placement.Ledger
	Servers        Servers
	View           View
	RecordingCalls recordingcalls.Calls
	Hooks          hookcalls.Hooks // webhooks through the pool; nil where there are none
	Log            zerolog.Logger
	Metrics        *counts.Metrics
	Page           Page
	Uses           *lastuse.Uses              // knows when secrets were used last; nil if nobody wants to know
	Host           func(*http.Request) string // which host a caller has called; what the request says if nil

	// Back puts our addresses in the place of those that front ends want to be called at; without it servers get neither. LRS is
	// nil where nobody is told of learning record stores.
	Back *back.Callbacks
	LRS  learning.Payloads

	// Elsewhere are the other instances, Peer tells whether a request was handed on by one of them, and May whether we may end
	// something at a server now, and for how long: until the context ends. Alone an instance has none of it.
	Elsewhere Elsewhere
	Peer      func(*http.Request) bool
	May       func(context.Context) (context.Context, context.CancelFunc, bool)
	// Heard returns when all instances know what was decided until now; nil where there is one alone.
	Heard func(context.Context)
	// Stored has the ledger know a meeting as it is stored now, where the news of the leader is old, and tells whether it does; nil
	// where there is one alone.
	Stored func(context.Context, store.MeetingKey) bool

	tenants   tenancy.Tenants
	originals originals
	learning  learning.Records
	throttle  *throttle.Throttle
	reader    reader
	calls     map[string]handler // that bbbpool knows
	others    handler            // answers those that it does not know
}

// handler answers one call. What it returns is an error for the front end (*bbb.Error), or one of ours.
type handler func(context.Context, *call) error

// Open makes the gateway ready for its first request, with the tenants that are stored. The configuration must be valid.
func (g *Gateway) Open(ctx context.Context, stored store.Tenants, now time.Time) error {
	algorithms, err := g.Config.algorithms()
	if err != nil {
		return err
	}
	rules, err := g.Config.Params.Pool()
	if err != nil {
		return err
	}
	g.tenants.Config = tenancy.Config{
		Environment: g.Config.FrontEndSecrets(), Multitenancy: g.Config.Multitenancy, Host: g.Config.PoolHost,
		UnsignedForms: g.Config.UnsignedForms, Algorithms: algorithms, Uses: g.Uses, Params: rules,
	}
	g.throttle = throttle.New(g.Config.Throttle, g.Config.MaxRequests, g.Metrics.Set)
	g.reader = newReader(g.Config, &g.tenants)
	g.route()
	g.Metrics.Open(slices.Collect(maps.Keys(g.calls)), func(server string) bool { return g.Servers.Client(server) != nil })
	return g.LoadTenants(ctx, stored, now)
}

// route makes what answers the calls: a type for each kind of them, which has what these need and no more.
func (g *Gateway) route() {
	if g.originals.back, g.originals.ledger = g.Back, g.Ledger; g.Back == nil {
		g.originals.back = &back.Callbacks{}
	}
	g.learning.Payloads, g.learning.Log = g.LRS, g.Log
	refused := &refusals{}
	asking := &servers{g.Servers, g.Metrics, authority{g}, &g.originals}
	create := &creates{
		connect: g.Config.Connect, bridges: g.Config.Bridges, ledger: g.Ledger, servers: asking, view: g.View,
		learning: &g.learning, refused: refused, metrics: g.Metrics, log: g.Log,
	}
	join := &joins{g.Ledger, g.Servers, refused, g.Metrics, g.people()}
	meeting := &meetings{ledger: g.Ledger, servers: asking, view: g.View}
	end := &ends{ledger: g.Ledger, servers: asking, view: g.View, log: g.Log}
	list := &lists{view: g.View, none: g.Config.NoMeetingsList}
	g.calls = map[string]handler{
		"create":           create.create,
		"join":             join.join,
		"end":              end.end,
		"getMeetingInfo":   meeting.about(refuse(bbb.ErrMeetingNotFound), meeting.info),
		"isMeetingRunning": meeting.about(notRunning, meeting.running),
		"insertDocument":   meeting.about(noDocument, meeting.forward),
		"sendChatMessage":  meeting.about(refuse(bbb.ErrChatUnknown), meeting.forward),
		"getMeetings":      list.getMeetings,
		"getSessions":      list.getSessions,
		// The browser's own calls to its server, which nobody else can make for it.
		"getJoinUrl": unsupportedJSON, "learningDashboard": unsupportedJSON, "stuns": unsupportedJSON,
		"feedback": unsupportedJSON, "signOut": unsupported, "enter": unsupported, "guestWait": unsupported,
	}
	g.RecordingCalls.None, g.RecordingCalls.Filtered = g.Config.NoRecordings, g.Config.FilteredRecordings
	g.RecordingCalls.Open()
	for name, answer := range g.RecordingCalls.ByName() {
		g.calls[name] = aboutRecordings(answer)
	}
	if g.Hooks != nil {
		for name, answer := range (hookcalls.Calls{Hooks: g.Hooks}).ByName() {
			g.calls[name] = aboutHooks(answer)
		}
	}
	g.others = meeting.other
}

// LoadTenants serves the stored tenants, and is called again whenever they have changed: what it finds holds for all
// requests that come from then on, and after an error what held before. The default tenant is made on the first start,
// with a secret of its own.
func (g *Gateway) LoadTenants(ctx context.Context, stored store.Tenants, now time.Time) error {
	return g.tenants.Load(ctx, stored, now)
}

// Known tells whether there is a tenant by an ID.
func (g *Gateway) Known(tenant string) bool { return g.tenants.Known(tenant) }

// Problems tells whether tenants are served as they were, and not as they are stored, which settings for parameters may not do
// what was meant, and what servers cannot tell, or be told.
func (g *Gateway) Problems(ctx context.Context) []problems.Problem {
	return slices.Concat(g.paramProblems(), g.tenants.Problems(ctx), g.originals.problems(ctx), g.learning.Problems())
}

// Path is where the API is served; everything below it belongs to the gateway. A tenant's own way in is the same below
// TenantPath and its ID.
const (
	Path       = "/bigbluebutton/"
	TenantPath = "/t/"
)

// Mount registers the gateway's routes.
func (g *Gateway) Mount(mux *http.ServeMux) {
	for _, way := range []string{Path, TenantPath + "{tenant}" + Path} {
		mux.Handle(way, g)
		mux.Handle(strings.TrimSuffix(way, "/"), g)
	}
}

// ServeHTTP answers one call of the API and logs it in one line.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newCall(w, r, g.Page)
	c.handed = g.Peer != nil && g.Peer(r)
	if g.Host != nil && g.tenants.HaveHosts() {
		c.named.Host = g.Host(r)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "sandbox") // a script that a server puts into its XML has to run nowhere
	err := g.serve(r.Context(), c)
	g.slow(c, err)
	c.fail(err)
	c.log(g.Log)
	g.count(c)
	if c.cut {
		panic(http.ErrAbortHandler) // cuts the connection off: nobody must take half an answer for a whole one
	}
}

// count counts a call that is over. Names that anyone can make up are all one.
func (g *Gateway) count(c *call) {
	name := c.name
	if !c.known || c.tenant == "" {
		name = counts.Other
	}
	g.Metrics.Count(name, c.outcome, c.start)
}

// slow lets the answer to a wrong checksum wait, if too many come from where it comes from.
func (g *Gateway) slow(c *call, err error) {
	told, failed := errors.AsType[*bbb.Error](err)
	if c.tenant == "" && failed && !c.handed && told.Key == bbb.ErrChecksum.Key && g.throttle.Failed(c.r.Context(), caller.Of(c.r)) {
		c.w.Header().Set("Connection", "close")
	}
}

// serve reads and verifies a call, and has it answered. How many calls a second its tenant may make is asked for when it is
// known whose the call is, so that nobody uses up what is another's.
func (g *Gateway) serve(ctx context.Context, c *call) error {
	if c.unread && !c.takesBody() {
		c.drop()
	}
	if c.name == "" {
		return g.root(c)
	}
	if elsewhere(c.name) {
		return errElsewhere
	}
	if c.name == pingHooks && g.Hooks != nil {
		return c.pong()
	}
	c.keepRaw = g.Elsewhere != nil
	release, err := g.reader.read(ctx, c)
	if err != nil {
		return g.hookWords(c, err)
	}
	defer release()
	if !c.handed && !c.caller.Allow(c.start) { // else it was asked for where the call came in
		g.Metrics.Limited(c.tenant, counts.LimitRequests)
		return c.tooMany()
	}
	c.key = store.MeetingKey{Tenant: c.tenant, MeetingID: c.req.Params.Get("meetingID")}
	handle, known := g.find(c.name)
	c.known = known
	return g.answer(ctx, c, handle)
}

// find finds what answers a call. Whatever a server is asked gets the server's signature, so that only two kinds of
// calls go on: those that bbbpool knows, and those that a newer release may have. A name that differs from a known one
// in case alone is no new call, whatever a server makes of it.
func (g *Gateway) find(name string) (handle handler, known bool) {
	if handle, known = g.calls[name]; known {
		return handle, true
	}
	folded := strings.ToLower(name)
	switch {
	case webhook(folded):
		return noWebhooks, false
	case !shape.MatchString(name) || slices.Contains(internals, folded):
		return unsupported, false
	}
	for call := range g.calls {
		if strings.EqualFold(call, name) {
			return unsupported, false
		}
	}
	return g.others, false
}

// shape is what the names of BigBlueButton's calls look like. The calls of tomorrow will, too.
var shape = regexp.MustCompile(`^[a-z][A-Za-z]{2,39}$`)

// internals are names, in lower case, that have the shape of a call and are none: what else a server has at such
// addresses, for its own parts and for browsers, or had in earlier releases.
var internals = []string{
	"checkrecording", "configxml", "connection", "fsapi", "getdefaultconfigxml", "graphql", "guestwaithandler", "index",
	"presentation", "recording", "rest", "setconfigxml", "texttrack", "uploaddocuments",
}

// elsewhere tells whether an address is none of the API's: it has more segments than a call has.
func elsewhere(name string) bool {
	return strings.Contains(name, "/") && !webhook(strings.ToLower(name))
}

// webhook tells whether a call, in lower case, is one of webhooks.
func webhook(folded string) bool { return folded == "hooks" || strings.HasPrefix(folded, "hooks/") }

// unsupported answers a call that nobody can make through a pool.
func unsupported(context.Context, *call) error { return bbb.ErrUnsupported }

// unsupportedJSON is unsupported for calls that are answered in JSON.
func unsupportedJSON(_ context.Context, c *call) error {
	key, message := bbb.ErrUnsupported.Key, bbb.ErrUnsupported.Message
	return c.json(key, map[string]string{"returncode": "FAILED", "messageKey": key, "message": message})
}

// noWebhooks refuses webhooks: a server's own know one server's meetings, of every tenant.
func noWebhooks(context.Context, *call) error { return errNoWebhooks }

// apiVersion is the version of the API that every BigBlueButton since 2.0 states.
const apiVersion = "2.0"

// root answers the probe that front ends and monitors send: it needs no checksum. Those of Scalelite look for a build.
func (g *Gateway) root(c *call) error {
	build := g.Config.Build
	if c.r.Header.Get("Content-Type") != "application/json" {
		x := bbb.Success().Text("version", apiVersion).Text("apiVersion", apiVersion).Bool(bbb.PoolMark, true)
		if build != "" {
			x.Text("build", build)
		}
		return c.xml(x.Bytes())
	}
	response := map[string]string{"returncode": "SUCCESS", "version": apiVersion, "apiVersion": apiVersion}
	if build != "" {
		response["build"] = build
	}
	return c.json("", response)
}

// FrontEndSecrets returns the secrets that the environment gives to front ends, none where it gives none. An empty
// one between two colons is no secret.
func (c Config) FrontEndSecrets() []store.Secret {
	var list []store.Secret
	for _, s := range append([]string{c.Secret.Reveal()}, strings.Split(c.Secrets.Reveal(), ":")...) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(list, store.Secret(s)) {
			list = append(list, store.Secret(s))
		}
	}
	return list
}
