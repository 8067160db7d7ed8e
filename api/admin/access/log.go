package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// The ways by which a change comes in.
const (
	CLI       = "cli"
	API       = "api"
	Scalelite = "scalelite"
	Process   = "process" // it is bbbpool's own
)

// Config is what is set for the audit log.
type Config struct {
	Keep quantity.Age `name:"audit-keep" placeholder:"AGE" default:"400d" env:"BBBPOOL_AUDIT_KEEP" help:"How long it is kept who has changed what, see bbbpool audit; 0 keeps it for ever."`
}

// By is who makes a change, and how.
type By struct {
	Who  string // as people know them: "token NAME", "user NAME (uid)", "uid 1000"
	Via  string // CLI, API, Scalelite or Process
	From string // the address that it came from; "" for this machine
}

// Change is a change that was made.
type Change struct {
	By

	Action string // a verb: "add", "set", "remove", …
	Kind   string // of what was changed: "server", "tenant", "recording", …
	Object string // its ID
	Tenant string // whose it is; "" for what is the pool's

	// What there was, and what there is: as JSON, in which secrets mask themselves; nil for nothing.
	Before, After any
}

// Log keeps who has changed what. It is safe for concurrent use.
type Log struct {
	Config

	Store store.Audits
	Now   func() time.Time
	Log   zerolog.Logger

	written, lost atomic.Uint64 // entries

	mu     sync.Mutex
	last   uint64    // of the numbers in the IDs
	failed time.Time // since when entries could not be written; zero while they can
	why    error
}

// writeTime is how long the store may take for an entry before whoever has made the change gets the answer without.
const writeTime = 10 * time.Second

// Write writes an entry, and returns when it is stored: then it survives a crash. A change that stands is not taken back
// because it cannot be written: a full disk must not keep anybody from mending the pool at night. So there is no error to
// return; it is logged with all that the entry has, and a problem until entries can be written again.
func (l *Log) Write(ctx context.Context, c Change) { l.keep(ctx, l.entry(c)) }

// writeAtOnce is how many entries are written at the same time, which the store may write as one.
const writeAtOnce = 64

// WriteAll writes the entries of many changes, in the order in which they are given, as Write does.
func (l *Log) WriteAll(ctx context.Context, list []Change) {
	var writing sync.WaitGroup
	room := make(chan struct{}, writeAtOnce)
	for _, c := range list {
		entry := l.entry(c)
		room <- struct{}{}
		writing.Go(func() {
			l.keep(ctx, entry)
			<-room
		})
	}
	writing.Wait()
}

// keep writes an entry.
func (l *Log) keep(ctx context.Context, entry store.Audit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	err := l.Store.AddAudit(ctx, entry)
	for tries := 0; errors.Is(err, store.ErrExists) && tries < 3; tries++ {
		entry.ID = l.id()
		err = l.Store.AddAudit(ctx, entry)
	}
	l.wrote(entry, err)
}

// List returns the selected entries, the newest first.
func (l *Log) List(ctx context.Context, f store.AuditFilter) ([]store.Audit, error) {
	return l.Store.Audits(ctx, f)
}

// entry is a change as it is stored.
func (l *Log) entry(c Change) store.Audit {
	return store.Audit{
		ID: l.id(), At: l.Now().UTC(), Who: clip(c.Who, maxWord), Via: clip(c.Via, maxWord), From: clip(c.From, maxWord),
		Action: clip(c.Action, maxWord), Kind: clip(c.Kind, maxWord), Object: clip(c.Object, maxObject),
		Tenant: clip(c.Tenant, maxObject), Before: masked(c.Before), After: masked(c.After),
	}
}

// wrote takes note of how the writing of an entry has ended.
func (l *Log) wrote(entry store.Audit, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.written.Add(1)
		l.failed, l.why = time.Time{}, nil
		return
	}
	l.lost.Add(1)
	if l.why = err; l.failed.IsZero() {
		l.failed = l.Now()
	}
	l.Log.Error().Err(err).Str("who", entry.Who).Str("via", entry.Via).Str("from", entry.From).Str("action", entry.Action).
		Str("kind", entry.Kind).Str("object", entry.Object).Str("tenant", entry.Tenant).Str("before", entry.Before).
		Str("after", entry.After).Msg("a change is made, and cannot be written to the audit log")
}

// Problems tells that changes could not be written.
func (l *Log) Problems(context.Context) []problems.Problem {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed.IsZero() {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Store, ID: "audit"}, Name: "audit-log",
		Since: l.failed, Logged: true,
		Text:   "the last change could not be written to the audit log: " + l.why.Error(),
		Remedy: "the change stands, and is in the log of the process with all that was to be written",
	}}
}

// Validate tells what is wrong with what is set.
func (c Config) Validate() error {
	if c.Keep < 0 {
		return fmt.Errorf("--audit-keep %s: want an age as 400d, or 0 to keep the audit log for ever", c.Keep)
	}
	return nil
}

const (
	tidyEvery = time.Hour
	tidyBatch = 500 // entries that are deleted in one transaction
)

// Run deletes what is older than is to be kept, now and then.
func (l *Log) Run(ctx context.Context) error {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		if err := l.Tidy(ctx); err != nil && ctx.Err() == nil {
			l.Log.Warn().Err(err).Msg("the audit log is not shortened; it is tried again")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Tidy deletes what is older than is to be kept, in transactions that keep nobody waiting for long.
func (l *Log) Tidy(ctx context.Context) error {
	if l.Keep <= 0 {
		return nil
	}
	end := l.Now().Add(-time.Duration(l.Keep))
	for n := tidyBatch; n == tidyBatch; {
		var err error
		if n, err = l.Store.DeleteAudits(ctx, end, tidyBatch); err != nil {
			return err
		}
	}
	return nil
}
