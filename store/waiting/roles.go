package waiting

import (
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// group is the group of roles, and nothing but what it is put together from.
type group struct {
	*Index
	keyRole
	sessionRole
	recordingRole
	catalogueRole
	importRole
	eventRole
	adminTokenRole
	auditRole
	usageRole
	callbackRole
	hookRole
	analyticsRole
	wholeRole
}

// Index is the group of roles. Closing it closes the index behind it.
func (x *Index) Index() store.Index {
	return group{
		x,
		keyRole{x},
		sessionRole{x},
		recordingRole{x},
		catalogueRole{x},
		importRole{x},
		eventRole{x},
		adminTokenRole{x},
		auditRole{x},
		usageRole{x},
		callbackRole{x},
		hookRole{x},
		analyticsRole{x},
		wholeRole{x},
	}
}

// counted is a page of recordings, and how many there are.
type counted struct {
	page  []store.Recording
	total int
}

type keyRole struct{ x *Index }

func (r keyRole) Key(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	return ask(ctx, r.x, func() ([]byte, error) { return r.x.config.Index.Key(ctx, name, fresh) })
}

type sessionRole struct{ x *Index }

// SessionsSince leaves out marks, which are the last of all.
func (r sessionRole) SessionsSince(ctx context.Context, t time.Time, after string, limit int) ([]store.Session, error) {
	return ask(ctx, r.x, func() ([]store.Session, error) {
		list, err := r.x.config.Index.SessionsSince(ctx, t, after, limit)
		for len(list) > 0 && isMark(list[len(list)-1].ID) {
			list = list[:len(list)-1]
		}
		return list, err
	})
}

// MeetingSessions is [store.ErrAway] while one of the meeting waits.
func (r sessionRole) MeetingSessions(ctx context.Context, tenant, meeting string, limit int) ([]store.Session, error) {
	if err := r.x.none(ctx, func(s store.Session) bool { return s.Tenant == tenant && s.Meeting == meeting }); err != nil {
		return nil, err
	}
	return ask(ctx, r.x, func() ([]store.Session, error) { return r.x.config.Index.MeetingSessions(ctx, tenant, meeting, limit) })
}

// Session is [store.ErrAway] for one that waits: whoever knows nothing of a meeting gives away what is its own.
func (r sessionRole) Session(ctx context.Context, id string) (store.Session, error) {
	find := func() (store.Session, error) { return r.x.config.Index.Session(ctx, id) }
	if isMark(id) {
		return store.Session{}, store.ErrNotFound
	}
	s, err := ask(ctx, r.x, find)
	if !errors.Is(err, store.ErrNotFound) {
		return s, err
	}
	if err := r.x.none(ctx, func(s store.Session) bool { return s.ID == id }); err != nil {
		return store.Session{}, err
	}
	return ask(ctx, r.x, find) // it may have been written since, by another instance, too
}

func (r sessionRole) DeleteSessions(ctx context.Context, t time.Time, limit int) (int, error) {
	return ask(ctx, r.x, func() (int, error) { return r.x.config.Index.DeleteSessions(ctx, t, limit) })
}

// EraseSessions waits until nothing does that would be there again.
func (r sessionRole) EraseSessions(ctx context.Context, tenant, meeting string, limit int) (int, error) {
	return ask(ctx, r.x, func() (int, error) {
		if err := r.x.whole(); err != nil {
			return 0, err
		}
		return r.x.config.Index.EraseSessions(ctx, tenant, meeting, limit)
	})
}

type recordingRole struct{ x *Index }

func (r recordingRole) Recordings(ctx context.Context, f store.RecordingFilter) ([]store.Recording, int, error) {
	got, err := ask(ctx, r.x, func() (counted, error) {
		page, total, err := r.x.config.Index.Recordings(ctx, f)
		return counted{page, total}, err
	})
	return got.page, got.total, err
}

func (r recordingRole) UpdateRecording(
	ctx context.Context, tenant, recordID string, change func(*store.Recording) error,
) (store.Recording, error) {
	return ask(ctx, r.x, func() (store.Recording, error) {
		return r.x.config.Index.UpdateRecording(ctx, tenant, recordID, change)
	})
}

type catalogueRole struct{ x *Index }

func (r catalogueRole) Recording(ctx context.Context, recordID string) (store.Recording, error) {
	return ask(ctx, r.x, func() (store.Recording, error) { return r.x.config.Index.Recording(ctx, recordID) })
}

func (r catalogueRole) ScanRecordings(ctx context.Context, after string, limit int) ([]store.Recording, error) {
	return ask(ctx, r.x, func() ([]store.Recording, error) { return r.x.config.Index.ScanRecordings(ctx, after, limit) })
}

func (r catalogueRole) OwedRecordings(ctx context.Context) ([]store.Recording, error) {
	return ask(ctx, r.x, func() ([]store.Recording, error) { return r.x.config.Index.OwedRecordings(ctx) })
}

func (r catalogueRole) CountRecordings(ctx context.Context) ([]store.RecordingCount, error) {
	return ask(ctx, r.x, func() ([]store.RecordingCount, error) { return r.x.config.Index.CountRecordings(ctx) })
}

func (r catalogueRole) DeleteRecording(ctx context.Context, recordID string) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.DeleteRecording(ctx, recordID) })
}

