package gateway

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Config is what an operator may set, as flags. The environment names are Scalelite's.
type Config struct {
	Params             Params        `embed:""`
	Secret             store.Secret  `placeholder:"SECRET" env:"LOADBALANCER_SECRET" help:"Shared secret of the front ends; better in the environment, where others do not see it. Made on the first start by default."`
	Secrets            store.Secret  `placeholder:"A:B" env:"LOADBALANCER_SECRETS" help:"More of them, separated by colons."`
	Algorithms         []string      `name:"checksum-algorithms" sep:":" env:"BBBPOOL_CHECKSUM_ALGORITHMS,LOADBALANCER_CHECKSUM_ALGORITHM" help:"Checksum algorithms that front ends may use, separated by colons. All by default."`
	NoMeetingsList     bool          `name:"no-meetings-list" env:"BBBPOOL_NO_MEETINGS_LIST,GET_MEETINGS_API_DISABLED" help:"Answer getMeetings with an empty list."`
	NoRecordings       bool          `name:"no-recordings" env:"BBBPOOL_NO_RECORDINGS,RECORDING_DISABLED" help:"Answer getRecordings with an empty list, and find no recording to change."`
	FilteredRecordings bool          `name:"filtered-recordings" env:"BBBPOOL_FILTERED_RECORDINGS,GET_RECORDINGS_API_FILTERED" help:"Refuse to list the recordings of all meetings: getRecordings needs a meetingID or a recordID."`
	UnsignedForms      bool          `name:"unsigned-forms" env:"BBBPOOL_UNSIGNED_FORMS" help:"Accept POST forms whose fields no checksum covers, as BigBlueButton 3.0 does. Anyone who sees such a checksum can reuse it."`
	Build              string        `name:"build-number" env:"BUILD_NUMBER" help:"Build that the index of the API states; none by default."`
	MaxBody            int64         `name:"max-body" default:"33554432" env:"BBBPOOL_MAX_BODY" help:"Largest request body in bytes, such as slides sent with a create."`
	Connect            time.Duration `kong:"-"` // the deadline for connecting to a server
	MaxRequests        int64         `kong:"-"` // that are served at the same time, of all kinds; 0 where nobody limits them
}

// Pool is what the gateway needs of the servers.
type Pool interface {
	// Client returns the way to call a server, or nil for one that is not in the pool.
	Client(server string) *bbb.Client
	// Report tells how a call through that client went.
	Report(server string, client *bbb.Client, err error)
	// Failing tells whether the last call to a server failed.
	Failing(server string) bool
	// Alive waits until a failing server answers again, or has failed for so long that its meetings may be created
	// elsewhere even with people in them; then it returns false.
	Alive(ctx context.Context, server string) bool
	// Patience is how long a server may take for a sign of life; it is longer for one that is slow today.
	Patience(server string) time.Duration
	// Refresh asks all servers for their meetings and returns when they have answered or ctx ends.
	Refresh(ctx context.Context)
	// Meetings returns the meetings of a tenant as last seen.
	Meetings(tenant string) []bbb.Meeting
	// Meeting returns one meeting as last seen on a server.
	Meeting(server string, key store.MeetingKey) (bbb.Meeting, bool)
	// Copies returns every server that may have a meeting, whether it answers now or not, and the meeting as it was last
	// seen there: where it is claimed first. What is over is not among them.
	Copies(key store.MeetingKey) iter.Seq2[string, bbb.Meeting]
	// Created notes a meeting that no poll has seen yet.
	Created(server string, m bbb.Meeting)
}

// Gateway serves the API. Its exported fields must be set before the first request.
type Gateway struct {
	Config     Config
	Ledger     *placement.Ledger
	Pool       Pool
	Recordings Recordings
	Log        zerolog.Logger
	Metrics    *Metrics
	// Link returns path and query of the URL under which viewers get a format; nil takes the path of the format.
	Link func(store.Recording, store.Format) string
	// Page writes the pages that people see for whom a join has failed; nil sends them all to "/".
	Page Page
	// Tracks are the text tracks of recordings; nil: there are none.
	Tracks TextTracks
	// FileLink returns path and query of the URL under which somebody gets one file of a format; nil takes its path.
	FileLink func(r store.Recording, format, name string) string

	tenants    atomic.Pointer[tenants]
	loading    sync.Mutex // while tenants are loaded
	algorithms []bbb.Algorithm
	shunned    shunned
	refused    refused
	ended      ended
	people     maphash.Seed // of what tells people apart
	flights    singleflight.Group
	bodies     *semaphore.Weighted // bytes of request bodies that are in memory
	forms      *semaphore.Weighted // forms that are being read unverified
	lists      *semaphore.Weighted // long lists of recordings that are being fetched from
	calls      map[string]handler
}

// handler answers one call. What it returns is an error for the front end (*bbb.Error), or one of ours.
type handler func(context.Context, *call) error

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
	_, err := c.algorithms()
	if c.MaxBody < 1<<10 {
		err = errors.Join(err, fmt.Errorf("--max-body %d: want at least 1024", c.MaxBody))
	}
	return errors.Join(err, c.Params.parse())
}

func (c Config) algorithms() (list []bbb.Algorithm, err error) {
	for _, name := range c.Algorithms {
		alg, unknown := bbb.ParseAlgorithm(name)
		list, err = append(list, alg), errors.Join(err, unknown)
	}
	return list, err
}

// Open makes the gateway ready for its first request, with the tenants that are stored.
func (g *Gateway) Open(ctx context.Context, tenants store.Tenants, now time.Time) error {
	if err := g.Init(); err != nil {
		return err
	}
	return g.LoadTenants(ctx, tenants, now)
}

// Init makes the gateway ready. The configuration must be valid.
func (g *Gateway) Init() (err error) {
	if g.algorithms, err = g.Config.algorithms(); err != nil {
		return err
	}
	if err := g.Config.Params.parse(); err != nil {
		return err
	}
	g.calls = g.handlers()
	g.Metrics.open(g.calls, func(server string) bool { return g.Pool.Client(server) != nil })
	g.openReading()
	g.people = maphash.MakeSeed()
	g.lists = semaphore.NewWeighted(longLists)
	return nil
}

// Path is where the API is served; everything below it belongs to the gateway.
const Path = "/bigbluebutton/"

// Mount registers the gateway's routes.
func (g *Gateway) Mount(mux *http.ServeMux) {
	mux.Handle(Path, g)
	mux.Handle(strings.TrimSuffix(Path, "/"), g)
}

// ServeHTTP answers one call of the API and logs it in one line.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := g.newCall(w, r)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "sandbox") // a script that a server puts into its XML has to run nowhere
	err := g.serve(r.Context(), c)
	if c.name == "create" && c.req != nil {
		g.noteRefusal(c, err)
	}
	c.fail(err)
	c.log(g.Log)
	g.Metrics.count(c)
	if c.cut {
		panic(http.ErrAbortHandler) // cuts the connection off: nobody must take half an answer for a whole one
	}
}

func (g *Gateway) serve(ctx context.Context, c *call) error {
	if c.unread && !c.takesBody() {
		c.drop()
	}
	if c.name == "" {
		return g.root(ctx, c)
	}
	if elsewhere(c.name) {
		return errElsewhere
	}
	release, err := g.read(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	c.key = store.MeetingKey{Tenant: c.tenant, MeetingID: c.req.Params.Get("meetingID")}
	handle, known := g.route(c.name)
	c.known = known
	return handle(ctx, c)
}
