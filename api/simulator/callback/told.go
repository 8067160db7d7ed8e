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

// Ended tells that a meeting is over, in both of BigBlueButton's ways: each on its own, also where both have the same address.
// Nobody is told of breakout rooms.
func Ended(m *rooms.Meeting, now time.Time) (list []Callback) {
	if m.Room.Breakout {
		return nil
	}
	if link := m.Metadata.Get("endcallbackurl"); rooms.IsURL(link) {
		list = append(list, Callback{Kind: KindMarks, Meeting: m.ID, url: marked(link, m), due: now})
	}
	if rooms.IsURL(m.EndedURL) {
		list = append(list, Callback{Kind: KindEnd, Meeting: m.ID, url: m.EndedURL, due: now})
	}
	return list
}

// marked adds to an address whether a recording comes of a meeting, and which one it was.
func marked(link string, m *rooms.Meeting) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "recordingmarks=" + strconv.FormatBool(m.IsRecorded()) + "&meetingID=" + url.QueryEscape(m.ID)
	return u.String()
}

// readyNames are where the address is that is told of a recording, the first that there is.
var readyNames = []string{"bbb-recording-ready-url", "bn-recording-ready-url", "canvas-recording-ready-url"}

// ReadyURL returns the address that is told of a recording, or "".
func ReadyURL(r *recorded.Recording) string {
	for _, name := range readyNames {
		if link := r.Meta.Get(name); link != "" && rooms.IsURL(link) {
			return link
		} else if link != "" {
			return ""
		}
	}
	return ""
}

// Ready tells that each format of a recording can be watched.
func Ready(r *recorded.Recording, secret bbb.Secret, now time.Time) (list []Callback) {
	link := ReadyURL(r)
	if link == "" {
		return nil
	}
	token := signJWT("HS256", sha256.New, secret, map[string]string{"meeting_id": r.MeetingID, "record_id": r.ID})
	form := []byte(url.Values{"signed_parameters": {token}}.Encode())
	for range r.Formats {
		list = append(list, Callback{
			Kind: KindReady, Meeting: r.MeetingID, url: link, form: form, contentType: "application/x-www-form-urlencoded", due: now,
		})
	}
	return list
}

// Analytics tells who was in a meeting that is over.
func Analytics(m *rooms.Meeting, secret bbb.Secret, now time.Time) []Callback {
	link := m.Metadata.Get("analytics-callback-url")
	if !rooms.IsURL(link) || !m.KeepsEvents() {
		return nil
	}
	token := signJWT("HS512", sha512.New, secret, map[string]int64{"exp": now.Add(24 * time.Hour).Unix()})
	return []Callback{{
		Kind: KindAnalytics, Meeting: m.ID, url: link, form: rooms.EncodeJSON(analyticsOf(m)), contentType: "application/json",
		bearer: token, due: now,
	}}
}

var underscores = strings.NewReplacer("-", "_")

// analyticsTime is how times are written there.
const analyticsTime = "2006-01-02 15:04:05 -0700"

func analyticsOf(m *rooms.Meeting) any {
	metadata := map[string]string{"is_breakout": strconv.FormatBool(m.Room.Breakout), "meeting_name": m.Name}
	for _, p := range m.Metadata {
		if name := underscores.Replace(p.Name); !strings.HasPrefix(name, "gl_") {
			metadata[name] = p.Value
		}
	}
	files := []string{}
	for _, d := range m.Documents {
		files = append(files, d.Name)
	}
	if len(files) == 0 {
		files = append(files, "default.pdf")
	}
	attendees := []any{}
	for _, a := range m.Attendees() {
		attendees = append(attendees, attendeeOf(&a, m.EndedAt()))
	}
	return map[string]any{
		"version": "1.0", "meeting_id": m.ID, "internal_meeting_id": m.Internal,
		"data": map[string]any{
			"metadata": metadata, "duration": int(m.EndedAt().Sub(m.Created).Seconds()),
			"start": m.Created.UTC().Format(analyticsTime), "finish": m.EndedAt().UTC().Format(analyticsTime),
			"attendees": attendees, "files": files, "polls": []any{},
		},
	}
}

func attendeeOf(a *rooms.Attendee, end time.Time) any {
	times := func(list []time.Time) []string {
		texts := make([]string, 0, len(list))
		for _, t := range list {
			texts = append(texts, t.UTC().Format(analyticsTime))
		}
		return texts
	}
	return map[string]any{
		"ext_user_id": a.UserID, "name": a.Name, "moderator": a.Moderator,
		"joins": times(a.Joins), "leaves": times(a.Leaves), "duration": int(a.Stayed(end).Seconds()), "recent_talking_time": "",
		"engagement": map[string]int{"chats": 0, "talks": 0, "raisehand": 0, "emojis": 0, "poll_votes": 0, "talk_time": 0},
	}
}

// signJWT returns a JSON Web Token.
func signJWT(alg string, hash func() hash.Hash, secret bbb.Secret, payload any) string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(rooms.EncodeJSON(v)) }
	text := part(map[string]string{"typ": "JWT", "alg": alg}) + "." + part(payload)
	mac := hmac.New(hash, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
