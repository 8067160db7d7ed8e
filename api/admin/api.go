package admin

import (
	"context"
	_ "embed" // for openapi.json
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/outgoing"
	"github.com/bbbpool/bbbpool/api/admin/past"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	"github.com/bbbpool/bbbpool/api/admin/tenancy"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/callbacks/reach"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// API serves the operators: a handler for each noun, in the frame that lets requests in to them.
type API struct {
	frame.Frame

	Servers    *Servers
	Meetings   *Meetings
	Tenants    *Tenants
	Params     *TenantParams
	Recordings *Recordings // nil in a pool without recordings, as Imports is
	Imports    *Imports
	History    *History
	Past       *Past
	Usage      *Usage
	Pool       *Pool
	Handover   *roster.Handover // has to run in a pool that does
	Tokens     *Tokens          // nil where the environment's is the only one
	AuditLog   *AuditLog        // nil where none is kept
	Backup     *Backup          // nil where nobody makes any
	Instances  *Instances
	Callbacks  *outgoing.Callbacks

	// Elsewhere hands requests on to the instance that decides; nil where this is the only one. It has to be set before Mount.
	Elsewhere *frame.Elsewhere
}

// Parts are what the API is made of.
type Parts struct {
	Records    store.Servers
	Tenants    store.Tenants
	Sessions   store.Sessions
	Params     params.Pool // the rules for the parameters of all tenants
	Roster     roster.Config
	Uses       tenancy.Uses   // when secrets were last used
	Secrets    []store.Secret // of the default tenant, from the environment, instead of its stored ones
	Poller     *poller.Poller
	Ledger     *placement.Ledger
	Recordings *recordings.Service
	Usage      *usage.Accounts
	Index      past.Index
	// Script makes the script with which a server sends its recordings to the pool at base.
	Script func(base string, s store.Server) ([]byte, error)
	// Problems is the one list of what is wrong.
	Problems ProblemList
	Tokens   *access.Tokens
	Audit    *access.Log // of what is changed
	Backups  BackupMaker
	// Reach is where servers are told to call; nil where that is nobody's concern.
	Reach *reach.Site
	// Callbacks has what front ends are told.
	Callbacks outgoing.Box
	Stores    func(ctx context.Context) (wrong, advice []string) // how the databases are set up; may be nil
	Version   string
	Token     store.Secret // of those that come over TCP; without one they are turned away
	Now       func() time.Time
	Log       zerolog.Logger
}

// New puts an API together. Who serves it says later where that is, and how tenants are read again.
func New(p Parts) *API {
	tenants := newTenants(p)
	endings := &roster.Endings{Pool: p.Poller, Ledger: p.Ledger}
	examiner := &roster.Examiner{Store: p.Records, Secrets: tenants.Secrets, Pool: p.Poller, Now: p.Now, Callbacks: p.Reach}
	records := &roster.Records{Store: p.Records, Pool: p.Poller}
	servers := &roster.Roster{
		Config: p.Roster, Records: records, Pool: p.Poller, Claims: p.Ledger, Examiner: examiner,
		Endings: endings, Debts: p.Recordings.Owed, Now: p.Now, Log: p.Log,
	}
	instances := &Instances{}
	return &API{
		Frame:    frame.Frame{Token: p.Token, Added: p.Tokens, Audit: p.Audit, Now: p.Now, Log: p.Log},
		Servers:  &Servers{Pool: p.Poller, Roster: servers, Script: p.Script, Now: p.Now},
		Meetings: &Meetings{Pool: p.Poller, Ledger: p.Ledger, Sessions: p.Sessions, Endings: endings},
		Tenants:  tenants,
		Params:   &TenantParams{Tenants: tenants, Pool: p.Params},
		Recordings: &Recordings{
			Catalogue: p.Recordings, Edits: p.Recordings, Behind: p.Recordings.Behind, Audit: p.Recordings, Owed: p.Recordings.Owed,
			Volumes: p.Recordings.Volume, Tenants: tenants,
		},
		Imports:  &Imports{Queue: p.Recordings, Tenants: tenants},
		History:  &History{Sessions: p.Sessions},
		Handover: &roster.Handover{Records: records, Pool: p.Poller, Now: p.Now, Log: p.Log},
		Past: &Past{
			Finder:  &past.Finder{Tenants: p.Tenants, Ledger: p.Ledger, Sessions: p.Sessions, Recordings: p.Recordings},
			Erasers: past.Erasers{Index: p.Index, Recordings: p.Recordings},
		},
		Usage: &Usage{Accounts: p.Usage},
		Pool: &Pool{
			Servers: p.Poller, Ledger: p.Ledger, Records: p.Records, Examiner: examiner, Tenants: tenants,
			Recordings: p.Recordings, Problems: p.Problems, Backups: p.Backups, Stores: p.Stores, Version: p.Version, Now: p.Now,
			Instances: instances, Callbacks: p.Reach,
		},
		Tokens:   &Tokens{Tokens: p.Tokens, Tenants: tenants, Environment: p.Token, Now: p.Now},
		AuditLog: &AuditLog{Log: p.Audit},
		Backup:   &Backup{Maker: p.Backups},

		Instances: instances,
		Callbacks: &outgoing.Callbacks{Box: p.Callbacks},
	}
}

// newTenants has what tenants are told of those that know it.
func newTenants(p Parts) *Tenants {
	return &Tenants{&tenancy.Tenancy{
		Records: p.Tenants, Environment: p.Secrets, Ledger: p.Ledger, Kept: p.Recordings.Counts, Uses: p.Uses, Now: p.Now,
		ReadParams: readParams,
		Revoke: func(ctx context.Context, tenant string) error {
			_, err := p.Tokens.RevokeOf(ctx, tenant)
			return err
		},
	}}
}

//go:embed openapi.json
var openAPI []byte

func (a *API) routes() frame.Routes {
	all := frame.Routes{
		"GET /openapi.json": frame.Open(func(*http.Request) (any, error) { return json.RawMessage(openAPI), nil }),
	}
	for _, noun := range []frame.Routes{
		a.Servers.routes(), a.Meetings.routes(), a.Tenants.routes(), a.Params.routes(), a.History.routes(), a.Pool.routes(),
		a.Tokens.routes(), a.AuditLog.routes(), a.Past.routes(), a.Usage.routes(), a.Backup.routes(),
		a.Instances.routes(), a.Callbacks.Routes(),
		havingRecordings(a.Recordings != nil, a.Recordings.routes()), havingRecordings(a.Imports != nil, a.Imports.routes()),
	} {
		maps.Copy(all, noun)
	}
	return all
}

// Mount registers the API for callers from the network, who need a token.
func (a *API) Mount(mux *http.ServeMux) {
	mux.Handle(v1.Prefix+"/", a.Elsewhere.Over(a.Guarded(a.routes())))
}

// Handler returns the API without a check of tokens, for those that have access to the data directory anyway.
func (a *API) Handler() http.Handler { return a.Elsewhere.OverTrusted(a.Trusted(a.routes())) }

// Peers returns the API for what other instances hand on. It hands nothing on itself: who asks an instance that does not decide
// any more is told so.
func (a *API) Peers() http.Handler { return a.Elsewhere.Here(a.Handed(a.routes())) }
