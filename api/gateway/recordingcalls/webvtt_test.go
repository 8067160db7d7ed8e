package recordingcalls_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
)

// WebVTT stays as it is but for its encoding and the ends of its lines. SRT, in its many dialects, becomes WebVTT. What is
// neither, or shows nothing, is refused.
func TestWebVTT(t *testing.T) {
	const head, cue = "WEBVTT\n\n", "00:00.000 --> 00:02.000\nhello\n"
	for name, c := range map[string]struct{ file, want string }{ // "" where it is refused
		"WebVTT":              {head + cue, head + cue},
		"a title":             {"WEBVTT - it\n\n" + cue, "WEBVTT - it\n\n" + cue},
		"a mark of the bytes": {"\ufeff" + head + cue, head + cue},
		"Windows":             {strings.ReplaceAll(head+cue, "\n", "\r\n"), head + cue},
		"an old Mac":          {strings.ReplaceAll(head+cue, "\n", "\r"), head + cue},
		"ISO-8859-1":          {head + cue + "K\xe4se \xa4\n", head + cue + "Käse ¤\n"},
		"a zero":              {head + cue + "a\x00b\n", head + cue + "a\ufffdb\n"},
		"no cue":              {head, ""},
		"the head alone":      {"WEBVTT", ""},
		"another head":        {"WEBVTTx\n\n00:00.000 --> 00:02.000\n", ""},
		"nothing":             {"\ufeff", ""},
		"a text":              {"Once upon a time\n", ""},
		"SRT": {
			"1\r\n00:00:01,500 --> 00:00:02,250\r\nhi\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n<i>ho</i>\r\n",
			head + "1\n00:00:01.500 --> 00:00:02.250\nhi\n\n2\n00:00:03.000 --> 00:00:04.000\n<i>ho</i>\n",
		},
		"no numbers, no blanks": {"00:00:01,5-->00:00:02.25\nhi", head + "00:00:01.500 --> 00:00:02.250\nhi\n"},
		"a place":               {"1\n0:00:01,5 --> 1:00:02,7 X1:10 Y1:5\nhi", head + "1\n00:00:01.500 --> 01:00:02.700\nhi\n"},
		"many hours":            {"1\n100:00:01,000 --> 100:00:02,000\nhi", head + "1\n100:00:01.000 --> 100:00:02.000\nhi\n"},
		"fonts":                 {"1\n0:00:01,5 --> 0:00:02,7\n<FONT color='red'>h</font>i", head + "1\n00:00:01.500 --> 00:00:02.700\nhi\n"},
		"an arrow":              {"1\n0:00:01,5 --> 0:00:02,7\na --> b", head + "1\n00:00:01.500 --> 00:00:02.700\na → b\n"},
		"blanks around":         {"\n\n1\n 0:00:01,5 --> 0:00:02,7  \nhi  \t\n\n\n", head + "1\n00:00:01.500 --> 00:00:02.700\nhi\n"},
		"minutes alone":         {"1\n00:01,5 --> 00:02,7\nhi", ""},
		"as many lines as may":  {"0:00:01,5 --> 0:00:02,7" + strings.Repeat("\n", 200_000), head + "00:00:01.500 --> 00:00:02.700\n"},
		"too many lines":        {"0:00:01,5 --> 0:00:02,7" + strings.Repeat("\n", 200_001), ""},
		"as much as may":        {head + cue + strings.Repeat("x", 2<<20-len(head+cue)), head + cue + strings.Repeat("x", 2<<20-len(head+cue))},
		"too much":              {head + cue + strings.Repeat("x", 2<<20-len(head+cue)+1), ""},
	} {
		tracks := &captions{}
		form, mediaType := upload(t, part{"file", c.file})
		s := open(recordingcalls.Calls{Recordings: newShelf(1), Tracks: tracks})
		a, err := post(t, s, "putRecordingTextTrack", "recordID=r0&kind=captions&lang=de", form, mediaType)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && (a.Key != "upload_text_track_failed" || tracks.files != nil):
			t.Errorf("%s: %q, added %.80q", name, a.Key, tracks.files)
		case c.want != "" && (a.Key != "" || len(tracks.files) != 1 || tracks.files[0] != c.want):
			t.Errorf("%s: %q, added %.200q, want %.200q", name, a.Key, tracks.files, c.want)
		}
	}
}
