package admin_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

var then = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// fakeRecordings are the recordings of a pool, in a slice, and what was asked of them in words.
type fakeRecordings struct {
	list    []store.Recording
	jobs    []store.Job
	mu      sync.Mutex // guards owed and fault
	owed    []recordings.Owing
	fault   error
	volumes []volume.Status
	behind  error
	asked   []string
	filter  store.RecordingFilter // of the last list
	// work stands in for all that takes long.
	work func(ctx context.Context, tell func(v1.Progress)) error
	// real is what servers owe as long as nobody says otherwise.
	real func(context.Context) ([]recordings.Owing, error)
}

func newRecordings() *fakeRecordings {
	return &fakeRecordings{
		list: []store.Recording{
			{
				RecordID: "r1", Tenant: "default", MeetingID: "algebra", Name: "Algebra", State: store.Published,
				Start: then, End: then.Add(time.Hour), Participants: 12, RawSize: 1 << 30, Server: "a",
				Meta: map[string]string{"course": "7"}, Imported: then.Add(2 * time.Hour),
				Formats: []store.Format{
					{Type: "presentation", Path: "/playback/r1", Length: 90 * time.Second, Bytes: 1000},
					{Type: "video", Path: "/video/r1/", Length: 90 * time.Second, Bytes: 24},
				},
			},
			{RecordID: "r2", Tenant: "default", MeetingID: "late", State: store.Processing, Start: then},
			{RecordID: "r3", Tenant: "other", MeetingID: "gone", State: store.Deleted, Start: then},
		},
		jobs: []store.Job{
			{ID: "one.tar", State: store.JobFailed, Attempts: 3, Reason: "truncated", Source: "spool", Changed: then},
			{ID: "two.tar", State: store.JobDone, Recordings: []string{"r1"}},
		},
	}
}

func (f *fakeRecordings) at(id string) *store.Recording {
	for i := range f.list {
		if f.list[i].RecordID == id {
			return &f.list[i]
		}
	}
	return nil
}

func (f *fakeRecordings) Recordings(_ context.Context, filter store.RecordingFilter) ([]store.Recording, int, error) {
	f.filter = filter
	var page []store.Recording
	for _, r := range f.list {
		if (filter.AllTenants || r.Tenant == filter.Tenant) &&
			(filter.States == nil || slices.Contains(filter.States, r.State)) {
			page = append(page, r)
		}
	}
	total := len(page)
	page = page[min(filter.Offset, total):]
	return page[:min(filter.Limit, len(page))], total, nil
}

func (f *fakeRecordings) Recording(_ context.Context, id string) (store.Recording, error) {
	if r := f.at(id); r != nil {
		return *r, nil
	}
	return store.Recording{}, fmt.Errorf("recording %s: %w", id, store.ErrNotFound)
}

// change changes what is here of a tenant's recordings.
func (f *fakeRecordings) change(what, tenant string, ids []string, change func(*store.Recording)) (n int, err error) {
	f.asked = append(f.asked, fmt.Sprintf("%s %s %v", what, tenant, ids))
	for _, id := range ids {
		r := f.at(id)
		if r != nil && r.Tenant == tenant && (r.State == store.Published || r.State == store.Unpublished) {
			change(r)
			n++
		}
	}
	return n, nil
}

func (f *fakeRecordings) Publish(_ context.Context, tenant string, ids []string, publish bool) (int, error) {
	state := store.Unpublished
	if publish {
		state = store.Published
	}
	return f.change("publish", tenant, ids, func(r *store.Recording) { r.State = state })
}

func (f *fakeRecordings) Update(_ context.Context, tenant string, ids []string, meta map[string]string, protect *bool) (int, error) {
	return f.change(fmt.Sprint("update ", meta), tenant, ids, func(r *store.Recording) {
		if protect != nil {
			r.Protected = *protect
		}
		if meta != nil {
			r.Meta, r.Edits.Meta = meta, meta
		}
	})
}

func (f *fakeRecordings) Delete(_ context.Context, tenant string, ids []string) (int, error) {
	return f.change("delete", tenant, ids, func(r *store.Recording) { r.State = store.Deleted })
}

