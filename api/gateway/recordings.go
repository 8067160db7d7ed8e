package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// The recording calls are answered from the index alone; no server is asked.

// maxPage is how many recordings a page may have (BigBlueButton's API, getRecordings).
const maxPage = 100

// getRecordings lists recordings, newest first. Unlike BigBlueButton, which counts formats, a page counts recordings.
func (g *Gateway) getRecordings(ctx context.Context, c *call) error {
	params := c.req.Params
	filter := store.RecordingFilter{
		Tenant: c.tenant, RecordIDs: list(params.Get("recordID")), MeetingIDs: list(params.Get("meetingID")),
		States: states(params.Get("state")),
	}
	limit, err := strconv.Atoi(params.Get("limit"))
	paged := err == nil && limit >= 1 && limit <= maxPage
	offset := 0
	if paged {
		offset, _ = strconv.Atoi(params.Get("offset")) // what is no number is the first page, as in BigBlueButton
		offset = max(0, offset)
		filter.Offset, filter.Limit = offset, limit
	}
	page, total, err := g.Recordings.Recordings(ctx, filter)
	if err != nil {
		return err
	}
	return c.xml(recordingsAnswer(page, total, offset, limit, paged, origin(c.r)))
}

// list splits a comma list. Absent is nil; an empty element stays, and selects nothing.
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func states(s string) []string {
	all := list(s)
	switch {
	case len(all) == 0:
		return []string{"published", "unpublished"}
	case slices.Contains(all, "any"):
		return nil
	}
	return all
}

// origin is the scheme and host under which the front end knows us.
func origin(r *http.Request) string {
	scheme := "https"
	if r.TLS == nil && r.Header.Get("X-Forwarded-Proto") != "https" {
		scheme = "http"
	}
	return scheme + "://" + r.Host
}

func recordingsAnswer(page []store.Recording, total, offset, limit int, paged bool, origin string) []byte {
	x := bbb.Success().Open("recordings")
	for _, r := range page {
		writeRecording(x, r, origin)
	}
	x.Close("recordings")
	if len(page) == 0 {
		x.Message("noRecordings", "There are no recordings for the meeting(s).")
	}
	if paged {
		x.Open("pagination").Open("pageable").Int("offset", int64(offset)).Int("limit", int64(limit)).
			Bool("paged", true).Bool("unpaged", false).Close("pageable").
			Int("totalElements", int64(total)).Bool("empty", len(page) == 0).Close("pagination")
	}
	return x.Bytes()
}

func writeRecording(x *bbb.Builder, r store.Recording, origin string) {
	x.Open("recording").Text("recordID", r.RecordID).Text("meetingID", r.MeetingID).
		Text("internalMeetingID", r.RecordID).Text("name", r.Name).Bool("isBreakout", false).
		Bool("published", r.Published).Text("state", r.State).
		Int("startTime", r.Start.UnixMilli()).Int("endTime", r.End.UnixMilli()).
		Int("participants", int64(r.Participants)).Open("metadata")
	for _, key := range slices.Sorted(maps.Keys(r.Meta)) {
		if bbb.ValidName(key) {
			x.Text(key, r.Meta[key])
		}
	}
	x.Close("metadata").Open("playback")
	for _, f := range r.Formats {
		x.Open("format").Text("type", f.Type).Text("url", origin+f.Path).Int("length", int64(f.Length.Minutes())).
			Int("size", f.Size).Close("format")
	}
	x.Close("playback").Close("recording")
}

// recordIDs reads the list that publish, update and delete work on.
func recordIDs(c *call) ([]string, error) {
	ids := list(c.req.Params.Get("recordID"))
	if len(ids) == 0 {
		return nil, bbb.ErrMissingRecordID
	}
	return ids, nil
}

// changeRecordings applies a change to every recording of the list that exists. Only if none does, that is an error.
func (g *Gateway) changeRecordings(ctx context.Context, c *call, ids []string, change func(*store.Recording)) error {
	found := false
	for _, id := range ids {
		_, err := g.Recordings.UpdateRecording(ctx, c.tenant, id, func(r *store.Recording) error {
			if r.State == "deleted" {
				return store.ErrNotFound
			}
			change(r)
			return nil
		})
		switch {
		case err == nil:
			found = true
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	if !found {
		return bbb.ErrRecordingNotFound
	}
	return nil
}

func (g *Gateway) publishRecordings(ctx context.Context, c *call) error {
	ids, err := recordIDs(c)
	if err != nil {
		return err
	}
	if c.req.Params.Get("publish") == "" {
		return bbb.ErrMissingPublish
	}
	publish := strings.EqualFold(c.req.Params.Get("publish"), "true")
	err = g.changeRecordings(ctx, c, ids, func(r *store.Recording) {
		r.Published, r.State = publish, "unpublished"
		if publish {
			r.State = "published"
		}
	})
	if err != nil {
		return err
	}
	return c.xml(bbb.Success().Bool("published", publish).Bytes())
}

func (g *Gateway) updateRecordings(ctx context.Context, c *call) error {
	ids, err := recordIDs(c)
	if err != nil {
		return err
	}
	err = g.changeRecordings(ctx, c, ids, func(r *store.Recording) { updateMeta(r, c.req.Params) })
	if err != nil {
		return err
	}
	return c.xml(bbb.Success().Bool("updated", true).Bytes())
}

// updateMeta sets the metadata that a call names; an empty value removes it.
func updateMeta(r *store.Recording, params bbb.Params) {
	meta := maps.Clone(r.Meta)
	if meta == nil {
		meta = map[string]string{}
	}
	for _, p := range params {
		key, ok := strings.CutPrefix(strings.ToLower(p.Name), "meta_")
		switch {
		case !ok || !bbb.ValidName(key):
		case p.Value == "":
			delete(meta, key)
		default:
			meta[key] = p.Value
		}
	}
	r.Meta = meta
}

func (g *Gateway) deleteRecordings(ctx context.Context, c *call) error {
	ids, err := recordIDs(c)
	if err != nil {
		return err
	}
	err = g.changeRecordings(ctx, c, ids, func(r *store.Recording) { r.State, r.Published = "deleted", false })
	if err != nil {
		return err
	}
	return c.xml(bbb.Success().Bool("deleted", true).Bytes())
}

func (g *Gateway) getRecordingTextTracks(ctx context.Context, c *call) error {
	id := c.req.Params.Get("recordID")
	if id == "" {
		return bbb.ErrMissingRecordID
	}
	_, total, err := g.Recordings.Recordings(ctx, store.RecordingFilter{Tenant: c.tenant, RecordIDs: []string{id}, Limit: 1})
	if err != nil {
		return err
	}
	if total == 0 {
		return c.json("noRecordings", "No recording found for "+id)
	}
	return c.json("noCaptionsFound", "No captions found for "+id)
}

func (g *Gateway) putRecordingTextTrack(ctx context.Context, c *call) error {
	id := c.req.Params.Get("recordID")
	if id == "" {
		return c.json("paramError", "Missing param recordID.")
	}
	_, total, err := g.Recordings.Recordings(ctx, store.RecordingFilter{Tenant: c.tenant, RecordIDs: []string{id}, Limit: 1})
	if err != nil {
		return err
	}
	if total == 0 {
		return c.json("noRecordings", "No recording was found for "+id)
	}
	return c.json("upload_text_track_failed", "Text track upload failed.")
}

// json answers a text-track call, which fails in JSON and not in XML.
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
