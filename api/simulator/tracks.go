package simulator

import (
	"bytes"
	"cmp"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
)

var language = regexp.MustCompile(`^[a-z]{2,3}([_-][A-Za-z0-9]{2,8})*$`)

// jsonFailed answers as the calls for tracks do.
func jsonFailed(w http.ResponseWriter, key, message string) {
	writeJSON(w, http.StatusOK, map[string]any{
		"response": map[string]string{"returncode": "FAILED", "messageKey": key, "message": message},
	})
}

// getTextTracks lists the tracks of a recording.
func (c *recordingCalls) getTextTracks(w http.ResponseWriter, q *bbb.Request) {
	id := q.Params.Get("recordID")
	if id == "" {
		fail(w, bbb.ErrMissingRecordID)
		return
	}
	type entry struct {
		Href   string `json:"href"`
		Kind   string `json:"kind"`
		Label  string `json:"label"`
		Lang   string `json:"lang"`
		Source string `json:"source"`
	}
	held, unlock := c.holdings.lock()
	r := held.shelf.Find(id)
	var entries []entry
	if r != nil {
		for _, t := range r.Tracks {
			href := c.origin + "/bigbluebutton/textTrack/" + r.ID + "/" + t.File()
			entries = append(entries, entry{href, t.Kind, t.Label, t.Lang, "upload"})
		}
	}
	unlock()
	switch {
	case r == nil:
		jsonFailed(w, "noRecordings", "No recording found for "+id)
	case len(entries) == 0:
		jsonFailed(w, "noCaptionsFound", "No captions found for "+id)
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"response": map[string]any{"returncode": "SUCCESS", "tracks": entries},
		})
	}
}

// putTextTrack adds a track to a recording, or replaces the one of that kind and language.
func (c *recordingCalls) putTextTrack(w http.ResponseWriter, q *bbb.Request) {
	p := q.Params
	t := recorded.Track{Kind: p.Get("kind"), Lang: p.Get("lang"), Label: cmp.Or(p.Get("label"), p.Get("lang"))}
	held, unlock := c.holdings.lock()
	defer unlock()
	r := held.shelf.Find(p.Get("recordID"))
	t.VTT = webVTT(fileOf(q))
	switch {
	case p.Get("recordID") == "":
		jsonFailed(w, "paramError", "Missing param recordID.")
	case r == nil:
		jsonFailed(w, "noRecordings", "No recording was found for "+p.Get("recordID"))
	case t.Kind == "":
		jsonFailed(w, "paramError", "Missing param kind.")
	case t.Kind != "subtitles" && t.Kind != "captions":
		jsonFailed(w, "invalidKind", "Invalid kind parameter, expected='subtitles|captions' actual="+t.Kind)
	case t.Lang == "":
		jsonFailed(w, "paramError", "Missing param lang.")
	case !language.MatchString(t.Lang):
		jsonFailed(w, "invalidLang", "Malformed lang param, received="+t.Lang)
	case len(t.VTT) == 0:
		jsonFailed(w, "empty_uploaded_text_track", "Empty uploaded text track.")
	case !r.AddTrack(t):
		jsonFailed(w, "upload_text_track_failed", "Text track upload failed.")
	default:
		writeJSON(w, http.StatusOK, map[string]any{"response": map[string]string{
			"returncode": "SUCCESS", "recordId": r.ID, "messageKey": "upload_text_track_success",
			"message": "Text track uploaded successfully",
		}})
	}
}

// fileOf returns the file in a multipart body, or nothing.
func fileOf(q *bbb.Request) []byte {
	_, attrs, err := mime.ParseMediaType(q.ContentType)
	if err != nil {
		return nil
	}
	parts := multipart.NewReader(bytes.NewReader(q.Body), attrs["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil
		}
		if part.FormName() == "file" {
			file, _ := io.ReadAll(part) // a body cut off counts as far as it goes
			return file
		}
	}
}

var srtTime = regexp.MustCompile(`(\d\d:\d\d:\d\d),(\d\d\d)`)

// webVTT makes WebVTT of what was uploaded: that already, or SRT.
func webVTT(file []byte) []byte {
	text := strings.TrimSpace(strings.TrimPrefix(string(file), "\ufeff"))
	if text == "" || strings.HasPrefix(text, "WEBVTT") {
		return []byte(text)
	}
	return []byte("WEBVTT\n\n" + srtTime.ReplaceAllString(text, "$1.$2") + "\n")
}
