package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// maxUpdate is how many bytes of metadata one call may set: it all goes into one row for each recording.
const maxUpdate = 64 << 10

// updateRecordings changes metadata. As in Scalelite, protect=true or false says whether recordings are protected.
func (g *Gateway) updateRecordings(ctx context.Context, c *call) error {
	ids, err := recordIDs(c)
	switch {
	case err != nil:
		return err
	case g.Config.NoRecordings:
		return bbb.ErrRecordingNotFound
	}
	meta, err := metaOf(c.req.Params)
	if err != nil {
		return err
	}
	found, err := g.Recordings.Update(ctx, c.tenant, ids, meta, protectOf(c.req.Params))
	if errors.Is(err, store.ErrTooLarge) {
		return &bbb.Error{Key: "sizeError", Message: "Too much metadata for one recording"}
	}
	return changed(c, found, err, bbb.Success().Bool("updated", true))
}

// metaOf reads what an update sets. What could not be shown afterwards, and what is our own, is left out.
func metaOf(params bbb.Params) (map[string]string, error) {
	meta, size := map[string]string{}, 0
	for _, p := range params {
		key, ok := metaKey(p)
		if !ok || !bbb.ValidName(key) || reserved(key) {
			continue
		}
		meta[key] = p.Value
		size += len(key) + len(p.Value)
	}
	if size > maxUpdate {
		return nil, &bbb.Error{
			Key: "sizeError", Message: fmt.Sprintf("Too much metadata: the limit is %d bytes", maxUpdate),
		}
	}
	return meta, nil
}

// protectOf reads the parameter protect; nil leaves recordings as they are.
func protectOf(params bbb.Params) *bool {
	switch strings.ToLower(params.Get("protect")) {
	case "true":
		return new(true)
	case "false":
		return new(false)
	}
	return nil
}
