package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Recordings is what the API needs of the recordings. Whatever takes long tells of its progress, and ends with the
// context.
type Recordings interface {
	// Recordings returns one page of the selected recordings, and how many were selected over all pages.
	Recordings(ctx context.Context, f store.RecordingFilter) ([]store.Recording, int, error)
	// Recording returns one recording, deleted or not, or store.ErrNotFound.
	Recording(ctx context.Context, id string) (store.Recording, error)
	// Publish lets recordings of a tenant play, or takes them back. It returns how many of the IDs were good for that.
	Publish(ctx context.Context, tenant string, ids []string, publish bool) (int, error)
	// Update sets metadata and protection of a tenant's recordings; an empty value removes its key, a nil protect
	// leaves it.
	Update(ctx context.Context, tenant string, ids []string, meta map[string]string, protect *bool) (int, error)
	// Delete deletes recordings of a tenant.
	Delete(ctx context.Context, tenant string, ids []string) (int, error)
	// Behind tells why the files of a recording are not where a change wants them, or nil where they are. What a change
	// could not do is done later.
	Behind(id string) error
	// Restore brings a recording back that was deleted, while its files are kept.
	Restore(ctx context.Context, id string) (store.Recording, error)
	// Assign gives a recording to another tenant.
	Assign(ctx context.Context, id, tenant string) (store.Recording, error)
	// Owed returns what servers have still to deliver, the most overdue first.
	Owed(ctx context.Context) ([]recordings.Owing, error)
	// Jobs returns the selected imports in the order of their IDs.
	Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error)
	// Retry has an import that has failed, or waits, tried now and from the start, or returns store.ErrNotFound.
	Retry(ctx context.Context, id string) (store.Job, error)
	// DropJob forgets an import that has failed, and its archive, or returns store.ErrNotFound.
	DropJob(ctx context.Context, id string) error
	// Import imports what is on our disk.
	Import(ctx context.Context, o recordings.ImportOptions, tell func(recordings.Progress)) (
		recordings.ImportReport, error,
	)
	// Verify compares the index with the disk.
	Verify(ctx context.Context, o recordings.VerifyOptions, tell func(recordings.Progress)) (
		recordings.VerifyReport, error,
	)
	// Prune deletes what is too old, or too much.
	Prune(ctx context.Context, o recordings.PruneOptions, tell func(recordings.Progress)) (
		recordings.PruneReport, error,
	)
	// Counts returns how many recordings there are by tenant and state.
	Counts(ctx context.Context) ([]store.RecordingCount, error)
	// Volume returns how the disks are on which the recordings lie.
	Volume() []volume.Status
	// Trouble is what else wants looking at, in words.
	Trouble() []string
}

var errNoRecordings = notFound("this pool has no recordings")

func (a *API) recordingRoutes() map[string]handler {
	return map[string]handler{
		"GET /recordings":                 a.listRecordings,
		"GET /recordings/{id}":            a.showRecording,
		"PATCH /recordings/{id}":          a.changeRecording,
		"DELETE /recordings/{id}":         a.deleteRecording,
		"POST /recordings/{id}/publish":   a.publish(true),
		"POST /recordings/{id}/unpublish": a.publish(false),
		"POST /recordings/{id}/protect":   a.protect(true),
		"POST /recordings/{id}/unprotect": a.protect(false),
		"POST /recordings/{id}/restore":   a.restoreRecording,
		"POST /recordings/{id}/assign":    a.assignRecording,
		"POST /recordings-protect":        work(a, a.checkProtect, protectAll),
		"POST /recordings-import":         work(a, a.checkImport, importPath),
		"POST /recordings-verify":         work(a, checkNothing, Recordings.Verify),
		"POST /recordings-prune":          work(a, checkPrune, Recordings.Prune),
		"GET /owed":                       a.listOwed,
		"GET /jobs":                       a.listJobs,
		"POST /job/retry":                 a.retryJob,
		"DELETE /job":                     a.dropJob,
		"GET /volumes":                    a.listVolumes,
	}
}

// havingRecordings answers for a pool without recordings.
func (a *API) havingRecordings(handle handler) handler {
	return func(r *http.Request) (any, error) {
		if a.Recordings == nil {
			return nil, errNoRecordings
		}
		return handle(r)
	}
}

const (
	recordingPage  = 100 // recordings on a page by default
	recordingsMost = 1000
)

func (a *API) listRecordings(r *http.Request) (any, error) {
	filter, err := recordingFilter(r)
	if err != nil {
		return nil, err
	}
	list, total, err := a.Recordings.Recordings(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	page := RecordingPage{Recordings: []Recording{}, Total: total}
	for _, recording := range list {
		page.Recordings = append(page.Recordings, newRecording(recording))
	}
	return page, nil
}

func recordingFilter(r *http.Request) (f store.RecordingFilter, err error) {
	query := r.URL.Query()
	f.Tenant, f.RecordIDs, f.MeetingIDs = query.Get("tenant"), given(query["recordID"]), given(query["meetingID"])
	f.AllTenants = f.Tenant == ""
	if f.States, err = recordingStates(given(query["state"])); err != nil {
		return f, err
	}
	for name, values := range query {
		if key, ok := strings.CutPrefix(name, "meta."); ok {
			f.Meta = append(f.Meta, store.MetaMatch{Key: strings.ToLower(key), Value: values[0]})
		}
	}
	if f.Limit, err = number(r, "limit", recordingPage, 1, recordingsMost); err != nil {
		return f, err
	}
	f.Offset, err = number(r, "offset", 0, 0, 1<<30)
	return f, err
}

// given leaves out what is empty, and so was not meant.
func given(values []string) []string {
	return slices.DeleteFunc(values, func(s string) bool { return s == "" })
}

// alive are the states of recordings that are not deleted.
var alive = []store.RecordingState{store.Processing, store.Processed, store.Published, store.Unpublished}

// recordingStates reads states. None are all but deleted.
func recordingStates(names []string) (states []store.RecordingState, err error) {
	for _, name := range names {
		state := store.RecordingState(name)
		switch {
		case name == "any":
			return nil, nil
		case state != store.Deleted && !slices.Contains(alive, state):
			return nil, invalid("state: want processing, processed, published, unpublished, deleted or any")
		}
		states = append(states, state)
	}
	if states == nil {
		return alive, nil
	}
	return states, nil
}

// number reads a number from the query.
func number(r *http.Request, name string, absent, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, invalid("%s: want a number from %d to %d", name, least, most)
	}
	return n, nil
}

func (a *API) showRecording(r *http.Request) (any, error) {
	recording, err := a.recording(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return newDetails(recording), nil
}

func (a *API) recording(ctx context.Context, id string) (store.Recording, error) {
	recording, err := a.Recordings.Recording(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return recording, notFound("there is no recording %q: bbbpool recording list shows those there are", id)
	}
	return recording, err
}
