package simulator

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// track is captions or subtitles of a recording. It is kept as it came, as WebVTT.
type track struct {
	kind, lang, label string
	vtt               []byte
}

// Limits of what tracks cost.
const (
	maxTracks = 20
	maxTrack  = 64 << 10
)

var language = regexp.MustCompile(`^[a-z]{2,3}([_-][A-Za-z0-9]{2,8})*$`)

func (t track) file() string { return t.kind + "_" + t.lang + ".vtt" }

// jsonFailed answers as the calls for tracks do.
func jsonFailed(w http.ResponseWriter, key, message string) {
	writeJSON(w, http.StatusOK, map[string]any{
		"response": map[string]string{"returncode": "FAILED", "messageKey": key, "message": message},
	})
}

// getTextTracks lists the tracks of a recording.
func (s *Server) getTextTracks(w http.ResponseWriter, q *bbb.Request) {
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
	s.mu.Lock()
	r := s.recording(id)
	var entries []entry
	if r != nil {
		for _, t := range r.tracks {
			href := s.origin + "/bigbluebutton/textTrack/" + r.id + "/" + t.file()
			entries = append(entries, entry{href, t.kind, t.label, t.lang, "upload"})
		}
	}
	s.mu.Unlock()
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
func (s *Server) putTextTrack(w http.ResponseWriter, q *bbb.Request) {
	p := q.Params
	t := track{kind: p.Get("kind"), lang: p.Get("lang"), label: or(p.Get("label"), p.Get("lang"))}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.recording(p.Get("recordID"))
	t.vtt = webVTT(fileOf(q))
	switch {
	case p.Get("recordID") == "":
		jsonFailed(w, "paramError", "Missing param recordID.")
	case r == nil:
		jsonFailed(w, "noRecordings", "No recording was found for "+p.Get("recordID"))
	case t.kind == "":
		jsonFailed(w, "paramError", "Missing param kind.")
	case t.kind != "subtitles" && t.kind != "captions":
		jsonFailed(w, "invalidKind", "Invalid kind parameter, expected='subtitles|captions' actual="+t.kind)
	case t.lang == "":
		jsonFailed(w, "paramError", "Missing param lang.")
	case !language.MatchString(t.lang):
		jsonFailed(w, "invalidLang", "Malformed lang param, received="+t.lang)
	case len(t.vtt) == 0:
		jsonFailed(w, "empty_uploaded_text_track", "Empty uploaded text track.")
	case !r.addTrack(t):
		jsonFailed(w, "upload_text_track_failed", "Text track upload failed.")
	default:
		writeJSON(w, http.StatusOK, map[string]any{"response": map[string]string{
			"returncode": "SUCCESS", "recordId": r.id, "messageKey": "upload_text_track_success",
			"message": "Text track uploaded successfully",
		}})
	}
}

// addTrack tells whether there was room for a track.
func (r *recording) addTrack(t track) bool {
	same := slices.IndexFunc(r.tracks, func(old track) bool { return old.file() == t.file() })
	switch {
	case len(t.vtt) > maxTrack, same < 0 && len(r.tracks) >= maxTracks:
		return false
	case same >= 0:
		r.tracks[same] = t
	default:
		r.tracks = append(r.tracks, t)
	}
	return true
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
