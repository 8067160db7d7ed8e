package recordingcalls

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
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

// getRecordingTextTracks lists the text tracks of a recording.
func (s *Calls) getRecordingTextTracks(ctx context.Context, q Question) (Answer, error) {
	id := q.Request.Params.Get("recordID")
	if id == "" {
		return Answer{}, bbb.ErrMissingRecordID
	}
	r, known, err := s.recordingOf(ctx, q.Tenant, id)
	if err != nil {
		return Answer{}, err
	}
	if !known {
		return failed("noRecordings", "No recording found for "+id)
	}
	tracks, err := s.Tracks.TextTracks(ctx, q.Tenant, id)
	switch {
	case err != nil:
		return Answer{}, err
	case len(tracks) == 0:
		return failed("noCaptionsFound", "No captions found for "+id)
	}
	return Answer{JSON: map[string]any{"returncode": "SUCCESS", "tracks": s.trackEntries(q, r, tracks)}}, nil
}

// trackEntries are the text tracks as they are listed, with URLs that lead to us.
func (s *Calls) trackEntries(q Question, r store.Recording, tracks []store.TextTrack) (list []trackEntry) {
	for _, t := range tracks {
		list = append(list, trackEntry{q.Origin + s.FileLink(r, trackFormat, t.File), t.Kind, t.Label, t.Lang, t.Source})
	}
	return list
}

// languageTag is what a language looks like, as Java has it (en_US) or as everybody else.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}$`)

// putRecordingTextTrack checks in the order in which BigBlueButton does. Unlike there, the track is there at once.
func (s *Calls) putRecordingTextTrack(ctx context.Context, q Question) (Answer, error) {
	params := q.Request.Params
	id, kind, lang := params.Get("recordID"), params.Get("kind"), params.Get("lang")
	if id == "" {
		return failed("paramError", "Missing param recordID.")
	}
	_, known, err := s.recordingOf(ctx, q.Tenant, id)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case !known:
		return failed("noRecordings", "No recording was found for "+id)
	case kind == "":
		return failed("paramError", "Missing param kind.")
	case kind != "subtitles" && kind != "captions":
		return failed("invalidKind", "Invalid kind parameter, expected='subtitles|captions' actual="+kind)
	case lang == "":
		return failed("paramError", "Missing param lang.")
	case !languageTag.MatchString(lang):
		return failed("invalidLang", "Malformed lang param, received="+lang)
	}
	file := uploadedTrack(q.Request)
	if len(file) == 0 {
		return failed("empty_uploaded_text_track", "Empty uploaded text track.")
	}
	t := store.TextTrack{Kind: kind, Lang: strings.ReplaceAll(lang, "_", "-"), Label: params.Get("label")}
	if t.Label == "" {
		t.Label = languageName(t.Lang)
	}
	return s.addTextTrack(ctx, q, id, t, file)
}

// maxLabel is how long the label of a text track may be, in bytes.
const maxLabel = 200

// addTextTrack converts an uploaded text track and adds it to the recording.
func (s *Calls) addTextTrack(ctx context.Context, q Question, id string, t store.TextTrack, file []byte) (Answer, error) {
	const key, message = "upload_text_track_failed", "Text track upload failed."
	vtt, ok := webVTT(file)
	if !ok || len(t.Label) > maxLabel {
		return failed(key, message)
	}
	if err := s.Tracks.AddTextTrack(ctx, q.Tenant, id, t, vtt); err != nil {
		answer, _ := failed(key, message)
		answer.Err = unexpected(err)
		return answer, nil
	}
	return Answer{JSON: struct {
		Returncode string `json:"returncode"`
		RecordID   string `json:"recordId"`
		Key        string `json:"messageKey"`
		Message    string `json:"message"`
	}{"SUCCESS", id, "upload_text_track_success", "Text track uploaded successfully"}}, nil
}

// unexpected is an error of a text track that is nothing of the front end's.
func unexpected(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil
	}
	return err
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
func (s *Calls) recordingOf(ctx context.Context, tenant, recordID string) (r store.Recording, known bool, err error) {
	if s.None {
		return r, false, nil
	}
	page, _, err := s.Recordings.Recordings(ctx, store.RecordingFilter{
		Tenant: tenant, RecordIDs: []string{recordID}, States: states(""), Limit: 1,
	})
	if err != nil || len(page) != 1 || page[0].RecordID != recordID {
		return r, false, err
	}
	return page[0], true, nil
}

// failed answers a call about text tracks, which fails in JSON and not in XML.
func failed(key, message string) (Answer, error) {
	return Answer{JSON: map[string]string{"returncode": "FAILED", "messageKey": key, "message": message}, Key: key}, nil
}