func (f *fakeRecordings) Restore(_ context.Context, id string) (store.Recording, error) {
	r := f.at(id)
	if len(r.Formats) == 0 {
		return *r, recordings.ErrNotInTrash
	}
	r.State = store.Unpublished
	return *r, nil
}

func (f *fakeRecordings) Assign(_ context.Context, id, tenant string) (store.Recording, error) {
	f.at(id).Tenant = tenant
	return *f.at(id), nil
}

func (f *fakeRecordings) Owed(ctx context.Context) ([]recordings.Owing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.real != nil && f.owed == nil {
		return f.real(ctx)
	}
	return f.owed, f.fault
}

// owe makes a server owe these recordings alone, and the store fail with fault.
func (f *fakeRecordings) owe(server string, step store.OwedStep, fault error, ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owed, f.fault, f.real = nil, fault, nil
	for _, id := range ids {
		f.owed = append(f.owed, recordings.Owing{Recording: store.Recording{
			RecordID: id, Tenant: "default", State: store.Awaited, Owed: &store.Owed{Server: server, Step: step, Ended: then},
		}})
	}
}

func (f *fakeRecordings) Jobs(_ context.Context, filter store.JobFilter) (page []store.Job, err error) {
	for _, j := range f.jobs {
		if j.ID > filter.After && (filter.States == nil || slices.Contains(filter.States, j.State)) {
			page = append(page, j)
		}
	}
	return page[:min(len(page), cmp.Or(filter.Limit, len(page)))], nil
}

func (f *fakeRecordings) Retry(_ context.Context, id string) (store.Job, error) {
	for i := range f.jobs {
		if f.jobs[i].ID == id {
			f.jobs[i].State = store.JobWaiting
			return f.jobs[i], nil
		}
	}
	return store.Job{}, store.ErrNotFound
}

func (f *fakeRecordings) DropJob(_ context.Context, id string) error {
	if id == "busy.tar" {
		return recordings.ErrBusy
	}
	before := len(f.jobs)
	f.jobs = slices.DeleteFunc(f.jobs, func(j store.Job) bool { return j.ID == id })
	if len(f.jobs) == before {
		return store.ErrNotFound
	}
	return nil
}

func (f *fakeRecordings) do(ctx context.Context, what any, tell func(recordings.Progress)) error {
	f.asked = append(f.asked, fmt.Sprintf("%+v", what))
	if f.work == nil {
		tell(recordings.Progress{Done: 1, Total: 2, Current: "r1"})
		return nil
	}
	return f.work(ctx, func(p v1.Progress) { tell(recordings.Progress(p)) })
}

func (f *fakeRecordings) Import(ctx context.Context, o recordings.ImportOptions, tell func(recordings.Progress)) (recordings.ImportReport, error) {
	err := f.do(ctx, o, tell)
	switch o.Path {
	case "/nowhere":
		err = fmt.Errorf("import: %w", &fs.PathError{Op: "stat", Path: o.Path, Err: syscall.ENOENT})
	case "/broken":
		err = errors.New("look at /var/private")
	}
	return recordings.ImportReport{Imported: []string{"r1"}, Same: 2, Failed: []recordings.Finding{}}, err
}

func (f *fakeRecordings) Verify(ctx context.Context, o recordings.VerifyOptions, tell func(recordings.Progress)) (recordings.VerifyReport, error) {
	return recordings.VerifyReport{Recordings: 3, Findings: []recordings.Finding{}}, f.do(ctx, o, tell)
}

func (f *fakeRecordings) Prune(ctx context.Context, o recordings.PruneOptions, tell func(recordings.Progress)) (recordings.PruneReport, error) {
	return recordings.PruneReport{Deleted: []recordings.Pruned{}, Remaining: 7}, f.do(ctx, o, tell)
}

func (f *fakeRecordings) Counts(context.Context) ([]store.RecordingCount, error) {
	return []store.RecordingCount{
		{Tenant: "default", State: store.Published, Count: 5, Bytes: 1 << 30},
		{Tenant: "default", State: store.Unpublished, Count: 2, Bytes: 10},
		{Tenant: "default", State: store.Processing, Count: 3},
		{Tenant: "other", State: store.Deleted, Count: 4, Bytes: 99},
	}, nil
}

func (f *fakeRecordings) Volume() []volume.Status { return f.volumes }

func (f *fakeRecordings) Behind(string) error { return f.behind }
