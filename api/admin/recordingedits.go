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

	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// edit does something to the recording that the path names, and answers with what it has become. Somebody hanging up
// does not stop half of it.
func (c *Recordings) edit(
	r *http.Request, action, what string, do func(context.Context, store.Recording) (int, error),
) (any, error) {
	ctx := context.WithoutCancel(r.Context())
	before, err := c.undeleted(r)
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
	logRecording(r, before, what)
	after, err := c.recording(ctx, before.RecordID)
	if err != nil {
		return recordingChanged(action, &before, nil), err
	}
	done := recordingChanged(action, &before, &after)
	done.Answer = newDetails(after)
	return done, c.behind(before.RecordID, what)
}

// behind tells that a change stands and that the files could not follow it yet.
func (c *Recordings) behind(id, what string) error {
	if err := c.Behind(id); err != nil {
		return &v1.Error{
			Status: http.StatusConflict, Code: "files", Message: fmt.Sprintf("recording %s is %s, but %v", id, what, err),
		}
	}
	return nil
}

// undeleted returns the recording that the path names, if there is anything left to change about it.
func (c *Recordings) undeleted(r *http.Request) (store.Recording, error) {
	recording, err := c.recording(r.Context(), r.PathValue("id"))
	if err == nil && recording.State == store.Deleted {
		err = v1.Conflict("recording %s is deleted: bbbpool recording restore brings it back, while its files are kept",
			recording.RecordID)
	}
	return recording, err
}

// untouched says why nothing could be done.
func untouched(r store.Recording) *v1.Error {
	if slices.Contains([]store.RecordingState{store.Awaited, store.Processing, store.Processed}, r.State) {
		return v1.Conflict("nothing of recording %s has arrived yet: bbbpool recording list --owed tells more", r.RecordID)
	}
	return v1.Conflict("recording %s has changed meanwhile: look at it and try again", r.RecordID)
}

func logRecording(r *http.Request, recording store.Recording, what string) {
	frame.Logger(r).Info().Str("recordID", recording.RecordID).Str("tenant", recording.Tenant).
		Msg("recording " + what + " by an operator")
}

func (c *Recordings) publish(publish bool) frame.Handler {
	action, what := "unpublish", "unpublished"
	if publish {
		action, what = "publish", "published"
	}
	return func(r *http.Request) (any, error) {
		if err := frame.Read(r, &struct{}{}); err != nil {
			return nil, err
		}
		return c.edit(r, action, what, func(ctx context.Context, before store.Recording) (int, error) {
			return c.Edits.Publish(ctx, before.Tenant, []string{before.RecordID}, publish)
		})
	}
}

func (c *Recordings) protect(protect bool) frame.Handler {
	action, what := "unprotect", "unprotected"
	if protect {
		action, what = "protect", "protected"
	}
	return func(r *http.Request) (any, error) {
		if err := frame.Read(r, &struct{}{}); err != nil {
			return nil, err
		}
		return c.edit(r, action, what, func(ctx context.Context, before store.Recording) (int, error) {
			return c.Edits.Update(ctx, before.Tenant, []string{before.RecordID}, nil, &protect)
		})
	}
}

func (c *Recordings) change(r *http.Request) (any, error) {
	var wanted v1.RecordingChange
	if err := frame.Read(r, &wanted); err != nil {
		return nil, err
	}
	meta, err := metadata(wanted.Meta)
	if err != nil {
		return nil, err
	}
	return c.edit(r, "edit", "edited", func(ctx context.Context, before store.Recording) (int, error) {
		return c.Edits.Update(ctx, before.Tenant, []string{before.RecordID}, meta, nil)
	})
}

// Limits of a change to metadata.
const (
	maxMeta      = 100 // keys
	maxMetaValue = 64 << 10
)

// metadata returns the metadata as it is kept, or tells everything that is wrong with it.
func metadata(wanted map[string]string) (map[string]string, error) {
	if len(wanted) == 0 || len(wanted) > maxMeta {
		return nil, v1.Invalid("meta: want 1 to %d keys with their values; an empty value removes its key", maxMeta)
	}
	var mistakes []string
	meta := make(map[string]string, len(wanted))
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		value := wanted[key]
		meta[strings.ToLower(key)] = value
		if !bbb.ValidName(key) {
			mistakes = append(mistakes, "meta: a key is up to 256 of a-z, 0-9, '-', '_' and '.', the first a letter or '_'")
		}
		if len(value) > maxMetaValue || !utf8.ValidString(value) {
			mistakes = append(mistakes, "meta: a value is up to 64 KiB of text")
		}
	}
	return meta, v1.InvalidAll(slices.Compact(mistakes))
}

func (c *Recordings) delete(r *http.Request) (any, error) {
	before, err := c.undeleted(r)
	if err != nil {
		return nil, err
	}
	n, err := c.Edits.Delete(context.WithoutCancel(r.Context()), before.Tenant, []string{before.RecordID})
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, untouched(before)
	}
	logRecording(r, before, "deleted")
	return recordingChanged("delete", &before, nil), c.behind(before.RecordID, "deleted")
}

func (c *Recordings) restore(r *http.Request) (any, error) {
	if err := frame.Read(r, &struct{}{}); err != nil {
		return nil, err
	}
	before, err := c.recording(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if before.State != store.Deleted {
		return nil, v1.Conflict("recording %s is not deleted: it is %s", before.RecordID, before.State)
	}
	after, err := c.Edits.Restore(context.WithoutCancel(r.Context()), before.RecordID)
	if errors.Is(err, recordings.ErrNotInTrash) {
		err = v1.Conflict("recording %s cannot be restored: its files are gone; serve --keep-deleted keeps those of others",
			before.RecordID)
	}
	if err != nil {
		return nil, err
	}
	logRecording(r, after, "restored")
	done := recordingChanged("restore", &before, &after)
	done.Answer = newDetails(after)
	return done, c.behind(after.RecordID, "restored")
}

func (c *Recordings) assign(r *http.Request) (any, error) {
	var to v1.Assignment
	if err := frame.Read(r, &to); err != nil {
		return nil, err
	}
	before, err := c.recording(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if to.Tenant == "" {
		return nil, v1.Invalid("tenant: missing; name the one that the recording is to belong to")
	}
	if _, err := c.Tenants.Get(r.Context(), to.Tenant); err != nil {
		return nil, err
	}
	after, err := c.Edits.Assign(context.WithoutCancel(r.Context()), before.RecordID, to.Tenant)
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("recordID", after.RecordID).Str("tenant", after.Tenant).Str("from", before.Tenant).
		Msg("recording assigned by an operator")
	done := recordingChanged("assign", &before, &after)
	done.Answer = newDetails(after)
	return done, nil
}
