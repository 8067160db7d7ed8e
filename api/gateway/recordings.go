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

// list splits a comma list. One that is absent, or came empty, is nil; an empty element stays, and selects nothing.
func (c *call) list(name string) []string {
	s := c.req.Params.Get(name)
	if s == "" && !c.emptied(name) {
		return nil
	}
	elements := strings.Split(s, ",")
	for i, e := range elements {
		elements[i] = strings.TrimSpace(e)
	}
	return elements
}

// emptied tells a parameter of which reading has left nothing, as of a blank, from one that came empty: the one asks for
// something that cannot be, the other for nothing in particular. Fields of multipart forms have lost the difference.
func (c *call) emptied(name string) bool {
	for _, p := range c.req.Params {
		if p.Name != name || p.Value != "" {
			continue
		}
		_, came, _ := strings.Cut(bbb.Params{p}.Encode(), "=")
		unsound := p == bbb.Param{Name: name} // it keeps the text that it came as, unless that was no text
		return came != "" || unsound && !strings.HasPrefix(c.r.Header.Get("Content-Type"), "multipart/")
	}
	return false
}

// recordIDs reads the list that publish, update and delete work on.
func recordIDs(c *call) ([]string, error) {
	ids := c.list("recordID")
	if len(ids) == 0 {
		return nil, bbb.ErrMissingRecordID
	}
	c.recordings = ids
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
