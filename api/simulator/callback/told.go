package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// Ended tells that a meeting is over, in both of BigBlueButton's ways. Nobody is told of breakout rooms.
func Ended(m *rooms.Meeting, now time.Time) (list []Callback) {
	if m.Room.Breakout {
		return nil
	}
	if link := m.Metadata.Get("endcallbackurl"); rooms.IsURL(link) {
		u, err := url.Parse(link)
		if err != nil {
			return nil
		}
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += "recordingmarks=" + strconv.FormatBool(m.IsRecorded()) + "&meetingID=" + url.QueryEscape(m.ID)
		list = append(list, Callback{url: u.String(), due: now})
	}
	if rooms.IsURL(m.EndedURL) {
		list = append(list, Callback{url: m.EndedURL, due: now})
	}
	return list
}

// Ready tells that each format of a recording can be watched.
func Ready(r *recorded.Recording, secret bbb.Secret, now time.Time) (list []Callback) {
	link := ""
	for _, name := range []string{"bbb-recording-ready-url", "bn-recording-ready-url", "canvas-recording-ready-url"} {
		if link == "" {
			link = r.Meta.Get(name)
		}
	}
	if !rooms.IsURL(link) {
		return nil
	}
	token := signJWT("HS256", sha256.New, secret, map[string]string{"meeting_id": r.MeetingID, "record_id": r.ID})
	form := []byte(url.Values{"signed_parameters": {token}}.Encode())
	for range r.Formats {
		list = append(list, Callback{url: link, form: form, contentType: "application/x-www-form-urlencoded", due: now})
	}
	return list
}

var underscores = strings.NewReplacer("-", "_")

// Analytics tells who was in a meeting that is over.
func Analytics(m *rooms.Meeting, secret bbb.Secret, now time.Time) []Callback {
	link := m.Metadata.Get("analytics-callback-url")
	if !rooms.IsURL(link) || !m.Record && !m.KeepEvents {
		return nil
	}
	const layout = "2006-01-02 15:04:05 -0700"
	metadata := map[string]string{"is_breakout": strconv.FormatBool(m.Room.Breakout), "meeting_name": m.Name}
	for _, p := range m.Metadata {
		metadata[underscores.Replace(p.Name)] = p.Value
	}
	body := rooms.EncodeJSON(map[string]any{
		"version": "1.0", "meeting_id": m.ID, "internal_meeting_id": m.Internal,
		"data": map[string]any{
			"metadata": metadata, "duration": int(m.EndedAt().Sub(m.Created).Seconds()),
			"start": m.Created.UTC().Format(layout), "finish": m.EndedAt().UTC().Format(layout),
			"attendees": []any{}, "files": []string{"default.pdf"}, "polls": []any{},
		},
	})
	token := signJWT("HS512", sha512.New, secret, map[string]int64{"exp": now.Add(24 * time.Hour).Unix()})
	return []Callback{{url: link, form: body, contentType: "application/json", bearer: token, due: now}}
}

// signJWT returns a JSON Web Token.
func signJWT(alg string, hash func() hash.Hash, secret bbb.Secret, payload any) string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(rooms.EncodeJSON(v)) }
	text := part(map[string]string{"typ": "JWT", "alg": alg}) + "." + part(payload)
	mac := hmac.New(hash, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
