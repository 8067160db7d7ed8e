package gateway

import (
	"context"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Recordings is what the gateway needs of the recordings. All calls about them are answered from here; no server is
// asked. The changes return how many recordings they have found: one that is deleted, or not here yet, is not found.
type Recordings interface {
	// Recordings returns one page of the selected recordings, newest start first and equal starts by ID, and how many
	// were selected over all pages.
	Recordings(ctx context.Context, f store.RecordingFilter) (page []store.Recording, total int, err error)
	// Publish publishes or unpublishes the recordings with these IDs.
	Publish(ctx context.Context, tenant string, recordIDs []string, publish bool) (found int, err error)
	// Update sets metadata, where an empty value removes the key, and whether recordings are protected, unless that is
	// nil. The IDs are prefixes.
	Update(
		ctx context.Context, tenant string, recordIDs []string, meta map[string]string, protect *bool,
	) (found int, err error)
	// Delete deletes the recordings with these IDs.
	Delete(ctx context.Context, tenant string, recordIDs []string) (found int, err error)
}

// list splits a comma list. Absent is nil; an empty element stays, and selects nothing.
func list(s string) []string {
	if s == "" {
		return nil
	}
	elements := strings.Split(s, ",")
	for i, e := range elements {
		elements[i] = strings.TrimSpace(e)
	}
	return elements
}

// recordIDs reads the list that publish, update and delete work on.
func recordIDs(c *call) ([]string, error) {
	ids := list(c.req.Params.Get("recordID"))
	if len(ids) == 0 {
		return nil, bbb.ErrMissingRecordID
	}
	return ids, nil
}

// metaKey is the metadata key that a parameter is about.
func metaKey(p bbb.Param) (key string, ok bool) {
	key, ok = strings.CutPrefix(p.Name, "meta_")
	return strings.ToLower(key), ok
}

// changed answers a change of recordings. Only if not one of them was found, that is an error.
func changed(c *call, found int, err error, answer *bbb.Builder) error {
	switch {
	case err != nil:
		return err
	case found == 0:
		return bbb.ErrRecordingNotFound
	}
	return c.xml(answer.Bytes())
}

func (g *Gateway) publishRecordings(ctx context.Context, c *call) error {
	ids, err := recordIDs(c)
	if err != nil {
		return err
	}
	publish := c.req.Params.Get("publish")
	switch {
	case publish == "":
		return bbb.ErrMissingPublish
	case g.Config.NoRecordings:
		return bbb.ErrRecordingNotFound
	}
	found, err := g.Recordings.Publish(ctx, c.tenant, ids, strings.EqualFold(publish, "true"))
	return changed(c, found, err, bbb.Success().Text("published", publish))
}

func (g *Gateway) deleteRecordings(ctx context.Context, c *call) error {
	ids, err := recordIDs(c)
	switch {
	case err != nil:
		return err
	case g.Config.NoRecordings:
		return bbb.ErrRecordingNotFound
	}
	found, err := g.Recordings.Delete(ctx, c.tenant, ids)
	return changed(c, found, err, bbb.Success().Bool("deleted", true))
}
