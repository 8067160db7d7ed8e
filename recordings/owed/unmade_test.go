package owed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// without tells of the end of a meeting, with people in it, whose create has switched off formats.
func (w *world) without(t *testing.T, id, off string) {
	t.Helper()
	claim := store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "school", MeetingID: "room"}, Server: "bbb1", InternalID: id, Recorded: true, Unmade: off,
	}
	past := store.Session{ID: id, Tenant: "school", Server: "bbb1", Start: w.now.Add(-time.Hour), End: w.now, Peak: 3, Meeting: "hash"}
	if err := w.Remember(t.Context(), claim, past); err != nil {
		t.Fatal(err)
	}
}

// A recording of which the create has switched off all formats that its server makes is not owed: front ends see none in the
// making, nobody asks for it, and it is no problem. Where it is not known what a server makes, all there are have to be off.
func TestDebts_Unmade(t *testing.T) {
	const all = "presentation,video,podcast,screenshare,notes"
	for name, c := range map[string]struct {
		off   string
		makes []string // as the server has told before
		owed  bool
	}{
		"nothing":                   {off: "", owed: true},
		"blanks":                    {off: " , [] ", owed: true},
		"presentation, who knows":   {off: "presentation", owed: true},
		"all, who knows":            {off: all},
		"all in brackets":           {off: "[presentation, video, podcast, screenshare, notes]"},
		"all quoted":                {off: `["presentation","video","podcast","screenshare",'notes']`},
		"all but one":               {off: "presentation,video,podcast,screenshare", owed: true},
		"all that it makes":         {off: "video", makes: []string{"video"}},
		"all that it makes, others": {off: "presentation,video", makes: []string{"presentation", "video"}},
		"presentation alone":        {off: "presentation", makes: []string{"presentation"}},
		"not presentation":          {off: "video", makes: []string{"presentation", "video"}, owed: true},
		"one that we do not know":   {off: all, makes: []string{"presentation", "statistics"}, owed: true},
		"too long":                  {off: all + strings.Repeat(",x", 256), owed: true},
		"another name":              {off: "presentation2", makes: []string{"presentation"}, owed: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.makes != nil {
				w.end(t, "bbb1", "a", 3)
				w.told["a"] = as(store.Published, c.makes...)
				w.pursue(t, time.Minute)
				delete(w.recordings, "a")
				delete(w.told, "a")
			}
			w.without(t, "b", c.off)
			r, there := w.recordings["b"]
			if there != c.owed || there && (r.Owed == nil || r.State != store.Processing) {
				t.Errorf("%t: %+v", there, r)
			}
			asked := w.questions()
			w.pursue(t, 48*time.Hour)
			if (w.questions() > asked) != c.owed {
				t.Errorf("it is asked for: %t", w.questions() > asked)
			}
			if list, err := w.Owed(t.Context()); err != nil || (len(list) > 0) != c.owed {
				t.Errorf("%+v %v", list, err)
			}
			if said := strings.Contains(w.log.String(), "switched off all formats"); said == c.owed || w.sessions["b"].ID == "" {
				t.Errorf("logged: %s", &w.log)
			}
		})
	}
}

// Of a recording with some formats switched off the others are owed, and no presentation is waited for.
func TestDebts_NoPresentation(t *testing.T) {
	w := newWorld()
	w.without(t, "a", "presentation")
	w.told["a"] = as(store.Published, "video")
	w.pursue(t, time.Minute)
	if o := w.recordings["a"].Owed; o == nil || o.Step != store.OwedPublished || strings.Join(o.Formats, " ") != "video" {
		t.Fatalf("%+v", o)
	}
	r := w.recordings["a"]
	r.State, r.Imported, r.Formats = store.Published, w.now, []store.Format{{Type: "video"}}
	w.recordings["a"] = r
	w.pursue(t, time.Minute)
	if r := w.recordings["a"]; r.Owed != nil || r.State != store.Published {
		t.Errorf("%+v", r.Owed)
	}
	w.now = w.now.Add(48 * time.Hour)
	if got := w.Problems(t.Context()); got != nil {
		t.Errorf("%+v", got)
	}
}

// A server that tells of no end of formats is believed to make any.
func TestDebts_UnmadeOfMany(t *testing.T) {
	w := newWorld()
	w.end(t, "bbb1", "a", 3)
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint(i))
	}
	w.told["a"] = as(store.Published, many...)
	w.pursue(t, time.Minute)
	w.without(t, "b", strings.Join(many, ","))
	if w.recordings["b"].Owed == nil {
		t.Error("nothing is owed")
	}
}
