// Package learning has servers told where the learning records of a tenant's meetings go, as far as that is known at the moment
// of a create. That it fails keeps nobody from a meeting, and holds up none for long. It makes no payload itself.
package learning

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/tenancy"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// Payloads makes what servers are told of a tenant's learning record store.
type Payloads interface {
	// Payload is that for the server that has this secret. Its errors tell no secrets.
	Payload(ctx context.Context, lrs store.LRS, server store.Secret) (string, error)
}

// Records tells servers where the learning records of a tenant's meetings go.
type Records struct {
	Payloads Payloads // nil where nobody is told
	Log      zerolog.Logger

	mu      sync.Mutex
	failing map[string]failing // by tenant
}

// failing is since when something fails, and why.
type failing struct {
	since time.Time
	err   error
	until time.Time // nobody waits for it again before
}

const (
	// lrsWait is how long a create waits for a token at most.
	lrsWait = 5 * time.Second
	// lrsSlow is how long a failure may take without others being spared it for lrsPause.
	lrsSlow  = time.Second
	lrsPause = 30 * time.Second
)

// Put puts it into what a server is sent. A front end's own goes: nobody but the pool knows the server's secret.
func (l *Records) Put(ctx context.Context, t *tenancy.Tenant, sent *bbb.Params, server bbb.Secret) {
	if l.Payloads == nil || t == nil || t.LRS.Endpoint == "" {
		return
	}
	const name = "meta_" + bbb.LRSKey
	*sent = slices.DeleteFunc(*sent, func(p bbb.Param) bool { return strings.EqualFold(p.Name, name) })
	if l.paused(t.ID) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lrsWait)
	defer cancel()
	began := time.Now()
	payload, err := l.Payloads.Payload(ctx, t.LRS, store.Secret(server))
	l.note(t.ID, time.Since(began), err)
	if err == nil {
		sent.Set(name, payload)
	}
}

// paused tells whether a tenant's provider was waited for in vain a moment ago: one that hangs must not hold up each create.
func (l *Records) paused(tenant string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.failing[tenant].until)
}

// note takes note of how it went. The first failure of a tenant is logged, and the end of it.
func (l *Records) note(tenant string, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, before := l.failing[tenant]
	switch {
	case err == nil && before:
		delete(l.failing, tenant)
		l.Log.Info().Str("tenant", tenant).Msg("servers are told again where learning records go")
	case err != nil && !before:
		l.Log.Warn().Err(err).Str("tenant", tenant).Msg("servers are not told where learning records go")
		was.since = time.Now()
	}
	if err == nil {
		return
	}
	if l.failing == nil {
		l.failing = map[string]failing{}
	}
	was.err = err
	if took > lrsSlow {
		was.until = time.Now().Add(lrsPause)
	}
	l.failing[tenant] = was
}

// Problems tells whose learning records go nowhere.
func (l *Records) Problems() (list []problems.Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for tenant, f := range l.failing {
		list = append(list, problems.Problem{
			Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Tenant, ID: tenant}, Name: "lrs",
			Since: f.since, Logged: true,
			Text:   "servers are not told where learning records of its meetings go: " + f.err.Error(),
			Remedy: "see to the tenant's learning record store, or to its settings",
		})
	}
	return list
}
