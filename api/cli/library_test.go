package cli_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

type others = kept

// library are the recordings of a pool in which nothing is quite as it should be, and what was asked of them in words.
type library struct {
	others // nil: what is not here is not called
	list   []store.Recording
	jobs   []store.Job
	asked  []string
}

func newLibrary() *library {
	day := 24 * time.Hour
	return &library{
		list: []store.Recording{
			{
				RecordID: "aa-1", Tenant: "default", MeetingID: "algebra", Name: "Algebra \x1b[2J", State: store.Published,
				Protected: true, Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour), Participants: 21, RawSize: 3 << 30,
				Server: "a", Imported: now, Changed: now, Meta: map[string]string{"course": "evil\u009b", "term": "1"},
				Edits: store.Edits{State: true, Protected: true, Meta: map[string]string{"course": "x"}},
				Formats: []store.Format{
					{Type: "presentation", Path: "/playback/presentation/2.3/aa-1", Length: time.Hour, Bytes: 5 << 20},
					{Type: "video", Path: "/video/aa-1/", Length: time.Hour, Bytes: 100 << 20},
				},
				Owed: &store.Owed{Server: "a", Step: store.OwedPublished, Since: now, Formats: []string{"podcast"}},
			},
			{
				RecordID: "bb-2", Tenant: "school", MeetingID: "biology", Name: "Biology", State: store.Processing,
				Start: now.Add(-3 * day), End: now.Add(-3 * day), Server: "b",
				Owed: &store.Owed{Server: "b", Step: store.OwedProcessing, Since: now.Add(-5 * time.Hour)},
			},
			{
				RecordID: "cc-3", Tenant: "school", MeetingID: "chemistry", Name: "Chemistry", State: store.Unpublished,
				Start: now.Add(-200 * day), End: now.Add(-200 * day), Formats: []store.Format{{Type: "video", Bytes: 1000}},
			},
		},
		jobs: []store.Job{
			{
				ID: "bad.tar", State: store.JobFailed, Attempts: 4, Reason: "no metadata.xml in it\x07", Bytes: 1 << 20,
				Source: "spool", Changed: now,
			},
			{
				ID: "new.tar", State: store.JobWaiting, Attempts: 1, Reason: "volume full", Next: now.Add(time.Minute),
				Bytes: 1536, Source: "upload", Server: "a", Changed: now,
			},
			{ID: "next.tar", State: store.JobWaiting, Source: "spool", Changed: now},
			{ID: "old.tar", State: store.JobDone, Source: "spool", Recordings: []string{"aa-1"}, Changed: now},
		},
	}
}

func (l *library) note(format string, args ...any) {
	l.asked = append(l.asked, fmt.Sprintf(format, args...))
}

func (l *library) Recordings(_ context.Context, f store.RecordingFilter) ([]store.Recording, int, error) {
	var page []store.Recording
	for _, r := range l.list {
		if (f.AllTenants || r.Tenant == f.Tenant) && (f.States == nil || slices.Contains(f.States, r.State)) &&
			(f.MeetingIDs == nil || slices.Contains(f.MeetingIDs, r.MeetingID)) &&
			!slices.ContainsFunc(f.Meta, func(m store.MetaMatch) bool { return r.Meta[m.Key] != m.Value }) {
			page = append(page, r)
		}
	}
	total := len(page)
	page = page[min(f.Offset, total):]
	return page[:min(f.Limit, len(page))], total, nil
}

func (l *library) Recording(_ context.Context, id string) (store.Recording, error) {
	for _, r := range l.list {
		if r.RecordID == id {
			return r, nil
		}
	}
	return store.Recording{}, store.ErrNotFound
}

func (l *library) Publish(_ context.Context, _ string, ids []string, publish bool) (int, error) {
	l.note("publish %v %v", ids, publish)
	return len(ids), nil
}

func (l *library) Update(_ context.Context, _ string, ids []string, _ map[string]string, protect *bool) (int, error) {
	l.note("protect %v %v", ids, *protect)
	return len(ids), nil
}

func (l *library) Delete(_ context.Context, _ string, ids []string) (int, error) {
	l.note("delete %v", ids)
	return len(ids), nil
}

