package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

func (a *API) listOwed(r *http.Request) (any, error) {
	owed, err := a.Recordings.Owed(r.Context())
	if err != nil {
		return nil, err
	}
	tenant, list := r.URL.Query().Get("tenant"), []RecordingOwed{}
	for _, o := range owed {
		if tenant == "" || o.Tenant == tenant {
			list = append(list, newRecordingOwed(o))
		}
	}
	return list, nil
}

const (
	jobPage  = 1000 // jobs on a page by default
	jobsMost = 10_000
)

var jobStates = []store.JobState{
	store.JobWaiting, store.JobImporting, store.JobPlacing, store.JobDone, store.JobFailed, store.JobDropped,
	recordings.JobIgnored,
}

func (a *API) listJobs(r *http.Request) (any, error) {
	query := r.URL.Query()
	filter := store.JobFilter{After: query.Get("after")}
	for _, name := range given(query["state"]) {
		state := store.JobState(name)
		if !slices.Contains(jobStates, state) {
			return nil, invalid("state: want waiting, importing, placing, done, failed, dropped or ignored")
		}
		filter.States = append(filter.States, state)
	}
	var err error
	if filter.Limit, err = number(r, "limit", jobPage, 1, jobsMost); err != nil {
		return nil, err
	}
	jobs, err := a.Recordings.Jobs(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	list := []Job{}
	for _, j := range jobs {
		list = append(list, newJob(j))
	}
	return list, nil
}

func (a *API) retryJob(r *http.Request) (any, error) {
	if err := read(r, &struct{}{}); err != nil {
		return nil, err
	}
	id, err := jobID(r)
	if err != nil {
		return nil, err
	}
	job, err := a.Recordings.Retry(context.WithoutCancel(r.Context()), id)
	if err != nil {
		return nil, jobError(id, err)
	}
	a.logger(r).Info().Str("job", id).Msg("import tried again for an operator")
	return newJob(job), nil
}

func (a *API) dropJob(r *http.Request) (any, error) {
	id, err := jobID(r)
	if err != nil {
		return nil, err
	}
	if err := a.Recordings.DropJob(context.WithoutCancel(r.Context()), id); err != nil {
		return nil, jobError(id, err)
	}
	a.logger(r).Info().Str("job", id).Msg("import dropped by an operator")
	return nil, nil //nolint:nilnil // there is nothing to say
}

// jobID reads which import is meant. What an operator has imported is called by its path, so these do not go into ours.
func jobID(r *http.Request) (string, error) {
	id := r.URL.Query().Get("id")
	if id == "" {
		return "", invalid("id: missing; bbbpool recording jobs --all lists the imports")
	}
	return id, nil
}

func jobError(id string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound("there is no import %q: bbbpool recording jobs --all lists them", id)
	case errors.Is(err, recordings.ErrBusy):
		return conflict("%s %v: wait for the end of that", id, err)
	}
	return err
}

func (a *API) listVolumes(*http.Request) (any, error) {
	list := []Volume{}
	for _, s := range a.Recordings.Volume() {
		list = append(list, newVolume(s))
	}
	return list, nil
}
