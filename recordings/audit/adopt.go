package audit

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Adopt takes into the index what lies in the library, and reports it as an import: what the audit finds beside is no news
// to whoever imports. It reads all of the index and of the library.
func (a *Auditor) Adopt(ctx context.Context, o imports.Options, tell func(record.Progress)) (imports.Report, error) {
	c := a.comparison(ctx, Options{Adopt: true}, tell)
	c.adoption = o
	err := c.run()
	report := imports.NewReport()
	report.Same = c.report.Recordings
	for _, f := range c.report.Findings {
		switch {
		case f.Kind == record.Orphan && f.Repaired:
			if n := len(report.Imported); n == 0 || report.Imported[n-1] != f.RecordID { // they are in order
				report.Imported = append(report.Imported, f.RecordID)
			}
		case f.Kind == record.Orphan, f.Kind == record.Unreadable, f.Kind == record.Leftover && f.RecordID != "":
			if _, why, found := strings.Cut(f.Text, notMended); found {
				f.Text = why
			}
			report.Failed = append(report.Failed, f)
		}
	}
	report.Same = max(0, report.Same-len(report.Imported))
	return report, err
}

// adopt takes a format into the index that lies in the library and is not known. Where the recording is here already,
// this is one more format of it; else it is made from the file that describes it, and from what was noted beside it.
func (a *Auditor) adopt(ctx context.Context, held *library.Held, f library.Found, o imports.Options) error {
	tree, err := archive.Read(f.Dir)
	if err != nil {
		return err
	}
	known, err := a.Index.Recording(ctx, f.RecordID)
	missing := errors.Is(err, store.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	if !missing && record.Here(&known) {
		return a.addFormat(ctx, held, known, tree)
	}
	r, err := a.newcomer(ctx, held, f, tree.Recording, o)
	if err != nil {
		return err
	}
	if missing {
		err = a.Index.CreateRecording(ctx, r)
	} else {
		r, err = a.Index.UpdateRecording(ctx, known.Tenant, r.RecordID, func(now *store.Recording) error {
			owed := now.Owed
			*now = r
			now.Owed = owed
			record.Deliver(now)
			return nil
		})
	}
	if err != nil {
		return err
	}
	return a.Files.Follow(ctx, held, r)
}

// addFormat adds a format to a recording that is here. Of all formats presentation describes it best.
func (a *Auditor) addFormat(
	ctx context.Context, held *library.Held, known store.Recording, tree archive.Tree,
) error {
	described := tree.Recording
	if err := a.restore(ctx, &described); err != nil {
		return err
	}
	r, err := a.Index.UpdateRecording(ctx, known.Tenant, known.RecordID, func(r *store.Recording) error {
		found := described
		found.Claimed = r.Claimed
		record.Disown(&found)
		if tree.Format == "presentation" {
			record.Describe(r, found)
		}
		r.Formats = record.MergeFormats(r.Formats, found.Formats)
		record.Deliver(r)
		return nil
	})
	if err != nil {
		return err
	}
	return a.Files.Follow(ctx, held, r)
}

// restore takes out of a recording's metadata what is the pool's own, and puts in what its server did not get.
func (a *Auditor) restore(ctx context.Context, r *store.Recording) error {
	if a.Meta == nil {
		return nil
	}
	asking, err := a.Owners.Asking(ctx, *r, nil)
	if err == nil {
		r.Meta = a.Meta(r.Meta, asking.Back)
	}
	return err
}

// newcomer is a recording as its files, the notes and the history of meetings tell of it. That it lies elsewhere than
// its own description says was somebody's decision.
func (a *Auditor) newcomer(
	ctx context.Context, held *library.Held, f library.Found, r store.Recording, o imports.Options,
) (store.Recording, error) {
	r.Edits.State = r.State != f.State
	r.State = f.State
	a.Files.ApplyNote(held, &r)
	if err := a.restore(ctx, &r); err != nil {
		return r, err
	}
	noted, err := a.Owners.Tenant(ctx, r.Tenant)
	if err != nil {
		return r, err
	}
	session, err := a.Owners.Session(ctx, r, nil)
	if err != nil {
		return r, err
	}
	if noted != "" && r.Claimed != "" { // nobody has given it to the one that it names, be that here by now or not
		r.Tenant, r.Server = noted, cmp.Or(session.Server, r.Server)
		record.Disown(&r)
	} else if r, err = a.Owners.Assign(ctx, r, session, record.Origin{Server: r.Server, Tenant: o.Tenant}); err != nil {
		return r, err
	}
	if noted != "" && noted != store.DefaultTenant { // an operator may have given it to another one
		record.Settle(&r)
	}
	r.Tenant = cmp.Or(noted, r.Tenant)
	if r.Imported.IsZero() { // from before us
		r.Imported = a.Now().UTC().Truncate(time.Millisecond)
		r.Protected = a.Protect
	}
	return r, nil
}
