package recordingcalls

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// writeRecording writes a recording as BigBlueButton does, with URLs that lead to us. As in Scalelite one that is
// protected says so, and shows no thumbnails.
func (s *Calls) writeRecording(x *bbb.Builder, r store.Recording, origin string) {
	x.Open("recording").Text("recordID", r.RecordID).Text("meetingID", r.MeetingID).
		Text("internalMeetingID", r.RecordID).Text("name", r.Name).Bool("isBreakout", r.Breakout != nil).
		Bool("published", r.State == store.Published)
	if r.Protected {
		x.Bool("protected", true)
	}
	x.Text("state", string(r.State)).Int("startTime", milliseconds(r.Start)).Int("endTime", milliseconds(r.End)).
		Int("participants", int64(r.Participants)).Int("rawSize", r.RawSize)
	writeMeta(x, r.Meta)
	writeBreakout(x, r)
	size := int64(0)
	for _, f := range r.Formats {
		size += f.Size
	}
	x.Int("size", size).Open("playback")
	for _, f := range r.Formats {
		s.writeFormat(x, r, f, origin)
	}
	x.Close("playback").Text("data", "").Close("recording")
}

// milliseconds is a time as BigBlueButton writes it; 0 where nobody knows it.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// writeMeta writes the metadata. A key that is no name of an element cannot be shown. Some front ends want a node in
// every element, which Scalelite gives them: an empty CDATA section.
func writeMeta(x *bbb.Builder, meta map[string]string) {
	x.Open("metadata")
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		switch value := meta[key]; {
		case !bbb.ValidName(key):
		case value == "":
			x.Open(key).Raw([]byte("<![CDATA[]]>")).Close(key)
		default:
			x.Text(key, value)
		}
	}
	x.Close("metadata")
}

// writeBreakout writes which meeting a breakout room belonged to, or which rooms a meeting had.
func writeBreakout(x *bbb.Builder, r store.Recording) {
	if b := r.Breakout; b != nil {
		x.Open("breakout").Text("parentId", b.Parent).Int("sequence", int64(b.Sequence)).
			Bool("freeJoin", b.FreeJoin).Close("breakout")
	}
	if len(r.BreakoutRooms) == 0 {
		return
	}
	x.Open("breakoutRooms")
	for _, id := range r.BreakoutRooms {
		x.Text("breakoutRoom", id)
	}
	x.Close("breakoutRooms")
}

// writeFormat writes what viewers can choose, with its thumbnails.
func (s *Calls) writeFormat(x *bbb.Builder, r store.Recording, f store.Format, origin string) {
	x.Open("format").Text("type", f.Type).Text("url", origin+s.Link(r, f)).
		Int("processingTime", f.ProcessingTime.Milliseconds()).Int("length", int64(f.Length/time.Minute)).
		Int("size", f.Size)
	if len(f.Images) > 0 && !r.Protected {
		x.Open("preview").Open("images")
		for _, i := range f.Images {
			writeImage(x, i, origin)
		}
		x.Close("images").Close("preview")
	}
	x.Close("format")
}

// writeImage writes a thumbnail. Its size is left out where it is unknown.
func writeImage(x *bbb.Builder, i store.Image, origin string) {
	tag := append(bbb.AppendText([]byte(`<image alt="`), i.Alt), '"')
	for _, side := range [...]struct {
		name string
		size int
	}{{"height", i.Height}, {"width", i.Width}} {
		if side.size > 0 {
			tag = append(tag, " "+side.name+`="`+strconv.Itoa(side.size)+`"`...)
		}
	}
	tag = append(bbb.AppendText(append(tag, '>'), origin+i.Path), "</image>"...)
	x.Raw(tag)
}
