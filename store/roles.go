package store

import (
	"context"
	"time"
)

// State is the small, hot group of roles. It exists for adapters, drivers and storetest; everybody else takes one
// role, or an interface of their own.
type State interface {
	Servers
	Tenants
	Claims
	Close() error
}

// Index is the large, queried group of roles. Like [State] it is for adapters, drivers and storetest alone.
type Index interface {
	Sessions
	Recordings
	Close() error
}

// Servers keeps the servers of the pool.
type Servers interface {
	// Servers returns all servers in the order of their IDs.
	Servers(ctx context.Context) ([]Server, error)
	// Server returns one server, or ErrNotFound.
	Server(ctx context.Context, id string) (Server, error)
	// CreateServer adds a server, or returns ErrExists where the ID is taken.
	CreateServer(ctx context.Context, s Server) error
	// UpdateServer changes a server in one transaction and returns what it has become, or ErrNotFound. The ID
	// cannot be changed.
	UpdateServer(ctx context.Context, id string, change func(*Server) error) (Server, error)
	// DeleteServer removes a server, or returns ErrNotFound.
	DeleteServer(ctx context.Context, id string) error
}

// Tenants keeps the tenants and their secrets.
type Tenants interface {
	// Tenants returns all tenants in the order of their IDs.
	Tenants(ctx context.Context) ([]Tenant, error)
	// Tenant returns one tenant, or ErrNotFound.
	Tenant(ctx context.Context, id string) (Tenant, error)
	// CreateTenant adds a tenant. Where the ID is taken it returns the tenant that has it and ErrExists, so that
	// two first starts agree on one generated secret.
	CreateTenant(ctx context.Context, t Tenant) (Tenant, error)
	// UpdateTenant changes a tenant in one transaction and returns what it has become, or ErrNotFound.
	UpdateTenant(ctx context.Context, id string, change func(*Tenant) error) (Tenant, error)
}

// Claims keeps which meeting is on which server. What it has acknowledged survives a crash.
type Claims interface {
	// Claims returns all claims in no particular order.
	Claims(ctx context.Context) ([]Claim, error)
	// CreateClaim stores a claim unless the meeting has one. It returns the claim that stands afterwards, and
	// ErrExists if that is an older one: of two racing creates both learn the same server.
	CreateClaim(ctx context.Context, c Claim) (Claim, error)
	// UpdateClaim changes a claim in one transaction and returns what it has become, or ErrNotFound.
	UpdateClaim(ctx context.Context, key MeetingKey, change func(*Claim) error) (Claim, error)
	// DeleteClaim removes a claim if it still stands as given: on the same server, placed at the same time.
	// Otherwise it returns ErrConflict, and ErrNotFound where there is none.
	DeleteClaim(ctx context.Context, c Claim) error
}

// Sessions keeps the history: a compact row for each meeting that is over.
type Sessions interface {
	// AddSession stores a session; one with the same ID is replaced, so that closing a claim twice is harmless.
	AddSession(ctx context.Context, s Session) error
	// SessionsSince returns the sessions that ended at or after t, oldest end first, at most limit of them.
	SessionsSince(ctx context.Context, t time.Time, limit int) ([]Session, error)
}

// Recordings keeps the index of recordings.
type Recordings interface {
	// Recordings returns one page of the selected recordings, newest start first and equal starts by ID, and how
	// many were selected over all pages.
	Recordings(ctx context.Context, f RecordingFilter) (page []Recording, total int, err error)
	// CreateRecording adds a recording, or returns ErrExists.
	CreateRecording(ctx context.Context, r Recording) error
	// UpdateRecording changes a recording of a tenant in one transaction and returns what it has become, or
	// ErrNotFound, also for one of another tenant.
	UpdateRecording(ctx context.Context, tenant, recordID string, change func(*Recording) error) (Recording, error)
}
