package simulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// recordingCalls are the calls about recordings and their tracks.
type recordingCalls struct {
	holdings *holdings
	origin   string
	changed  func(*recorded.Recording) // told of another state
}

// getRecordings lists recordings. Pages count formats, as BigBlueButton's do.
func (c *recordingCalls) getRecordings(w http.ResponseWriter, q *bbb.Request) {
	wanted := filterOf(q.Params)
	limit := number(q.Params.Get("limit"), 0)
	paged := limit >= 1 && limit <= 100
	offset := number(q.Params.Get("offset"), 0)

	held, unlock := c.holdings.lock()
	defer unlock()
	x := bbb.Success().Open("recordings")
	total, shown := 0, 0
	for _, r := range held.shelf.All() {
		if !wanted(r) {
			continue
		}
		var formats []recorded.Format
		for _, f := range r.Formats {
			if !paged || total >= offset && total < offset+limit {
				formats = append(formats, f)
			}
			total++
		}
		if len(formats) > 0 {
			shown++
			r.Render(x, formats, c.origin)
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
func filterOf(p bbb.Params) func(*recorded.Recording) bool {
	prefixes := splitList(p.Get("recordID"))
	if len(prefixes) == 0 {
		for _, id := range splitList(p.Get("meetingID")) {
			prefixes = append(prefixes, rooms.SHA1(id))
		}
	}
	states := splitList(p.Get("state"))
	if len(states) == 0 {
		states = []string{recorded.Published, recorded.Unpublished}
	}
	var meta rooms.Pairs
	for _, param := range p {
		if name, ok := strings.CutPrefix(param.Name, "meta_"); ok {
			meta = append(meta, rooms.Pair{Name: strings.ToLower(name), Value: param.Value})
		}
	}
	return func(r *recorded.Recording) bool {
		if !slices.Contains(states, "any") && !slices.Contains(states, r.State) {
			return false
		}
		prefixed := func(prefix string) bool { return strings.HasPrefix(r.ID, prefix) }
		if len(prefixes) > 0 && !slices.ContainsFunc(prefixes, prefixed) {
			return false
		}
		return !slices.ContainsFunc(meta, func(want rooms.Pair) bool { return !matches(r.Meta.Get(want.Name), want.Value) })
	}
}

// publishRecordings shows or hides recordings.
func (c *recordingCalls) publishRecordings(w http.ResponseWriter, q *bbb.Request) {
	publish := q.Params.Get("publish")
	switch {
	case q.Params.Get("recordID") == "":
		fail(w, bbb.ErrMissingRecordID)
		return
	case publish == "":
		fail(w, bbb.ErrMissingPublish)
		return
	}
	state := recorded.Unpublished
	if truth(publish, false) {
		state = recorded.Published
	}
	c.change(w, q, func(r *recorded.Recording, id string) bool { return r.ID == id },
		func(r *recorded.Recording) { r.State = state }, bbb.Success().Text("published", publish))
}

// deleteRecordings puts recordings away. They are only seen with state=deleted from then on.
func (c *recordingCalls) deleteRecordings(w http.ResponseWriter, q *bbb.Request) {
	c.change(w, q, func(r *recorded.Recording, id string) bool { return r.ID == id },
		func(r *recorded.Recording) { r.State = recorded.Deleted }, bbb.Success().Bool("deleted", true))
}

// updateRecordings sets metadata; an empty value removes it.
func (c *recordingCalls) updateRecordings(w http.ResponseWriter, q *bbb.Request) {
	update := func(r *recorded.Recording) {
		for _, p := range q.Params {
			if !metaName.MatchString(p.Name) {
				continue
			}
			name := strings.ToLower(strings.TrimPrefix(p.Name, "meta_"))
			switch {
			case p.Value == "":
				r.Meta = slices.DeleteFunc(slices.Clone(r.Meta), func(m rooms.Pair) bool { return m.Name == name })
			case bbb.ValidName(name):
				r.Meta = slices.Clone(r.Meta).With(name, p.Value)
			}
		}
	}
	c.change(w, q, func(r *recorded.Recording, id string) bool { return strings.HasPrefix(r.ID, id) }, update,
		bbb.Success().Bool("updated", true))
}

// change applies a change to the recordings that are named. That some do not exist is no error, if one does.
func (c *recordingCalls) change(
	w http.ResponseWriter, q *bbb.Request, named func(*recorded.Recording, string) bool, apply func(*recorded.Recording),
	answer *bbb.Builder,
) {
	ids := splitList(q.Params.Get("recordID"))
	if len(ids) == 0 {
		fail(w, bbb.ErrMissingRecordID)
		return
	}
	held, unlock := c.holdings.lock()
	defer unlock()
	found := false
	for _, r := range held.shelf.All() {
		if r.IsThere() && slices.ContainsFunc(ids, func(id string) bool { return named(r, id) }) {
			found = true
			was := r.State
			apply(r)
			if r.State != was {
				c.changed(r)
			}
		}
	}
	if !found {
		fail(w, bbb.ErrRecordingNotFound)
		return
	}
	succeed(w, answer)
}
