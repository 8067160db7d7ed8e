package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// The calls about text tracks are answered in JSON.

// TextTracks are the captions and subtitles of recordings.
type TextTracks interface {
	// TextTracks returns those of a tenant's recording, or store.ErrNotFound.
	TextTracks(ctx context.Context, tenant, recordID string) ([]store.TextTrack, error)
	// AddTextTrack adds one to a tenant's recording, in the place of the one of that kind and language. It returns
	// store.ErrNotFound where there is no such recording, fs.ErrNotExist where that has nothing that could show it, and
	// store.ErrTooLarge where it is too much.
	AddTextTrack(ctx context.Context, tenant, recordID string, t store.TextTrack, vtt []byte) error
}

// trackFormat is the format that text tracks lie with.
const trackFormat = "presentation"

// trackEntry is a text track in an answer.
type trackEntry struct {
	Href   string `json:"href"`
	Kind   string `json:"kind"`
	Label  string `json:"label"`
	Lang   string `json:"lang"`
	Source string `json:"source"`
}

func (g *Gateway) getRecordingTextTracks(ctx context.Context, c *call) error {
	id := c.req.Params.Get("recordID")
	if id == "" {
		return bbb.ErrMissingRecordID
	}
	r, known, err := g.recordingOf(ctx, c.tenant, id)
	if err != nil {
		return err
	}
	if !known {
		return c.json("noRecordings", "No recording found for "+id)
	}
	var entries []trackEntry
	if g.Tracks != nil {
		tracks, err := g.Tracks.TextTracks(ctx, c.tenant, id)
		if err != nil {
			return err
		}
		entries = g.trackEntries(c, r, tracks)
	}
	if len(entries) == 0 {
		return c.json("noCaptionsFound", "No captions found for "+id)
	}
	return c.response(map[string]any{"returncode": "SUCCESS", "tracks": entries})
}

func (g *Gateway) trackEntries(c *call, r store.Recording, tracks []store.TextTrack) (list []trackEntry) {
	for _, t := range tracks {
		path := "/" + trackFormat + "/" + r.RecordID + "/" + t.File
		if g.FileLink != nil {
			path = g.FileLink(r, trackFormat, t.File)
		}
		list = append(list, trackEntry{origin(c.r) + path, t.Kind, t.Label, t.Lang, t.Source})
	}
	return list
}

// languageTag is what a language looks like, as Java has it (en_US) or as everybody else.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}$`)

// putRecordingTextTrack checks in the order in which BigBlueButton does. Unlike there, the track is there at once.
func (g *Gateway) putRecordingTextTrack(ctx context.Context, c *call) error {
	params := c.req.Params
	id, kind, lang := params.Get("recordID"), params.Get("kind"), params.Get("lang")
	if id == "" {
		return c.json("paramError", "Missing param recordID.")
	}
	_, known, err := g.recordingOf(ctx, c.tenant, id)
	if err != nil {
		return err
	}
	switch {
	case !known:
		return c.json("noRecordings", "No recording was found for "+id)
	case kind == "":
		return c.json("paramError", "Missing param kind.")
	case kind != "subtitles" && kind != "captions":
		return c.json("invalidKind", "Invalid kind parameter, expected='subtitles|captions' actual="+kind)
	case lang == "":
		return c.json("paramError", "Missing param lang.")
	case !languageTag.MatchString(lang):
		return c.json("invalidLang", "Malformed lang param, received="+lang)
	}
	file := uploadedTrack(c.req)
	if len(file) == 0 {
		return c.json("empty_uploaded_text_track", "Empty uploaded text track.")
	}
	t := store.TextTrack{Kind: kind, Lang: strings.ReplaceAll(lang, "_", "-"), Label: params.Get("label")}
	if t.Label == "" {
		t.Label = languageName(t.Lang)
	}
	return g.addTextTrack(ctx, c, id, t, file)
}

// maxLabel is how long the label of a text track may be, in bytes.
const maxLabel = 200

func (g *Gateway) addTextTrack(ctx context.Context, c *call, id string, t store.TextTrack, file []byte) error {
	const failed, message = "upload_text_track_failed", "Text track upload failed."
	vtt, ok := webVTT(file)
	if !ok || len(t.Label) > maxLabel || g.Tracks == nil {
		return c.json(failed, message)
	}
	err := g.Tracks.AddTextTrack(ctx, c.tenant, id, t, vtt)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrTooLarge):
		return c.json(failed, message)
	case err != nil:
		c.err = err
		return c.json(failed, message)
	}
	return c.response(struct {
		Returncode string `json:"returncode"`
		RecordID   string `json:"recordId"`
		Key        string `json:"messageKey"`
		Message    string `json:"message"`
	}{"SUCCESS", id, "upload_text_track_success", "Text track uploaded successfully"})
}

// Limits of what is uploaded.
const (
	maxTrack      = 2 << 20 // bytes
	maxTrackParts = 20
)

// uploadedTrack returns the file in a form, or nothing. One that is too large comes with a byte too much.
func uploadedTrack(req *bbb.Request) []byte {
	_, attrs, err := mime.ParseMediaType(req.ContentType)
	if err != nil {
		return nil
	}
	parts := multipart.NewReader(bytes.NewReader(req.Body), attrs["boundary"])
	for range maxTrackParts {
		part, err := parts.NextPart()
		if err != nil {
			return nil
		}
		if part.FormName() != "file" {
			continue
		}
		file, err := io.ReadAll(io.LimitReader(part, maxTrack+1))
		if err != nil {
			return nil // cut off
		}
		return file
	}
	return nil
}

// recordingOf finds that very recording of a tenant.
func (g *Gateway) recordingOf(ctx context.Context, tenant, recordID string) (r store.Recording, known bool, err error) {
	if g.Config.NoRecordings {
		return r, false, nil
	}
	page, _, err := g.Recordings.Recordings(ctx, store.RecordingFilter{
		Tenant: tenant, RecordIDs: []string{recordID}, States: states(""), Limit: 1,
	})
	if err != nil || len(page) != 1 || page[0].RecordID != recordID {
		return r, false, err
	}
	return page[0], true, nil
}

// json answers a call about text tracks, which fails in JSON and not in XML.
func (c *call) json(key, message string) error {
	err := c.response(map[string]string{"returncode": "FAILED", "messageKey": key, "message": message})
	c.outcome = key
	return err
}

// response answers in JSON.
func (c *call) response(content any) error {
	body, err := json.Marshal(map[string]any{"response": content})
	if err != nil {
		return err
	}
	return c.pass(&bbb.Reply{Status: http.StatusOK, ContentType: "application/json", Body: body})
}
