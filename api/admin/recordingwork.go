package admin

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// work makes a handler of something that takes long: it reads what is asked for, checks that, and begins.
func work[O, R any](
	a *API, check func(*http.Request, *O) error,
	do func(Recordings, context.Context, O, func(recordings.Progress)) (R, error),
) handler {
	return func(r *http.Request) (any, error) {
		var options O
		if err := read(r, &options); err != nil {
			return nil, err
		}
		if err := check(r, &options); err != nil {
			return nil, err
		}
		a.logger(r).Info().Str("path", r.URL.Path).Interface("options", options).Msg("work begun for an operator")
		return long(func(ctx context.Context, tell func(recordings.Progress)) (any, error) {
			return do(a.Recordings, ctx, options, tell)
		}), nil
	}
}

func checkNothing[O any](*http.Request, *O) error { return nil }

// checkTenant refuses a tenant that is not there; "" is none in particular.
func (a *API) checkTenant(r *http.Request, id string) error {
	if id == "" {
		return nil
	}
	_, err := a.lookUp(r.Context(), id)
	return err
}

func (a *API) checkImport(r *http.Request, o *recordings.ImportOptions) error {
	if !filepath.IsAbs(o.Path) || strings.ContainsRune(o.Path, 0) {
		return invalid("path: want the absolute path of an archive or a directory on the machine of the pool")
	}
	o.Path = filepath.Clean(o.Path)
	return a.checkTenant(r, o.Tenant)
}

// importPath imports. That the path cannot be read is for its owner to mend, and no fault of the pool.
func importPath(
	all Recordings, ctx context.Context, o recordings.ImportOptions, tell func(recordings.Progress),
) (recordings.ImportReport, error) {
	report, err := all.Import(ctx, o, tell)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = &Error{Status: http.StatusUnprocessableEntity, Code: "path", Message: err.Error()}
	}
	return report, err
}

func checkPrune(_ *http.Request, o *recordings.PruneOptions) error {
	if o.OlderThan < 0 || o.KeepUnder < 0 {
		return invalid("older_than, keep_under: want numbers above 0")
	}
	if o.OlderThan == 0 && o.KeepUnder == 0 {
		return invalid("older_than, keep_under: want at least one of them")
	}
	return nil
}

func (a *API) checkProtect(r *http.Request, p *Protection) error { return a.checkTenant(r, p.Tenant) }

// protectAll protects all recordings there are, or a tenant's, page by page.
func protectAll(
	all Recordings, ctx context.Context, p Protection, tell func(recordings.Progress),
) (report ProtectReport, err error) {
	filter := store.RecordingFilter{
		Tenant: p.Tenant, AllTenants: p.Tenant == "", Limit: recordingsMost,
		States: []store.RecordingState{store.Published, store.Unpublished},
	}
	for ctx.Err() == nil {
		page, total, err := all.Recordings(ctx, filter)
		if err != nil || len(page) == 0 {
			return report, err
		}
		filter.Offset += len(page)
		for tenant, ids := range byTenant(page, p.Protect) {
			n, err := all.Update(ctx, tenant, ids, nil, &p.Protect)
			report.Changed += n
			if err != nil {
				return report, err
			}
		}
		tell(recordings.Progress{Done: min(filter.Offset, total), Total: total})
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
