package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// edit does something to the recording that the path names, and answers with what it has become. Somebody hanging up
// does not stop half of it.
func (a *API) edit(r *http.Request, what string, do func(context.Context, store.Recording) (int, error)) (any, error) {
	ctx := context.WithoutCancel(r.Context())
	before, err := a.undeleted(r)
	if err != nil {
		return nil, err
	}
	n, err := do(ctx, before)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, untouched(before)
	}
	a.logRecording(r, before, what)
	if err := a.behind(before.RecordID, what); err != nil {
		return nil, err
	}
	after, err := a.recording(ctx, before.RecordID)
	if err != nil {
		return nil, err
	}
	return newDetails(after), nil
}

// behind tells that a change stands and that the files could not follow it yet.
func (a *API) behind(id, what string) error {
	if err := a.Recordings.Behind(id); err != nil {
		return &Error{
			Status: http.StatusConflict, Code: "files", Message: fmt.Sprintf("recording %s is %s, but %v", id, what, err),
		}
	}
	return nil
}

// undeleted returns the recording that the path names, if there is anything left to change about it.
func (a *API) undeleted(r *http.Request) (store.Recording, error) {
	recording, err := a.recording(r.Context(), r.PathValue("id"))
	if err == nil && recording.State == store.Deleted {
		err = conflict("recording %s is deleted: bbbpool recording restore brings it back, while its files are kept",
			recording.RecordID)
	}
	return recording, err
}

// untouched says why nothing could be done.
func untouched(r store.Recording) *Error {
	if slices.Contains([]store.RecordingState{store.Awaited, store.Processing, store.Processed}, r.State) {
		return conflict("nothing of recording %s has arrived yet: bbbpool recording list --owed tells more", r.RecordID)
	}
	return conflict("recording %s has changed meanwhile: look at it and try again", r.RecordID)
}

func (a *API) logRecording(r *http.Request, recording store.Recording, what string) {
	a.logger(r).Info().Str("recordID", recording.RecordID).Str("tenant", recording.Tenant).
		Msg("recording " + what + " by an operator")
}

func (a *API) publish(publish bool) handler {
	what := "unpublished"
	if publish {
		what = "published"
	}
	return func(r *http.Request) (any, error) {
		if err := read(r, &struct{}{}); err != nil {
			return nil, err
		}
		return a.edit(r, what, func(ctx context.Context, before store.Recording) (int, error) {
			return a.Recordings.Publish(ctx, before.Tenant, []string{before.RecordID}, publish)
		})
	}
}

func (a *API) protect(protect bool) handler {
	what := "unprotected"
	if protect {
		what = "protected"
	}
	return func(r *http.Request) (any, error) {
		if err := read(r, &struct{}{}); err != nil {
			return nil, err
		}
		return a.edit(r, what, func(ctx context.Context, before store.Recording) (int, error) {
			return a.Recordings.Update(ctx, before.Tenant, []string{before.RecordID}, nil, &protect)
		})
	}
}

func (a *API) changeRecording(r *http.Request) (any, error) {
	var c RecordingChange
	if err := read(r, &c); err != nil {
		return nil, err
	}
	meta, err := c.metadata()
	if err != nil {
		return nil, err
	}
	return a.edit(r, "edited", func(ctx context.Context, before store.Recording) (int, error) {
		return a.Recordings.Update(ctx, before.Tenant, []string{before.RecordID}, meta, nil)
	})
}

// Limits of a change to metadata.
const (
	maxMeta      = 100 // keys
	maxMetaValue = 64 << 10
)

// metadata returns the metadata as it is kept, or tells everything that is wrong with it.
func (c RecordingChange) metadata() (map[string]string, error) {
	if len(c.Meta) == 0 || len(c.Meta) > maxMeta {
		return nil, invalid("meta: want 1 to %d keys with their values; an empty value removes its key", maxMeta)
	}
	var faults []string
	meta := make(map[string]string, len(c.Meta))
	for _, key := range slices.Sorted(maps.Keys(c.Meta)) {
		value := c.Meta[key]
		meta[strings.ToLower(key)] = value
		if !bbb.ValidName(key) {
			faults = append(faults, "meta: a key is up to 256 of a-z, 0-9, '-', '_' and '.', the first a letter or '_'")
		}
		if len(value) > maxMetaValue || !utf8.ValidString(value) {
			faults = append(faults, "meta: a value is up to 64 KiB of text")
		}
	}
	return meta, told(slices.Compact(faults))
}

func (a *API) deleteRecording(r *http.Request) (any, error) {
	before, err := a.undeleted(r)
	if err != nil {
		return nil, err
	}
	n, err := a.Recordings.Delete(context.WithoutCancel(r.Context()), before.Tenant, []string{before.RecordID})
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, untouched(before)
	}
	a.logRecording(r, before, "deleted")
	return nil, a.behind(before.RecordID, "deleted") //nolint:nilnil // there is nothing to say
}

func (a *API) restoreRecording(r *http.Request) (any, error) {
	if err := read(r, &struct{}{}); err != nil {
		return nil, err
	}
	before, err := a.recording(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if before.State != store.Deleted {
		return nil, conflict("recording %s is not deleted: it is %s", before.RecordID, before.State)
	}
	after, err := a.Recordings.Restore(context.WithoutCancel(r.Context()), before.RecordID)
	if errors.Is(err, recordings.ErrNotInTrash) {
		err = conflict("recording %s cannot be restored: its files are gone; serve --keep-deleted keeps those of others",
			before.RecordID)
	}
	if err != nil {
		return nil, err
	}
	a.logRecording(r, after, "restored")
	if err := a.behind(after.RecordID, "restored"); err != nil {
		return nil, err
	}
	return newDetails(after), nil
}

func (a *API) assignRecording(r *http.Request) (any, error) {
	var to Assignment
	if err := read(r, &to); err != nil {
		return nil, err
	}
	before, err := a.recording(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if to.Tenant == "" {
		return nil, invalid("tenant: missing; name the one that the recording is to belong to")
	}
	if _, err := a.lookUp(r.Context(), to.Tenant); err != nil {
		return nil, err
	}
	after, err := a.Recordings.Assign(context.WithoutCancel(r.Context()), before.RecordID, to.Tenant)
	if err != nil {
		return nil, err
	}
	a.logger(r).Info().Str("recordID", after.RecordID).Str("tenant", after.Tenant).Str("from", before.Tenant).
		Msg("recording assigned by an operator")
	return newDetails(after), nil
}
