package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// tracks are text tracks in memory.
type tracks struct {
	list    []store.TextTrack
	content []string
	err     error
}

func (x *tracks) TextTracks(_ context.Context, _, _ string) ([]store.TextTrack, error) {
	return x.list, x.err
}

func (x *tracks) AddTextTrack(_ context.Context, tenant, id string, t store.TextTrack, vtt []byte) error {
	if x.err == nil {
		t.File, t.Source = tenant+"_"+id+"_"+t.Lang+".vtt", "upload"
		x.list, x.content = append(x.list, t), append(x.content, string(vtt))
	}
	return x.err
}

// upload is a form with a file in it.
func upload(t testing.TB, file string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("note", "x")
	part, err := w.CreateFormFile("file", "a.srt")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

const (
	trackID = "a1-1760000000123" // of the shelf
	aVTT    = "WEBVTT\n\n00:00.000 --> 00:02.000\nhello\n"
)

// ask makes a call, and returns the answer in whatever form.
func (p *pool) ask(method, url, body, contentType string) string {
	p.tb.Helper()
	req, err := http.NewRequestWithContext(p.tb.Context(), method, url, strings.NewReader(body))
	if err != nil {
		p.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := p.client.Do(req)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.tb.Fatal(err)
	}
	return string(text)
}

// put uploads a text track.
func (p *pool) put(query, file string) string {
	p.tb.Helper()
	body, contentType := upload(p.tb, file)
	return p.ask(http.MethodPost, p.url("putRecordingTextTrack", query), body, contentType)
}

// Text tracks are answered in JSON, in BigBlueButton's form; what was uploaded is there at once.
func TestTextTracks(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	x := &tracks{}
	p.gateway.RecordingCalls.Tracks = x
	get := func(id string) string {
		return p.ask(http.MethodGet, p.url("getRecordingTextTracks", "recordID="+id), "", "")
	}
	for id, want := range map[string]string{
		"unknown":   `{"response":{"message":"No recording found for unknown","messageKey":"noRecordings","returncode":"FAILED"}}`,
		trackID[:4]: `"messageKey":"noRecordings"`,
		trackID:     `{"response":{"message":"No captions found for ` + trackID + `","messageKey":"noCaptionsFound","returncode":"FAILED"}}`,
	} {
		if got := get(id); !strings.Contains(got, want) {
			t.Errorf("%s: %s", id, got)
		}
	}
	want := `{"response":{"returncode":"SUCCESS","recordId":"` + trackID +
		`","messageKey":"upload_text_track_success","message":"Text track uploaded successfully"}}`
	for _, query := range []string{"kind=subtitles&lang=de&label=Deutsch+%3C1%3E", "kind=captions&lang=pt_BR", "kind=captions&lang=xx"} {
		if got := p.put("recordID="+trackID+"&"+query, aVTT); !strings.Contains(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	path := `"href":"` + p.http.URL + `/presentation/` + trackID + `/default_` + trackID
	want = `{"response":{"returncode":"SUCCESS","tracks":[` +
		`{` + path + `_de.vtt","kind":"subtitles","label":"Deutsch \u003c1\u003e","lang":"de","source":"upload"},` +
		`{` + path + `_pt-BR.vtt","kind":"captions","label":"Portuguese (BR)","lang":"pt-BR","source":"upload"},` +
		`{` + path + `_xx.vtt","kind":"captions","label":"xx","lang":"xx","source":"upload"}]}}`
	if got := get(trackID); !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	p.gateway.RecordingCalls.FileLink = func(r store.Recording, format, name string) string {
		return "/recording/" + r.RecordID + "/" + format + "/" + name + "?token=x"
	}
	if got := get(trackID); !strings.Contains(got, "/recording/"+trackID+"/presentation/default_"+trackID+"_de.vtt?token=x") {
		t.Errorf("the link is not the one that opens it: %s", got)
	}
}

// What is wrong with an upload is said in BigBlueButton's order and words.
func TestPutTextTrack_Answers(t *testing.T) {
	p := bare(&pool{tb: t}, settings{change: func(_ *poller.Config, c *gateway.Config) { c.MaxBody = 32 << 20 }})
	p.stock(shelf()...)
	foreign := shelf()[0]
	foreign.RecordID, foreign.Tenant = "a3-foreign", "other"
	p.stock(foreign)
	x := &tracks{}
	p.gateway.RecordingCalls.Tracks = x
	good := "recordID=" + trackID + "&kind=captions&lang=de"
	for _, c := range []struct{ query, file, want string }{
		{"kind=captions", aVTT, `"message":"Missing param recordID.","messageKey":"paramError"`},
		{"recordID=none", aVTT, `"message":"No recording was found for none","messageKey":"noRecordings"`},
		{"recordID=a3-foreign&kind=captions&lang=de", aVTT, "noRecordings"},
		{"recordID=c1-1&kind=captions&lang=de", aVTT, "noRecordings"}, // not here yet
		{"recordID=" + trackID, aVTT, `"message":"Missing param kind.","messageKey":"paramError"`},
		{"recordID=" + trackID + "&kind=x", aVTT, `Invalid kind parameter, expected='subtitles|captions' actual=x`},
		{"recordID=" + trackID + "&kind=captions", aVTT, `"message":"Missing param lang.","messageKey":"paramError"`},
		{"recordID=" + trackID + "&kind=captions&lang=..%2Fde", aVTT, `"message":"Malformed lang param, received=../de","messageKey":"invalidLang"`},
		{"recordID=" + trackID + "&kind=captions&lang=german1", aVTT, "invalidLang"},
		{good, "", `"message":"Empty uploaded text track.","messageKey":"empty_uploaded_text_track"`},
		{good, "no captions", `"message":"Text track upload failed.","messageKey":"upload_text_track_failed"`},
		{good, "WEBVTT\n\n", "upload_text_track_failed"},
		{good, aVTT + strings.Repeat(" ", 2<<20), "upload_text_track_failed"},
		{good + "&label=" + strings.Repeat("x", 201), aVTT, "upload_text_track_failed"},
	} {
		if got := p.put(c.query, c.file); !strings.Contains(got, c.want) || !strings.Contains(got, `"returncode":"FAILED"`) {
			t.Errorf("%.80s %.20q: %s, want %s", c.query, c.file, got, c.want)
		}
	}
	body, contentType := upload(t, aVTT)
	for what, cut := range map[string]string{"cut off": body[:len(body)-60], "another form": "--x\r\n\r\n--x--", "nothing": ""} {
		got := p.ask(http.MethodPost, p.url("putRecordingTextTrack", good), cut, contentType)
		if !strings.Contains(got, "empty_uploaded_text_track") {
			t.Errorf("%s: %s", what, got)
		}
	}
	for _, err := range []error{fs.ErrNotExist, store.ErrTooLarge, store.ErrNotFound, errors.New("the disk is full")} {
		x.err = err
		if got := p.put(good, aVTT); !strings.Contains(got, "upload_text_track_failed") || strings.Contains(got, "disk") {
			t.Errorf("%v: %s", err, got)
		}
	}
	if len(x.list) != 0 {
		t.Errorf("added: %+v", x.list)
	}
	for _, query := range []string{"recordID=" + trackID, ""} {
		got := p.ask(http.MethodPost, p.http.URL+"/bigbluebutton/api/putRecordingTextTrack?"+query, body, contentType)
		if !strings.Contains(got, "checksumError") {
			t.Errorf("without a checksum: %s", got)
		}
	}
}

// BigBlueButton decodes IDs in calls about recordings a second time. Here an ID is what it is once decoded, and nothing
// else is.
func TestRecordings_DecodedOnce(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	odd := shelf()[0]
	odd.RecordID = "a9%2d1"
	p.stock(odd)
	p.gateway.RecordingCalls.Tracks = &tracks{}
	for _, c := range []struct{ call, query, want string }{
		{"publishRecordings", "&publish=true", "<published>true</published>"},
		{"updateRecordings", "&meta_a=b", "<updated>true</updated>"},
		{"getRecordings", "", "<recordID>a9%2d1</recordID>"},
		{"getRecordingTextTracks", "", "No captions found for a9%2d1"},
		{"deleteRecordings", "", "<deleted>true</deleted>"},
	} {
		for id, known := range map[string]bool{
			"a1%252D1760000000123": false, "a1%25252D1760000000123": false, "a9%2d1": false, "a9%252d1": true,
		} {
			got := p.ask(http.MethodGet, p.url(c.call, "recordID="+id+c.query), "", "")
			if strings.Contains(got, c.want) != known {
				t.Errorf("%s of %s: %s", c.call, id, got)
			}
		}
	}
	query := "&kind=captions&lang=de"
	if got := p.put("recordID=a1%252D1760000000123"+query, aVTT); !strings.Contains(got, "noRecordings") {
		t.Errorf("a track for an ID that is escaped twice: %s", got)
	}
}

// SRT in its dialects becomes WebVTT; WebVTT stays as it is but for its encoding and the ends of its lines.
func TestPutTextTrack_Converts(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	x := &tracks{}
	p.gateway.RecordingCalls.Tracks = x
	for _, c := range []struct{ file, want string }{
		{aVTT, aVTT},
		{"\ufeff" + strings.ReplaceAll(aVTT, "\n", "\r\n"), aVTT},
		{"WEBVTT - title\n\n1\n00:00.000 --> 00:02.000\nK\xe4se\n", "WEBVTT - title\n\n1\n00:00.000 --> 00:02.000\nKäse\n"},
		{
			"\ufeff1\r\n00:00:01,000 --> 00:00:02,500 X1:10\r\n<i>Hallo</i> <font color=\"red\">Du</font>\r\n\r\n2\r\n0:00:03.5-->0:00:04,25\r\na --> b\r\n",
			"WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\n<i>Hallo</i> Du\n\n2\n00:00:03.500 --> 00:00:04.250\na → b\n",
		},
		{"1\n100:00:01,000 --> 100:00:02,000\nK\xe4se\x00", "WEBVTT\n\n1\n100:00:01.000 --> 100:00:02.000\nKäse\ufffd\n"},
	} {
		x.content = nil
		if got := p.put("recordID="+trackID+"&kind=captions&lang=de", c.file); !strings.Contains(got, "SUCCESS") || x.content[0] != c.want {
			t.Errorf("%q: %q %s", c.file, x.content, got)
		}
	}
}
