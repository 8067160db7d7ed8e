package admin

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// Imports shows the imports of archives, and has them tried again, dropped, or begun.
type Imports struct {
	Queue   Queue
	Tenants *Tenants
}

// Queue is what is imported, and was.
type Queue interface {
	// Jobs returns the selected imports in the order of their IDs.
	Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error)
	// Retry has an import that has failed, or waits, tried now and from the start, or returns store.ErrNotFound.
	Retry(ctx context.Context, id string) (store.Job, error)
	// DropJob forgets an import that has failed, and its archive, or returns store.ErrNotFound.
	DropJob(ctx context.Context, id string) error
	// Import imports what is on our disk. It tells of its progress, and ends with the context.
	Import(ctx context.Context, o recordings.ImportOptions, tell func(recordings.Progress)) (recordings.ImportReport, error)
}

func (i *Imports) routes() frame.Routes {
	return frame.Routes{
		"GET /jobs":               frame.Whole(i.list, access.Read, access.Recordings),
		"POST /job/retry":         frame.Whole(i.retry, access.Operate, access.Recordings),
		"DELETE /job":             frame.Whole(i.drop, access.Operate, access.Recordings),
		"POST /recordings-import": frame.Whole(work(importing, i.checkImport, i.importPath), access.Operate),
	}
}

const (
	jobPage  = 1000 // jobs on a page by default
	jobsMost = 10_000
)

var jobStates = []store.JobState{
	store.JobWaiting, store.JobImporting, store.JobPlacing, store.JobDone, store.JobFailed, store.JobDropped,
	recordings.JobIgnored,
}

func (i *Imports) list(r *http.Request) (any, error) {
	query := r.URL.Query()
	filter := store.JobFilter{After: query.Get("after")}
	for _, name := range frame.Given(query["state"]) {
		state := store.JobState(name)
		if !slices.Contains(jobStates, state) {
			return nil, v1.Invalid("state: want waiting, importing, placing, done, failed, dropped or ignored")
		}
		filter.States = append(filter.States, state)
	}
	var err error
	if filter.Limit, err = frame.Number(r, "limit", jobPage, 1, jobsMost); err != nil {
		return nil, err
	}
	jobs, err := i.Queue.Jobs(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	list := []v1.Job{}
	for _, j := range jobs {
		list = append(list, newJob(j))
	}
	return list, nil
}

func (i *Imports) retry(r *http.Request) (any, error) {
	if err := frame.Read(r, &struct{}{}); err != nil {
		return nil, err
	}
	id, err := jobID(r)
	if err != nil {
		return nil, err
	}
	job, err := i.Queue.Retry(context.WithoutCancel(r.Context()), id)
	if err != nil {
		return nil, jobError(id, err)
	}
	frame.Logger(r).Info().Str("job", id).Msg("import tried again for an operator")
	shown := newJob(job)
	return frame.Changed{Answer: shown, Action: "retry", Kind: "import", Object: id, After: shown}, nil
}

func (i *Imports) drop(r *http.Request) (any, error) {
	id, err := jobID(r)
	if err != nil {
		return nil, err
	}
	if err := i.Queue.DropJob(context.WithoutCancel(r.Context()), id); err != nil {
		return nil, jobError(id, err)
	}
	frame.Logger(r).Info().Str("job", id).Msg("import dropped by an operator")
	return frame.Changed{Action: "drop", Kind: "import", Object: id}, nil
}

// jobID reads which import is meant. What an operator has imported is called by its path, so these do not go into ours.
func jobID(r *http.Request) (string, error) {
	id := r.URL.Query().Get("id")
	if id == "" {
		return "", v1.Invalid("id: missing; bbbpool recording jobs --all lists the imports")
	}
	return id, nil
}

func jobError(id string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return v1.NotFound("there is no import %q: bbbpool recording jobs --all lists them", id)
	case errors.Is(err, recordings.ErrBusy):
		return v1.Conflict("%s %v: wait for the end of that", id, err)
	}
	return err
}

// importing is what is written down of an import.
func importing(o v1.ImportOptions) (what frame.Changed, changes bool) {
	return frame.Changed{Action: "import", Kind: "recording", Object: o.Path, Tenant: o.Tenant, After: o}, true
}

func (i *Imports) checkImport(r *http.Request, o *v1.ImportOptions) error {
	if !filepath.IsAbs(o.Path) || strings.ContainsRune(o.Path, 0) {
		return v1.Invalid("path: want the absolute path of an archive or a directory on the machine of the pool")
	}
	o.Path = filepath.Clean(o.Path)
	return i.Tenants.check(r.Context(), o.Tenant)
}

// importPath imports. That the path cannot be read is for its owner to mend, and no fault of the pool.
func (i *Imports) importPath(ctx context.Context, o v1.ImportOptions, tell func(v1.Progress)) (v1.ImportReport, error) {
	report, err := i.Queue.Import(ctx, recordings.ImportOptions(o), telling(tell))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = &v1.Error{Status: http.StatusUnprocessableEntity, Code: v1.CodePath, Message: err.Error()}
	}
	return v1.ImportReport{
		Imported: report.Imported, Same: report.Same, Skipped: findings(report.Skipped), Failed: findings(report.Failed),
	}, err
}