func (l *library) Assign(_ context.Context, id, tenant string) (store.Recording, error) {
	l.note("assign %s %s", id, tenant)
	return store.Recording{RecordID: id, Tenant: tenant}, nil
}

func (l *library) Owed(context.Context) (list []recordings.Owing, err error) {
	for _, r := range slices.Backward(l.list) {
		if r.Owed != nil {
			age := now.Sub(r.End)
			list = append(list, recordings.Owing{
				Recording: r, Age: age, Step: now.Sub(r.Owed.Since), Overdue: age > 24*time.Hour,
			})
		}
	}
	return list, nil
}

func (l *library) Jobs(_ context.Context, f store.JobFilter) (page []store.Job, err error) {
	for _, j := range l.jobs {
		if f.States == nil || slices.Contains(f.States, j.State) {
			page = append(page, j)
		}
	}
	return page, nil
}

func (l *library) Retry(_ context.Context, id string) (store.Job, error) {
	l.note("retry %s", id)
	return store.Job{ID: id}, nil
}

func (l *library) DropJob(_ context.Context, id string) error {
	l.note("drop %s", id)
	return nil
}

func (l *library) Import(_ context.Context, o recordings.ImportOptions, tell func(recordings.Progress)) (recordings.ImportReport, error) {
	l.note("import %s for %q, %v", o.Path, o.Tenant, o.Force)
	switch {
	case strings.HasSuffix(o.Path, "nowhere"):
		return recordings.ImportReport{}, &fs.PathError{Op: "stat", Path: o.Path, Err: syscall.ENOENT}
	case strings.HasSuffix(o.Path, "bad"):
		tell(recordings.Progress{Done: 1, Total: 2, Current: "a.tar"})
		tell(recordings.Progress{Done: 1, Total: 2, Current: "b.tar", Problem: "truncated\x07"})
		return recordings.ImportReport{
			Imported: []string{"dd-4"}, Failed: []recordings.Finding{{Kind: "unreadable", Path: "b.tar", Text: "truncated\x07"}},
		}, nil
	}
	return recordings.ImportReport{Imported: []string{"ee-5"}, Same: 1}, nil
}

func (l *library) Verify(_ context.Context, o recordings.VerifyOptions, _ func(recordings.Progress)) (recordings.VerifyReport, error) {
	l.note("verify %+v", o)
	return recordings.VerifyReport{Recordings: 3, Formats: 1, Findings: []recordings.Finding{
		{Kind: "orphan", RecordID: "ff-6", Format: "video", Path: "published/video/ff-6", Text: "not in the index", Repaired: o.Adopt},
		{Kind: "missing", RecordID: "aa-1", Format: "video", Text: "its files are gone", Repaired: o.Repair},
		{Kind: "orphan", Path: "published/\x1b[2J", Text: "not in the index", Repaired: o.Adopt},
	}}, nil
}

func (l *library) Prune(_ context.Context, o recordings.PruneOptions, _ func(recordings.Progress)) (recordings.PruneReport, error) {
	l.note("prune %+v", o)
	if o.Tenant == "default" {
		return recordings.PruneReport{Remaining: 105 << 20, Protected: 1}, nil
	}
	r := l.list[2]
	return recordings.PruneReport{Bytes: 1000, Remaining: 105 << 20, Deleted: []recordings.Pruned{
		{RecordID: r.RecordID, Tenant: r.Tenant, MeetingID: r.MeetingID, Name: r.Name, End: r.End, Bytes: 1000},
	}}, nil
}

func (l *library) Counts(context.Context) ([]store.RecordingCount, error) {
	return []store.RecordingCount{
		{Tenant: "default", State: store.Published, Count: 1, Bytes: 105 << 20},
		{Tenant: "school", State: store.Unpublished, Count: 1, Bytes: 1000},
	}, nil
}

func (l *library) Behind(string) error { return nil }

func (l *library) Trouble() []string { return nil }

func (l *library) Volume() []volume.Status {
	return []volume.Status{{Name: "library", Path: "/mnt", Problem: "library (/mnt) is not mounted"}}
}
