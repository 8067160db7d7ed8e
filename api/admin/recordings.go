package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Recordings shows recordings, what servers owe and the disks on which they lie; it changes recordings and looks after all of
// them.
type Recordings struct {
	Catalogue Catalogue
	Edits     Editor
	Audit     Audit
	Tenants   *Tenants
	// Behind tells why the files of a recording are not where a change wants them, or nil where they are. What a change
	// could not do is done later.
	Behind func(id string) error
	// Owed returns what servers have still to deliver, those of the meeting that ended first on top.
	Owed func(ctx context.Context) ([]recordings.Owing, error)
	// Volumes returns how the disks are on which the recordings lie.
	Volumes func() []volume.Status
}

// Catalogue finds recordings.
type Catalogue interface {
	// Recordings returns one page of the selected recordings, and how many were selected over all pages.
	Recordings(ctx context.Context, f store.RecordingFilter) ([]store.Recording, int, error)
	// Recording returns one recording, deleted or not, or store.ErrNotFound.
	Recording(ctx context.Context, id string) (store.Recording, error)
}

// Editor changes recordings.
type Editor interface {
	// Publish lets recordings of a tenant play, or takes them back. It returns how many of the IDs were good for that.
	Publish(ctx context.Context, tenant string, ids []string, publish bool) (int, error)
	// Update sets metadata and protection of a tenant's recordings; an empty value removes its key, a nil protect
	// leaves it.
	Update(ctx context.Context, tenant string, ids []string, meta map[string]string, protect *bool) (int, error)
	// Delete deletes recordings of a tenant.
	Delete(ctx context.Context, tenant string, ids []string) (int, error)
	// Restore brings a recording back that was deleted, while its files are kept.
	Restore(ctx context.Context, id string) (store.Recording, error)
	// Assign gives a recording to another tenant.
	Assign(ctx context.Context, id, tenant string) (store.Recording, error)
}

// Audit looks after all recordings. It tells of its progress, and ends with the context.
type Audit interface {
	// Verify compares the index with the disk.
	Verify(ctx context.Context, o recordings.VerifyOptions, tell func(recordings.Progress)) (recordings.VerifyReport, error)
	// Prune deletes what is too old, or too much.
	Prune(ctx context.Context, o recordings.PruneOptions, tell func(recordings.Progress)) (recordings.PruneReport, error)
}

var errNoRecordings = v1.NotFound("this pool has no recordings")

func (c *Recordings) routes() frame.Routes {
	return frame.Routes{
		"GET /recordings":                 frame.Own(c.list, confine.ByQuery(), access.Read, access.Recordings),
		"GET /recordings/{id}":            frame.Own(c.show, c.byID(), access.Read, access.Recordings),
		"PATCH /recordings/{id}":          frame.Own(c.change, c.byID(), access.Recordings),
		"DELETE /recordings/{id}":         frame.Own(c.delete, c.byID(), access.Recordings),
		"POST /recordings/{id}/publish":   frame.Own(c.publish(true), c.byID(), access.Recordings),
		"POST /recordings/{id}/unpublish": frame.Own(c.publish(false), c.byID(), access.Recordings),
		"POST /recordings/{id}/protect":   frame.Own(c.protect(true), c.byID(), access.Recordings),
		"POST /recordings/{id}/unprotect": frame.Own(c.protect(false), c.byID(), access.Recordings),
		"POST /recordings/{id}/restore":   frame.Own(c.restore, c.byID(), access.Recordings),
		"POST /recordings/{id}/assign":    frame.Whole(c.assign, access.Recordings),
		"POST /recordings-protect": frame.Own(
			work(protecting, c.checkProtection, c.protectAll), confine.ByBody(), access.Recordings,
		),
		"POST /recordings-verify": frame.Whole(work(verifying, nil, c.verify), access.Recordings),
		"POST /recordings-prune":  frame.Own(work(pruning, checkPrune, c.prune), confine.ByBody(), access.Recordings),
		"GET /owed":               frame.Own(c.listOwed, confine.ByQuery(), access.Read, access.Recordings),
		"GET /volumes":            frame.Whole(c.listVolumes, access.Read, access.Recordings),
	}
}

// havingRecordings are the routes of a pool that has recordings, or says that it has none.
func havingRecordings(has bool, all frame.Routes) frame.Routes {
	if has {
		return all
	}
	for pattern, route := range all {
		all[pattern] = route.Answering(func(*http.Request) (any, error) { return nil, errNoRecordings })
	}
	return all
}

const (
	recordingPage  = 100 // recordings on a page by default
	recordingsMost = 1000
)

func (c *Recordings) list(r *http.Request) (any, error) {
	filter, err := recordingFilter(r)
	if err != nil {
		return nil, err
	}
	list, total, err := c.Catalogue.Recordings(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	page := v1.RecordingPage{Recordings: []v1.Recording{}, Total: total}
	for _, recording := range list {
		page.Recordings = append(page.Recordings, newRecording(recording))
	}
	return page, nil
}

func recordingFilter(r *http.Request) (f store.RecordingFilter, err error) {
	query := r.URL.Query()
	f.Tenant, f.RecordIDs, f.MeetingIDs = query.Get("tenant"), frame.Given(query["recordID"]), frame.Given(query["meetingID"])
	f.AllTenants = f.Tenant == ""
	if f.States, err = recordingStates(frame.Given(query["state"])); err != nil {
		return f, err
	}
	for name, values := range query {
		if key, ok := strings.CutPrefix(name, "meta."); ok {
			f.Meta = append(f.Meta, store.MetaMatch{Key: strings.ToLower(key), Value: values[0]})
		}
	}
	if f.Limit, err = frame.Number(r, "limit", recordingPage, 1, recordingsMost); err != nil {
		return f, err
	}
	f.Offset, err = frame.Number(r, "offset", 0, 0, 1<<30)
	return f, err
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
			return nil, v1.Invalid("state: want processing, processed, published, unpublished, deleted or any")
		}
		states = append(states, state)
	}
	if states == nil {
		return alive, nil
	}
	return states, nil
}

func (c *Recordings) show(r *http.Request) (any, error) {
	recording, err := c.recording(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return newDetails(recording), nil
}

func (c *Recordings) recording(ctx context.Context, id string) (store.Recording, error) {
	recording, err := c.Catalogue.Recording(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return recording, noRecording(id)
	}
	return recording, err
}

// listOwed answers with what servers owe, of one tenant or of all.
func (c *Recordings) listOwed(r *http.Request) (any, error) {
	owed, err := c.Owed(r.Context())
	if err != nil {
		return nil, err
	}
	tenant, list := r.URL.Query().Get("tenant"), []v1.RecordingOwed{}
	for _, o := range owed {
		if tenant == "" || o.Tenant == tenant {
			list = append(list, newRecordingOwed(o))
		}
	}
	return list, nil
}

func (c *Recordings) listVolumes(*http.Request) (any, error) {
	list := []v1.Volume{}
	for _, s := range c.Volumes() {
		list = append(list, newVolume(s))
	}
	return list, nil
}

// byID confines by whose the recording is that the path names.
func (c *Recordings) byID() confine.Rule {
	return confine.ByOwner(func(ctx context.Context, id string) (string, error) {
		recording, err := c.recording(ctx, id)
		return recording.Tenant, err
	}, noRecording)
}

// noRecording is what is said of a recording that is not there, and of one of another tenant.
func noRecording(id string) error {
	return v1.NotFound("there is no recording %q: bbbpool recording list shows those there are", id)
}
