package admin

import (
	"context"
	"net/http"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// work makes a handler of something that takes long: it reads what is asked for, checks that unless check is nil, and begins.
// As it begins it is written down what it is to change, unless it is to change nothing.
func work[O, R any](
	written func(O) (what frame.Changed, changes bool), check func(*http.Request, *O) error,
	do func(context.Context, O, func(v1.Progress)) (R, error),
) frame.Handler {
	return func(r *http.Request) (any, error) {
		var options O
		if err := frame.Read(r, &options); err != nil {
			return nil, err
		}
		if check != nil {
			if err := check(r, &options); err != nil {
				return nil, err
			}
		}
		frame.Logger(r).Info().Str("path", r.URL.Path).Interface("options", options).Msg("work begun for an operator")
		begun := frame.Long(func(ctx context.Context, tell func(v1.Progress)) (any, error) { return do(ctx, options, tell) })
		what, changes := written(options)
		if !changes {
			return frame.Unchanged{Answer: begun}, nil
		}
		what.Answer = begun
		return what, nil
	}
}

// verifying is what is written down of a look at all recordings: nothing where it mends nothing.
func verifying(o v1.VerifyOptions) (what frame.Changed, changes bool) {
	return frame.Changed{Action: "verify", Kind: "recording", After: o}, o != (v1.VerifyOptions{})
}

// pruning is what is written down of recordings that are too old, or too many.
func pruning(o v1.PruneOptions) (what frame.Changed, changes bool) {
	return frame.Changed{Action: "prune", Kind: "recording", Tenant: o.Tenant, After: o}, !o.DryRun
}

// protecting is what is written down of the protection of all recordings.
func protecting(p v1.Protection) (what frame.Changed, changes bool) {
	return frame.Changed{Action: "protect", Kind: "recording", Tenant: p.Tenant, After: p}, true
}

// telling tells in the words of the API what recordings tell.
func telling(tell func(v1.Progress)) func(recordings.Progress) {
	return func(p recordings.Progress) { tell(v1.Progress(p)) }
}

// verify compares the index with the disk.
func (c *Recordings) verify(ctx context.Context, o v1.VerifyOptions, tell func(v1.Progress)) (v1.VerifyReport, error) {
	report, err := c.Audit.Verify(ctx, recordings.VerifyOptions(o), telling(tell))
	return v1.VerifyReport{
		Recordings: report.Recordings, Formats: report.Formats, Findings: findings(report.Findings), Repaired: report.Repaired,
	}, err
}

// findings shows what is not as it should be. None at all stays what it is in JSON.
func findings(list []recordings.Finding) []v1.Finding {
	if list == nil {
		return nil
	}
	shown := make([]v1.Finding, len(list))
	for i, f := range list {
		shown[i] = v1.Finding(f)
	}
	return shown
}

// prune deletes what is too old, or too much.
func (c *Recordings) prune(ctx context.Context, o v1.PruneOptions, tell func(v1.Progress)) (v1.PruneReport, error) {
	report, err := c.Audit.Prune(ctx, recordings.PruneOptions{
		OlderThan: o.OlderThan, KeepUnder: o.KeepUnder, Tenant: o.Tenant, DryRun: o.DryRun,
	}, telling(tell))
	shown := v1.PruneReport{
		Bytes: report.Bytes, Protected: report.Protected, Remaining: report.Remaining, Behind: findings(report.Behind),
	}
	if report.Deleted != nil { // else it is null
		shown.Deleted = make([]v1.Pruned, len(report.Deleted))
	}
	for i, p := range report.Deleted {
		shown.Deleted[i] = v1.Pruned(p)
	}
	return shown, err
}

func checkPrune(_ *http.Request, o *v1.PruneOptions) error {
	if o.OlderThan < 0 || o.KeepUnder < 0 {
		return v1.Invalid("older_than, keep_under: want numbers above 0")
	}
	if o.OlderThan == 0 && o.KeepUnder == 0 {
		return v1.Invalid("older_than, keep_under: want at least one of them")
	}
	return nil
}

func (c *Recordings) checkProtection(r *http.Request, p *v1.Protection) error {
	return c.Tenants.check(r.Context(), p.Tenant)
}

// protectAll protects all recordings there are, or a tenant's, page by page.
func (c *Recordings) protectAll(
	ctx context.Context, p v1.Protection, tell func(v1.Progress),
) (report v1.ProtectReport, err error) {
	filter := store.RecordingFilter{
		Tenant: p.Tenant, AllTenants: p.Tenant == "", Limit: recordingsMost,
		States: []store.RecordingState{store.Published, store.Unpublished},
	}
	for ctx.Err() == nil {
		page, total, err := c.Catalogue.Recordings(ctx, filter)
		if err != nil || len(page) == 0 {
			return report, err
		}
		filter.Offset += len(page)
		for tenant, ids := range byTenant(page, p.Protect) {
			n, err := c.Edits.Update(ctx, tenant, ids, nil, &p.Protect)
			report.Changed += n
			if err != nil {
				return report, err
			}
		}
		tell(v1.Progress{Done: min(filter.Offset, total), Total: total})
	}
	return report, ctx.Err()
}

// byTenant sorts out the IDs of the recordings that have to be changed.
func byTenant(page []store.Recording, protect bool) map[string][]string {
	ids := map[string][]string{}
	for _, r := range page {
		if r.Protected != protect {
			ids[r.Tenant] = append(ids[r.Tenant], r.RecordID)
		}
	}
	return ids
}
