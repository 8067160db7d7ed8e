package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// getRecordings lists recordings. Pages count formats, as BigBlueButton's do.
func (s *Server) getRecordings(w http.ResponseWriter, q *bbb.Request) {
	wanted := filterOf(q.Params)
	limit := number(q.Params.Get("limit"), 0)
	paged := limit >= 1 && limit <= 100
	offset := number(q.Params.Get("offset"), 0)

	s.mu.Lock()
	defer s.mu.Unlock()
	x := bbb.Success().Open("recordings")
	total, shown := 0, 0
	for _, r := range s.recordings {
		if !wanted(r) {
			continue
		}
		var formats []format
		for _, f := range r.formats {
			if !paged || total >= offset && total < offset+limit {
				formats = append(formats, f)
			}
			total++
		}
		if len(formats) > 0 {
			shown++
			s.renderRecording(x, r, formats)
		}
	}
	x.Close("recordings")
	if shown == 0 {
		x.Message("noRecordings", "There are no recordings for the meeting(s).")
	}
	if paged {
		renderPage(x, offset, limit, total, shown == 0)
	}
	succeed(w, x)
}

func renderPage(x *bbb.Builder, offset, limit, total int, empty bool) {
	x.Open("pagination").Open("pageable").Int("offset", int64(offset)).Int("limit", int64(limit)).
		Bool("paged", true).Bool("unpaged", false).Close("pageable").
		Int("totalElements", int64(total)).Bool("empty", empty).Close("pagination")
}

// filterOf makes a filter of the parameters: IDs are prefixes, metadata filters must all match.
func filterOf(p bbb.Params) func(*recording) bool {
	prefixes := list(p.Get("recordID"))
	if len(prefixes) == 0 {
		for _, id := range list(p.Get("meetingID")) {
			prefixes = append(prefixes, sha1hex(id))
		}
	}
	states := list(p.Get("state"))
	if len(states) == 0 {
		states = []string{statePublished, stateUnpublished}
	}
	var meta []pair
	for _, param := range p {
		if name, ok := strings.CutPrefix(param.Name, "meta_"); ok {
			meta = append(meta, pair{strings.ToLower(name), param.Value})
		}
	}
	return func(r *recording) bool {
		if !slices.Contains(states, "any") && !slices.Contains(states, r.state) {
			return false
		}
		prefixed := func(prefix string) bool { return strings.HasPrefix(r.id, prefix) }
		if len(prefixes) > 0 && !slices.ContainsFunc(prefixes, prefixed) {
			return false
		}
		return !slices.ContainsFunc(meta, func(want pair) bool { return !matches(get(r.meta, want.name), want.value) })
	}
}

// list splits a list at its commas.
func list(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// matches compares a value with a pattern that may start and end with "%".
func matches(value, pattern string) bool {
	inner, open := strings.CutPrefix(pattern, "%")
	inner, end := strings.CutSuffix(inner, "%")
	switch {
	case open && end:
		return strings.Contains(value, inner)
	case open:
		return strings.HasSuffix(value, inner)
	case end:
		return strings.HasPrefix(value, inner)
	}
	return value == pattern
}

func (s *Server) renderRecording(x *bbb.Builder, r *recording, formats []format) {
	x.Open("recording").Text("recordID", r.id).Text("meetingID", r.meetingID).Text("internalMeetingID", r.id).
		Text("name", r.name).Bool("isBreakout", r.breakout).Bool("published", r.state == statePublished).
		Text("state", r.state).Int("startTime", r.start.UnixMilli()).Int("endTime", r.end.UnixMilli()).
		Int("participants", int64(r.participants)).Int("rawSize", rawSize).Open("metadata")
	renderPairs(x, r.meta)
	x.Close("metadata").Open("breakout").Text("parentId", or(r.parent, "unknown")).
		Int("sequence", int64(r.sequence)).Bool("freeJoin", false).Close("breakout")
	total := int64(0)
	for _, f := range formats {
		total += f.size
	}
	x.Int("size", total).Open("playback")
	for _, f := range formats {
		x.Open("format").Text("type", f.name).Text("url", s.origin+link(f.name, r.id)).
			Int("processingTime", processingTime.Milliseconds()).Int("length", int64(r.end.Sub(r.start)/time.Minute)).
			Int("size", f.size)
		if f.name == "presentation" {
			x.Open("preview").Open("images").Raw([]byte(`<image alt="` + escaped("Welcome to "+r.name) +
				`" height="136" width="176">` + escaped(s.origin+"/presentation/"+r.id+"/"+thumbnail(r.id)) + `</image>`)).
				Close("images").Close("preview")
		}
		x.Close("format")
	}
	x.Close("playback").Text("data", "").Close("recording")
}

func escaped(s string) string { return string(bbb.AppendText(nil, s)) }

// publishRecordings shows or hides recordings.
func (s *Server) publishRecordings(w http.ResponseWriter, q *bbb.Request) {
	publish := q.Params.Get("publish")
	switch {
	case q.Params.Get("recordID") == "":
		fail(w, bbb.ErrMissingRecordID)
		return
	case publish == "":
		fail(w, bbb.ErrMissingPublish)
		return
	}
	state := stateUnpublished
	if truth(publish, false) {
		state = statePublished
	}
	s.change(w, q, func(r *recording, id string) bool { return r.id == id }, func(r *recording) { r.state = state },
		bbb.Success().Text("published", publish))
}

// deleteRecordings puts recordings away. They are only seen with state=deleted from then on.
func (s *Server) deleteRecordings(w http.ResponseWriter, q *bbb.Request) {
	s.change(w, q, func(r *recording, id string) bool { return r.id == id },
		func(r *recording) { r.state = stateDeleted }, bbb.Success().Bool("deleted", true))
}

// updateRecordings sets metadata; an empty value removes it.
func (s *Server) updateRecordings(w http.ResponseWriter, q *bbb.Request) {
	update := func(r *recording) {
		for _, p := range q.Params {
			if !metaName.MatchString(p.Name) {
				continue
			}
			name := strings.ToLower(strings.TrimPrefix(p.Name, "meta_"))
			switch {
			case p.Value == "":
				r.meta = slices.DeleteFunc(slices.Clone(r.meta), func(m pair) bool { return m.name == name })
			case bbb.ValidName(name):
				r.meta = set(slices.Clone(r.meta), name, p.Value)
			}
		}
	}
	s.change(w, q, func(r *recording, id string) bool { return strings.HasPrefix(r.id, id) }, update,
		bbb.Success().Bool("updated", true))
}

// change applies a change to the recordings that are named. That some do not exist is no error, if one does.
func (s *Server) change(
	w http.ResponseWriter, q *bbb.Request, named func(*recording, string) bool, apply func(*recording),
	answer *bbb.Builder,
) {
	ids := list(q.Params.Get("recordID"))
	if len(ids) == 0 {
		fail(w, bbb.ErrMissingRecordID)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for _, r := range s.recordings {
		there := r.state == statePublished || r.state == stateUnpublished
		if there && slices.ContainsFunc(ids, func(id string) bool { return named(r, id) }) {
			found = true
			apply(r)
		}
	}
	if !found {
		fail(w, bbb.ErrRecordingNotFound)
		return
	}
	succeed(w, answer)
}

// What processing a recording would have taken, and its raw material.
const (
	processingTime = 7177 * time.Millisecond
	rawSize        = 13622874
)

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
