package recorded

import (
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// processingTime is what processing a recording would have taken.
const processingTime = 7177 * time.Millisecond

// RawSize is how many bytes of raw material a recording would have been made of.
const RawSize = 13622874

// link is where a format is played, after the origin of the server.
func link(name, id string) string {
	switch name {
	case "presentation":
		return "/playback/presentation/2.3/" + id
	case "video":
		return "/playback/video/" + id + "/"
	case "screenshare":
		return "/recording/screenshare/" + id + "/"
	case "podcast":
		return "/podcast/" + id + "/audio.wav"
	}
	return "/" + name + "/" + id + "/"
}

func escaped(s string) string { return string(bbb.AppendText(nil, s)) }

// Render writes a recording as getRecordings shows it, with these of its formats. Links start at an origin.
func (r *Recording) Render(x *bbb.Builder, formats []Format, origin string) {
	x.Open("recording").Text("recordID", r.ID).Text("meetingID", r.MeetingID).Text("internalMeetingID", r.ID).
		Text("name", r.Name).Bool("isBreakout", r.Breakout).Bool("published", r.State == Published).
		Text("state", r.State).Int("startTime", r.Start.UnixMilli()).Int("endTime", r.End.UnixMilli()).
		Int("participants", int64(r.Participants)).Int("rawSize", RawSize).Open("metadata")
	r.Meta.Render(x)
	parent := r.Parent
	if parent == "" {
		parent = "unknown"
	}
	x.Close("metadata").Open("breakout").Text("parentId", parent).
		Int("sequence", int64(r.Sequence)).Bool("freeJoin", false).Close("breakout")
	total := int64(0)
	for _, f := range formats {
		total += f.Size
	}
	x.Int("size", total).Open("playback")
	for _, f := range formats {
		x.Open("format").Text("type", f.Name).Text("url", origin+link(f.Name, r.ID)).
			Int("processingTime", processingTime.Milliseconds()).Int("length", int64(r.End.Sub(r.Start)/time.Minute)).
			Int("size", f.Size)
		if f.Name == "presentation" {
			x.Open("preview").Open("images").Raw([]byte(`<image alt="` + escaped("Welcome to "+r.Name) +
				`" height="136" width="176">` + escaped(origin+"/presentation/"+r.ID+"/"+thumbnail(r.ID)) + `</image>`)).
				Close("images").Close("preview")
		}
		x.Close("format")
	}
	x.Close("playback").Text("data", "").Close("recording")
}

// metadata is the metadata.xml of a format, whose media has a size in bytes.
func (r *Recording) metadata(format, origin string, size int64) []byte {
	attr := func(name, value string) string { return " " + name + `="` + escaped(value) + `"` }
	raw := func(x *bbb.Builder, text string) { x.Raw([]byte(text)) }
	milliseconds := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	x := &bbb.Builder{}
	raw(x, "<?xml version=\"1.0\"?>\n")
	x.Open("recording").Text("id", r.ID).Text("state", r.State).Bool("published", r.State == Published).
		Text("start_time", milliseconds(r.Start)).Text("end_time", milliseconds(r.End)).
		Int("participants", int64(r.Participants))
	raw(x, "<meeting"+attr("id", r.ID)+attr("externalId", r.MeetingID)+attr("name", r.Name)+
		attr("breakout", strconv.FormatBool(r.Breakout))+"/>")
	if r.Breakout {
		raw(x, "<breakout"+attr("parentMeetingId", r.Parent)+attr("sequence", strconv.Itoa(r.Sequence))+
			attr("meetingId", r.ID)+"/>")
	} else {
		raw(x, "<breakout/>")
	}
	raw(x, "<breakoutRooms/>")
	x.Open("meta")
	r.Meta.Render(x)
	x.Close("meta").Open("playback").Text("format", format).Text("link", origin+link(format, r.ID)).
		Int("processing_time", processingTime.Milliseconds()).Int("duration", r.End.Sub(r.Start).Milliseconds()).
		Int("size", size)
	if format == "presentation" {
		x.Open("extensions").Open("preview").Open("images")
		raw(x, `<image`+attr("width", "176")+attr("height", "136")+attr("alt", "Welcome to "+r.Name)+`>`+
			escaped(origin+"/presentation/"+r.ID+"/"+thumbnail(r.ID))+`</image>`)
		x.Close("images").Close("preview").Close("extensions")
	}
	x.Close("playback").Int("raw_size", RawSize).Close("recording")
	return append(x.Fragment(), '\n')
}
