package bbb_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// allocated is how many bytes a function allocates, garbage included: more than it ever holds at once.
func allocated(read func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// frugal fails unless reading a body allocates at most twice its size and a fixed amount.
func frugal(t *testing.T, what string, size int, fixed uint64, read func()) {
	t.Helper()
	got, limit := allocated(read), 2*uint64(size)+fixed
	t.Logf("%-30s %5.1f MiB of %5.1f MiB", what, float64(got)/(1<<20), float64(size)/(1<<20))
	if got > limit {
		t.Errorf("%s: %d MiB allocated for %d MiB, the limit is %d MiB", what, got>>20, size>>20, limit>>20)
	}
}

// fill repeats a piece of an answer to some size.
func fill(piece string, size int) string { return strings.Repeat(piece, size/len(piece)) }

// A server that wants our memory gets little more than it sends, with what is worth mending, and with more.
func TestParseMeetings_Memory(t *testing.T) {
	for _, size := range []int{7 << 19, 8 << 20} {
		for what, list := range greedy(size) {
			body := []byte("<response><returncode>SUCCESS</returncode><meetings>" + list + "</meetings></response>")
			frugal(t, what, len(body), 32<<20, func() {
				if _, _, err := bbb.ParseMeetings(body); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
	}
}

// greedy are lists of meetings of some size that cost a careless reader many times that.
func greedy(size int) map[string]string {
	const one = "<meeting><meetingID>a</meetingID><internalMeetingID>b</internalMeetingID>"
	const tenant = "<metadata><bbbpool-tenant>t</bbbpool-tenant></metadata></meeting>"
	const alias = "<metadata><bbbpool-meeting-id>'"
	quotes := strings.Repeat("'", 256)
	return map[string]string{
		"our metadata":        fill(one+fill("<a>b</a>", 1<<10)+tenant, size),
		"much of our own":     one + "<metadata>" + fill("<tenant-id/>", size) + "</metadata></meeting>",
		"unclosed of our own": one + "<metadata>" + fill("<tenant-id>", size) + "</metadata></meeting>",
		"aliases":             fill(one+fill("<b>c</b>", 1<<10)+alias+"</bbbpool-meeting-id></metadata></meeting>", size),
		"small aliases":       fill(one+alias+quotes[2:]+"</bbbpool-meeting-id></metadata></meeting>", size),
		"an alias everywhere": one + fill("<b>a</b>", size) + alias + quotes[1:] + "</bbbpool-meeting-id></metadata></meeting>",
		"messages of it":      one + fill("<message>[a]&amp;</message>", size) + alias + "</bbbpool-meeting-id></metadata></meeting>",
		"references to it":    one + fill("<b>&#97;</b>", size) + alias + "</bbbpool-meeting-id></metadata></meeting>",
		"open tags":           one + fill("<a>", size),
		"open tags, closed":   one + fill("<a>", size) + "</meeting>",
		"end tags":            one + fill("</a>", size),
		"empty elements":      one + fill("<ab/>", size) + "</meeting>",
		"long names":          one + fill("<"+strings.Repeat("a", 33)+"/>", size) + "</meeting>",
		"attributes":          one + "<a" + fill(" b='c'", size) + "></meeting>",
		"tags with attribute": one + fill("<a b=''>", size) + "</meeting>",
		"stray <":             one + fill("<", size) + "</meeting>",
		"stray &":             one + "<meetingName>" + fill("&", size) + "</meetingName></meeting>",
		"stray >":             one + "<a>" + fill(">", size) + "</meeting>",
		"CDATA":               one + "<meetingName><![CDATA[" + fill("&", size) + "]]></meetingName><b></meeting>",
		"CDATA of quotes":     one + fill("<![CDATA["+fill("\"", 1<<10)+"]]>", size) + "<b></meeting>",
		"references":          one + "<meetingName>" + fill("&#65;", size) + "</meetingName></meeting>",
		"false references":    one + "<meetingName>" + fill("&#a;", size) + "</meetingName></meeting>",
		"a long name":         one + "<meetingName>" + fill("a&amp;", size) + "</meetingName></meeting>",
		"long names of it":    one + fill("<meetingName>"+fill("a]", 1<<12)+"</meetingName>", size) + "</meeting>",
		"a long number":       one + "<createTime>" + fill("100,", size) + "</createTime></meeting>",
		"long numbers":        one + fill("<createTime>"+fill("100,", 1<<14)+"</createTime>", size) + "</meeting>",
		"false numbers":       one + fill("<endTime>a</endTime>", size) + "</meeting>",
		"metadata":            one + "<metadata>" + fill("<a></a>", size) + "</metadata></meeting>",
		"tiny meetings":       fill("<meeting></meeting>", size),
		"tiny broken ones":    fill("<meeting><a/>", size),
		"small meetings":      fill(one+"</meeting>", size),
		"small broken ones":   fill(one+"&</meeting>", size),
		"broken ones":         fill(one+fill("<a>", 1<<10)+"</meeting>", size),
		"large broken ones":   fill(one+fill("<a>", 1<<20)+"</meeting>", size),
		"starts of meetings":  fill("<meeting>", size),
		"starts of CDATA":     fill("<meeting><![CDATA[", size),
		"small, then broken":  fill(one+"</meeting>", min(size, 2<<20)) + one + fill("&", 1<<20) + "</meeting>",
	}
}

// What a broken meeting costs is bounded, and so is what it costs the others: the sound ones are read as ever.
func TestParseMeetings_TooBroken(t *testing.T) {
	const ids = "<meeting><meetingID>a</meetingID><internalMeetingID>b</internalMeetingID>"
	huge := ids + fill("<a>", 5<<20)
	got, broken, err := bbb.ParseMeetings([]byte("<response><returncode>SUCCESS</returncode><meetings>" +
		ids + "<a></meeting>" + huge + ids + "<b></meeting>" + huge + "</meeting>" + ids + "</meeting></meetings></response>"))
	if err != nil || len(got) != 3 || broken != 2 {
		t.Errorf("got %d meetings, %d broken, %v", len(got), broken, err)
	}
}

// A long text is none: nobody has such a name, and no such ID is anybody's.
func TestParseMeetings_LongText(t *testing.T) {
	const end = "<meetingID>a</meetingID><internalMeetingID>b</internalMeetingID></meeting>"
	long := strings.Repeat("a", 64<<10)
	got, broken, err := bbb.ParseMeetings([]byte("<response><returncode>SUCCESS</returncode><meetings>" +
		"<meeting><meetingName>" + long + "</meetingName>" + end + "<meeting><meetingName>" + long + "b</meetingName>" + end +
		"<meeting><meetingID>" + long + "b</meetingID><internalMeetingID>b</internalMeetingID></meeting></meetings></response>"))
	if err != nil || len(got) != 2 || broken != 1 || got[0].Name != long || got[1].Name != "" {
		t.Errorf("got %d meetings, %d broken, %v", len(got), broken, err)
	}
}

// The head of an answer is no way to our memory either.
func TestParseAnswer_Memory(t *testing.T) {
	const size = 6 << 20
	for what, body := range map[string]string{
		"a long code":     "<response><returncode>" + fill("&#65;", size) + "</returncode></response>",
		"a long message":  "<response><returncode>FAILED</returncode><messageKey>a</messageKey><message>" + fill("checksum=0,", size) + "</message></response>",
		"a long key":      "<response><returncode>FAILED</returncode><errors><error key='a'/><key>" + fill("&", size) + "</key></errors></response>",
		"many open tags":  "<response><returncode>FAILED</returncode>" + fill("<a>", size) + "</response>",
		"many characters": "<response><returncode>FAILED</returncode><messageKey><![CDATA[" + fill("<", size) + "]]></messageKey></response>",
	} {
		raw := []byte(body)
		frugal(t, what, 0, 1<<20, func() {
			if answer, _ := bbb.ParseAnswer(raw); answer.Err != nil && len(answer.Err.Error()) > 1000 {
				t.Errorf("%s: an error of %d bytes", what, len(answer.Err.Error()))
			}
		})
	}
}

// A list of recordings costs little more than it is large.
func TestParseRecordings_Memory(t *testing.T) {
	const (
		size = 8 << 20
		one  = "<recording><recordID>a</recordID>"
	)
	for what, list := range map[string]string{
		"recordings":   fill(one+"</recording>", size),
		"metadata":     one + "<metadata>" + fill("<ab/>", size) + "</metadata></recording>",
		"open tags":    one + fill("<a>", size),
		"references":   strings.Repeat("<recording><recordID>"+fill("&#a;", 32<<10)+"</recordID></recording>", 200),
		"formats":      one + "<playback>" + fill("<format><type>a</type></format>", size) + "</playback></recording>",
		"long numbers": one + fill("<rawSize>"+fill("100,", 1<<14)+"</rawSize>", size),
	} {
		body := recordingsAnswer(list)
		frugal(t, what, len(body), 48<<20, func() {
			if _, err := bbb.ParseRecordings(body); (err != nil) != (what == "recordings") { // which are too many
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	metadata := one + "<metadata>"
	for i := range 1000 {
		metadata += fmt.Sprintf("<a%x/>", i)
	}
	body := recordingsAnswer(strings.Repeat(metadata+"</metadata></recording>", 200))
	frugal(t, "metadata of many", len(body), 48<<20, func() {
		if _, err := bbb.ParseRecordings(body); err != nil {
			t.Error(err)
		}
	})
}

// Many more recordings than anybody can have asked for are no answer: to leave some out would say that they are gone.
func TestParseRecordings_TooMany(t *testing.T) {
	const one = "<recording><recordID>a</recordID></recording>"
	if list, err := bbb.ParseRecordings(recordingsAnswer(strings.Repeat(one, 200))); err != nil || len(list) != 200 {
		t.Errorf("got %d, %v", len(list), err)
	}
	if list, err := bbb.ParseRecordings(recordingsAnswer(strings.Repeat(one, 201))); err == nil || list != nil {
		t.Errorf("one too many: got %d, %v", len(list), err)
	}
}

// A body with a sea of attributes is refused before a reader makes objects of them.
func TestReadRequest_Memory(t *testing.T) {
	const size = 8 << 20
	body := "<modules><module" + fill(" a=''", size) + "/></modules>"
	frugal(t, "attributes", size, 64<<20, func() { // most of it for the buffer that it is read into, which grows
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/xml")
		if _, err := bbb.ReadRequest(r, "create", 2*size); asError(err) == nil {
			t.Errorf("got %v", err)
		}
	})
}
