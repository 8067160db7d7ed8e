package scalelite

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/roster"
	"github.com/bbbpool/bbbpool/api/admin/tenancy"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Config is what an operator may set, as flags.
type Config struct {
	Replayable bool `name:"scalelite-api-replayable" env:"BBBPOOL_SCALELITE_API_REPLAYABLE" help:"Let callers of /scalelite/api in by Scalelite's checksum. It covers neither the body nor the time: anyone who sees one can use it again, for anything. Without this they need the admin token."`
	HostIDs    bool `name:"server-id-is-hostname" env:"SERVER_ID_IS_HOSTNAME" help:"Servers that are added through /scalelite/api have the name of their host as ID, instead of a random one."`
}

// Path is where the API is served.
const Path = "/scalelite/api/"

// maxBody is the largest body of a request, in bytes.
const maxBody = 64 << 10

// Door lets callers in, and writes down what they have done.
type Door interface {
	// Enter returns the request of a caller who has a token that allows it or, where there is none, has signed it. All
	// tells whether it takes all rights: it changes something, or shows secrets. Those that are not let in are counted, and
	// logged as long as they are few.
	Enter(r *http.Request, signed, all bool) (*http.Request, bool)
	// Note writes down what was changed: what has been done, to what, whose that is, and what it was before and after, in
	// values that mask their secrets.
	Note(r *http.Request, action, kind, object, tenant string, before, after any)
}

// Pool is what is seen of servers.
type Pool interface {
	// Servers returns the status of every server, by ID.
	Servers() []poller.Status
}

// API serves Scalelite's administration API. Its fields must be set before the first request.
type API struct {
	Config       Config
	Multitenancy bool // Scalelite's calls about tenants work at all
	Algorithms   []bbb.Algorithm
	Pool         Pool
	Roster       *roster.Roster
	Tenants      *tenancy.Tenancy
	Door         Door
	Log          zerolog.Logger
	// Over has another instance answer, where that is the one to do so; nil where this is the only one.
	Over func(http.Handler) http.Handler
}

// Mount registers the API.
func (a *API) Mount(mux *http.ServeMux) {
	if a.Over == nil {
		mux.Handle(Path, a)
		return
	}
	mux.Handle(Path, a.Over(a))
}

// Unreachable says that the instance which would have to answer cannot be reached.
func Unreachable(w http.ResponseWriter, _ *http.Request) { bbb.WriteError(w, bbb.ErrInternal) }

// route is one call.
type route struct {
	method  string
	tenants bool // it is about tenants
	do      func(ctx context.Context, c *call) (status int, answer any, err error)
}

func (a *API) routes() map[string]route {
	return map[string]route{
		"getServers":    {http.MethodGet, false, a.getServers},
		"getServerInfo": {http.MethodGet, false, a.getServerInfo},
		"addServer":     {http.MethodPost, false, a.addServer},
		"updateServer":  {http.MethodPost, false, a.updateServer},
		"deleteServer":  {http.MethodPost, false, a.deleteServer},
		"panicServer":   {http.MethodPost, false, a.panicServer},
		"getTenants":    {http.MethodGet, true, a.getTenants},
		"getTenantInfo": {http.MethodGet, true, a.getTenantInfo},
		"addTenant":     {http.MethodPost, true, a.addTenant},
		"updateTenant":  {http.MethodPost, true, a.updateTenant},
		"deleteTenant":  {http.MethodPost, true, a.deleteTenant},
	}
}

// ServeHTTP answers one call, in the order in which Scalelite looks at it: type, checksum, tenants, body.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	name := strings.TrimPrefix(r.URL.Path, Path)
	route, known := a.routes()[name]
	if !known || r.Method != route.method {
		bbb.WriteError(w, bbb.ErrUnsupported)
		return
	}
	if r.Method == http.MethodPost && r.ContentLength != 0 && !isJSON(r) {
		bbb.WriteError(w, bbb.ErrContentType)
		return
	}
	signed := a.signed(r, name)
	r, let := a.Door.Enter(r, signed && a.Config.Replayable, route.method == http.MethodPost || reveals(r))
	switch {
	case !let && signed:
		bbb.WriteError(w, errReplayable)
		return
	case !let:
		bbb.WriteError(w, bbb.ErrChecksum)
		return
	case route.tenants && !a.Multitenancy:
		writeJSON(w, http.StatusPreconditionFailed, message{"Multitenancy is disabled"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	c, err := newCall(r)
	if err == nil {
		var status int
		var answer any
		if status, answer, err = route.do(r.Context(), c); err == nil {
			writeJSON(w, status, answer)
			return
		}
	}
	a.fail(w, r, err)
}

// errReplayable refuses a checksum that is right, and could be anybody's who has seen it.
var errReplayable = &bbb.Error{
	Key: bbb.ErrChecksum.Key,
	Message: "This checksum could be replayed: send Authorization: Bearer with a token of administration, or have bbbpool serve " +
		"accept it with --scalelite-api-replayable",
}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// algorithms are those that Scalelite's checksums are made with.
var algorithms = []bbb.Algorithm{bbb.SHA1, bbb.SHA256, bbb.SHA512}

// signed tells whether a request has a checksum that was made with the secret of the load balancer.
func (a *API) signed(r *http.Request, name string) bool {
	query, checksum := bbb.SplitChecksum(r.URL.RawQuery)
	if checksum == "" {
		return false
	}
	allowed := slices.DeleteFunc(slices.Clone(algorithms), func(alg bbb.Algorithm) bool {
		return len(a.Algorithms) > 0 && !slices.Contains(a.Algorithms, alg)
	})
	secrets, err := a.secrets(r.Context())
	if err != nil {
		a.Log.Error().Err(err).Msg("read the secret of the load balancer")
		return false
	}
	return len(allowed) > 0 && bbb.Verify(name, query, checksum, secrets, allowed...) >= 0
}

// secrets are those of the load balancer: the environment's or, where that gives none, those of the default tenant.
func (a *API) secrets(ctx context.Context) (list []bbb.Secret, err error) {
	for _, s := range a.Tenants.Environment {
		list = append(list, bbb.Secret(s))
	}
	if len(list) > 0 {
		return list, nil
	}
	tenant, err := a.Tenants.Get(ctx, store.DefaultTenant)
	for _, s := range a.Tenants.InUse(tenant) {
		if s.Valid(a.Tenants.Now()) {
			list = append(list, bbb.Secret(s.Secret))
		}
	}
	return list, err
}

// reveals tells whether secrets are asked for.
func (c *call) reveals() bool { return reveals(c.r) }

func reveals(r *http.Request) bool {
	yes, _ := strconv.ParseBool(r.URL.Query().Get("reveal"))
	return yes
}
