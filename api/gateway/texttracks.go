package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// The calls about text tracks are answered in JSON. No recording has any yet.

func (g *Gateway) getRecordingTextTracks(ctx context.Context, c *call) error {
	id := c.req.Params.Get("recordID")
	if id == "" {
		return bbb.ErrMissingRecordID
	}
	known, err := g.knows(ctx, c.tenant, id)
	if err != nil {
		return err
	}
	if !known {
		return c.json("noRecordings", "No recording found for "+id)
	}
	return c.json("noCaptionsFound", "No captions found for "+id)
}

func (g *Gateway) putRecordingTextTrack(ctx context.Context, c *call) error {
	id := c.req.Params.Get("recordID")
	if id == "" {
		return c.json("paramError", "Missing param recordID.")
	}
	known, err := g.knows(ctx, c.tenant, id)
	if err != nil {
		return err
	}
	if !known {
		return c.json("noRecordings", "No recording was found for "+id)
	}
	return c.json("upload_text_track_failed", "Text track upload failed.")
}

// knows tells whether a tenant has that very recording.
func (g *Gateway) knows(ctx context.Context, tenant, recordID string) (bool, error) {
	if g.Config.NoRecordings {
		return false, nil
	}
	page, _, err := g.Recordings.Recordings(ctx, store.RecordingFilter{
		Tenant: tenant, RecordIDs: []string{recordID}, States: states(""), Limit: 1,
	})
	return len(page) == 1 && page[0].RecordID == recordID, err
}

// json answers a call about text tracks, which fails in JSON and not in XML.
func (c *call) json(key, message string) error {
	body, err := json.Marshal(map[string]any{"response": map[string]string{
		"returncode": "FAILED", "messageKey": key, "message": message,
	}})
	if err != nil {
		return err
	}
	if err := c.pass(&bbb.Reply{Status: http.StatusOK, ContentType: "application/json", Body: body}); err != nil {
		return err
	}
	c.outcome = key
	return nil
}