type importRole struct{ x *Index }

func (r importRole) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error) {
	return ask(ctx, r.x, func() ([]store.Job, error) { return r.x.config.Index.Jobs(ctx, f) })
}

func (r importRole) Job(ctx context.Context, id string) (store.Job, error) {
	return ask(ctx, r.x, func() (store.Job, error) { return r.x.config.Index.Job(ctx, id) })
}

func (r importRole) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	return ask(ctx, r.x, func() (store.Job, error) { return r.x.config.Index.UpdateJob(ctx, id, change) })
}

func (r importRole) DeleteJob(ctx context.Context, id string) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.DeleteJob(ctx, id) })
}

func (r importRole) Commit(
	ctx context.Context, job store.Job, recordIDs []string, change func(*store.Recording) error,
	tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	return ask(ctx, r.x, func() ([]store.Recording, error) {
		return r.x.config.Index.Commit(ctx, job, recordIDs, change, tell...)
	})
}

type eventRole struct{ x *Index }

func (r eventRole) Events(ctx context.Context) (map[string][]store.Event, error) {
	return ask(ctx, r.x, func() (map[string][]store.Event, error) { return r.x.config.Index.Events(ctx) })
}

type adminTokenRole struct{ x *Index }

func (r adminTokenRole) AdminTokens(ctx context.Context) ([]store.AdminToken, error) {
	return ask(ctx, r.x, func() ([]store.AdminToken, error) { return r.x.config.Index.AdminTokens(ctx) })
}

func (r adminTokenRole) CreateAdminToken(ctx context.Context, t store.AdminToken) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.CreateAdminToken(ctx, t) })
}

func (r adminTokenRole) DeleteAdminToken(ctx context.Context, name string) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.DeleteAdminToken(ctx, name) })
}

type auditRole struct{ x *Index }

func (r auditRole) Audits(ctx context.Context, f store.AuditFilter) ([]store.Audit, error) {
	return ask(ctx, r.x, func() ([]store.Audit, error) { return r.x.config.Index.Audits(ctx, f) })
}

func (r auditRole) DeleteAudits(ctx context.Context, t time.Time, limit int) (int, error) {
	return ask(ctx, r.x, func() (int, error) { return r.x.config.Index.DeleteAudits(ctx, t, limit) })
}

// BlankAudit waits until nothing does that would be there again.
func (r auditRole) BlankAudit(ctx context.Context, a store.Audit) error {
	return tell(ctx, r.x, func() error {
		if err := r.x.whole(); err != nil {
			return err
		}
		return r.x.config.Index.BlankAudit(ctx, a)
	})
}

type usageRole struct{ x *Index }

func (r usageRole) Usage(ctx context.Context, f store.UsageFilter) ([]store.Usage, error) {
	return ask(ctx, r.x, func() ([]store.Usage, error) { return r.x.config.Index.Usage(ctx, f) })
}

func (r usageRole) DeleteUsage(ctx context.Context, before string, limit int) (int, error) {
	return ask(ctx, r.x, func() (int, error) { return r.x.config.Index.DeleteUsage(ctx, before, limit) })
}

type wholeRole struct{ x *Index }

// Dump leaves out marks. An error of each says nothing of the index.
func (r wholeRole) Dump(ctx context.Context, each func(store.Row) error) error {
	return tell(ctx, r.x, func() error {
		return r.x.config.Index.Dump(ctx, func(row store.Row) error {
			if isMark(string(row.Key)) {
				return nil
			}
			return each(row)
		})
	})
}

func (r wholeRole) Load(ctx context.Context, list []store.Row) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.Load(ctx, list) })
}

func (r wholeRole) Wipe(ctx context.Context) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.Wipe(ctx) })
}
