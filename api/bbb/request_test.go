package bbb_test

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

const (
	formType = "application/x-www-form-urlencoded"
	maxBody  = 1 << 20
	modules  = `<modules><module name="presentation"><document url="https://h/a.pdf?x=1&amp;y=2"/></module></modules>`
)

func sign(call, query string) string { return bbb.SHA256.Sign(call, query, secret) }

// read reads a call with a body, or none if the body is "".
func read(method, call, query, contentType, body string) (*bbb.Request, error) {
	r := httptest.NewRequest(method, "/bigbluebutton/api/"+call, strings.NewReader(body))
	r.URL.RawQuery = query
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return bbb.ReadRequest(r, call, maxBody)
}

// verified returns the parameters of a call that is read and verified, as a query.
func verified(t *testing.T, call, query, contentType, body string, unsignedForms bool) (string, error) {
	t.Helper()
	q, err := read(http.MethodPost, call, query, contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	_, err = q.Verify([]bbb.Secret{"other", secret}, unsignedForms)
	return q.Params.Encode(), err
}

func key(err error) string {
	if failed, ok := errors.AsType[*bbb.Error](err); ok {
		return failed.Key
	}
	return ""
}

// form returns a multipart form of names and values.
func form(t *testing.T, fields ...string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

// Each call takes the methods that BigBlueButton 3.0 routes it for.
func TestReadRequest_Methods(t *testing.T) {
	reads, both, get, post := "GET HEAD POST", "GET POST", "GET", "POST"
	for call, want := range map[string]string{
		"create": both, "isMeetingRunning": reads, "end": both, "getMeetingInfo": reads, "getMeetings": reads,
		"getSessions": reads, "getRecordings": reads, "updateRecordings": both, "getRecordingTextTracks": reads,
		"join": get, "sendChatMessage": get, "publishRecordings": get, "deleteRecordings": get,
		"insertDocument": post, "putRecordingTextTrack": post, "hooks/create": both, "newCall": both,
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			_, err := read(method, call, "", "", "")
			if taken := strings.Contains(want, method); taken != (err == nil) || !taken && !errors.Is(err, bbb.ErrMethod) {
				t.Errorf("%s %s: got %v, taken should be %v", method, call, err, taken)
			}
		}
	}
}

// The name of a call becomes part of a server's URL, so it cannot be just anything.
func TestReadRequest_Call(t *testing.T) {
	for _, call := range []string{
		"", "/", "..", "../x", "a/../b", "a//b", "a?b", "a#b", "a b", "a%2e", "ü", "a.b", "a\n", strings.Repeat("a", 65),
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if _, err := bbb.ReadRequest(r, call, maxBody); !errors.Is(err, bbb.ErrUnsupported) {
			t.Errorf("%q: got %v, want ErrUnsupported", call, err)
		}
	}
}

// A body has to have a type that its call takes; attributes and case do not matter, and no body needs no type.
func TestReadRequest_ContentType(t *testing.T) {
	const formBody, none = "a=1", ""
	for _, test := range []struct {
		call, contentType, body string
		ok                      bool
	}{
		{"create", formType, formBody, true},
		{"create", formType + "; charset=UTF-8", formBody, true},
		{"create", "Application/X-WWW-Form-URLencoded ;charset", formBody, true},
		{"create", "application/xml", modules, true},
		{"create", "text/xml; charset=utf-8; charset=utf-8", modules, true},
		{"create", "", formBody, false},
		{"create", "text/plain", formBody, false},
		{"create", "application/json", "{}", false},
		{"create", formType + ", application/xml", formBody, false},
		{"create", "", none, true},
		{"create", "text/plain", none, true},
		{"insertDocument", "application/xml", modules, true},
		{"insertDocument", "text/xml", modules, true},
		{"insertDocument", formType, formBody, false},
		{"end", formType, formBody, true},
		{"end", "application/xml", modules, false},
		{"putRecordingTextTrack", "multipart/form-data; boundary=x", "--x--", true},
		{"putRecordingTextTrack", formType, formBody, false},
		{"newCall", "application/json", "{}", true},
		{"newCall", "", "?", true},
	} {
		_, err := read(http.MethodPost, test.call, "", test.contentType, test.body)
		if test.ok != (err == nil) || !test.ok && !errors.Is(err, bbb.ErrContentType) {
			t.Errorf("%s with %q as %q: got %v, taken should be %v", test.call, test.body, test.contentType, err, test.ok)
		}
	}
}

// Bodies of unknown length are bodies too; an empty one is none, whatever its type.
func TestReadRequest_Chunked(t *testing.T) {
	for _, test := range []struct{ body, contentType, key, passed string }{
		{modules, "application/xml", "", modules},
		{modules, "", "unsupportedContentType", ""},
		{"", "", "", ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(test.body)))
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		r.Header.Set("Content-Type", test.contentType)
		q, err := bbb.ReadRequest(r, "create", maxBody)
		if key(err) != test.key || err == nil && string(q.Body) != test.passed {
			t.Errorf("%q as %q: got %v, want key %q", test.body, test.contentType, err, test.key)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A body is never read beyond its limit, whether it announces its length or not.
func TestReadRequest_Limit(t *testing.T) {
	for _, size := range []int64{10, -1} {
		for length, want := range map[int]error{10: nil, 11: bbb.ErrTooLarge} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("a", length)+"rest"))
			r.Body = io.NopCloser(io.LimitReader(r.Body, int64(length)))
			if r.ContentLength = size; size > 0 {
				r.ContentLength = int64(length)
			}
			r.Header.Set("Content-Type", formType)
			if _, err := bbb.ReadRequest(r, "create", 10); !errors.Is(err, want) {
				t.Errorf("%d bytes, announced %d: got %v, want %v", length, r.ContentLength, err, want)
			}
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", brokenReader{})
	if _, err := bbb.ReadRequest(r, "create", 10); key(err) != "validationError" {
		t.Errorf("a body that ends early: got %v", err)
	}
}

// Under a signed query nothing in a form counts: not new fields, not other values, not another checksum.
func TestRequest_Verify_FormBesideQuery(t *testing.T) {
	multi, multiBody := form(t, "meetingID", "evil", "record", "true")
	for contentType, body := range map[string]string{
		formType: "meetingID=evil&record=true&checksum=0", multi: multiBody, "application/xml": modules,
	} {
		for _, unsigned := range []bool{false, true} {
			got, err := verified(t, "create", sign("create", createQuery), contentType, body, unsigned)
			if err != nil || got != createQuery {
				t.Errorf("%s: got %q, %v, want the query alone", contentType, got, err)
			}
		}
	}
}

// A form is taken under a checksum of its own bytes, or of its fields sorted and encoded as Java does; under the
// checksum of an empty query only where that is switched on.
func TestRequest_Verify_Form(t *testing.T) {
	const body = "name=Caf%c3%a9%20*~(1)&meetingID=a+b&checksum="
	const raw, sorted = "name=Caf%c3%a9%20*~(1)&meetingID=a+b", "meetingID=a+b&name=Caf%C3%A9+*%7E%281%29"
	multi, multiBody := form(t, "name", "Café *~(1)", "meetingID", "a b")
	for _, test := range []struct {
		name, text        string
		strict, unsigned  bool
		strictM, unsignMP bool
	}{
		{"raw body", raw, true, true, false, false},
		{"sorted body", sorted, true, true, true, true},
		{"empty query", "", false, true, false, true},
		{"something else", "a=1", false, false, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			checksum := bbb.SHA1.Checksum("create", test.text, secret)
			for unsigned, want := range map[bool]bool{false: test.strict, true: test.unsigned} {
				for _, inQuery := range []bool{false, true} {
					query, form := "", body+checksum
					if inQuery {
						query, form = "&checksum="+checksum, raw
					}
					if inQuery && test.text == "" {
						query = "checksum=" + checksum
					}
					got, err := verified(t, "create", query, formType, form, unsigned)
					if want != (err == nil) || want && got != raw {
						t.Errorf("unsigned forms %v, checksum in query %v: got %q, %v", unsigned, inQuery, got, err)
					}
				}
			}
			for unsigned, want := range map[bool]bool{false: test.strictM, true: test.unsignMP} {
				got, err := verified(t, "create", "checksum="+checksum, multi, multiBody, unsigned)
				if want != (err == nil) || want && got != "name=Caf%C3%A9+%2A~%281%29&meetingID=a+b" {
					t.Errorf("multipart, unsigned forms %v: got %q, %v", unsigned, got, err)
				}
			}
		})
	}
}

// A call whose parameters nobody signed leaves no trace in the request.
func TestRequest_Verify_Fails(t *testing.T) {
	for call, message := range map[string]string{
		"create": "Checksums do not match", "getMeetings": "Checksums do not match",
		"getRecordings": "You did not pass the checksum security check",
	} {
		got, err := verified(t, call, "checksum=00", formType, "a=1", true)
		if failed, ok := errors.AsType[*bbb.Error](err); !ok || failed.Message != message || got != "" {
			t.Errorf("%s: got %q, %v", call, got, err)
		}
	}
	q, err := read(http.MethodGet, "create", sign("create", createQuery), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if i, err := q.Verify([]bbb.Secret{secret}, false, bbb.SHA512); i != -1 || err == nil {
		t.Errorf("an algorithm that is not allowed: got %d, %v", i, err)
	}
	if i, err := q.Verify([]bbb.Secret{"a", secret}, false, bbb.SHA512, bbb.SHA256); i != 1 || err != nil {
		t.Errorf("an algorithm that is allowed: got %d, %v", i, err)
	}
}

// Everybody who may read the parameters reads the same: the first of duplicates, signed or not, query or form.
func TestRequest_Verify_Duplicates(t *testing.T) {
	got, err := verified(t, "end", sign("end", "meetingID=a&meetingID=b&%6deetingID=c"), "", "", false)
	if err != nil || got != "meetingID=a" {
		t.Errorf("query: got %q, %v", got, err)
	}
	contentType, body := form(t, "meetingID", "a", "meetingID", "b", " meetingID", "c")
	got, err = verified(t, "end", sign("end", ""), contentType, body, true)
	if err != nil || got != "meetingID=a" {
		t.Errorf("multipart: got %q, %v", got, err)
	}
}

// XML and text tracks are passed on with their bytes and type as they came.
func TestReadRequest_Body(t *testing.T) {
	const track = "--x\r\nContent-Disposition: form-data; name=file; filename=a.vtt\r\n\r\nWEBVTT\r\n--x--\r\n"
	for _, test := range []struct{ call, contentType, body string }{
		{"create", "Text/XML; Charset=utf-8", "\ufeff<?xml version='1.0' encoding='UTF-8'?>\n<!-- a -->" + modules + "\n"},
		{"create", "application/xml", "<?xml version='1.0' encoding='ISO-8859-1'?><m n='\xfc'>\xe4</m>"},
		{"create", "application/xml", `<m><module name="clientSettingsOverride"><![CDATA[ {"a":"</m>"} ]]></module></m>`},
		{"insertDocument", "application/xml", modules},
		{"putRecordingTextTrack", "multipart/form-data; boundary=x", track},
		{"newCall", "application/json", "{"},
	} {
		q, err := read(http.MethodPost, test.call, "", test.contentType, test.body)
		if err != nil {
			t.Errorf("%s with %q: %v", test.call, test.body, err)
			continue
		}
		if diff := cmp.Diff([]string{test.contentType, test.body}, []string{q.ContentType, string(q.Body)}); diff != "" {
			t.Error(diff)
		}
	}
}

// Scalelite takes text/xml for an insertDocument; servers do not.
func TestReadRequest_TextXML(t *testing.T) {
	for sent, want := range map[string]string{
		"text/xml": "application/xml", "Text/XML; charset=UTF-8": "application/xml; charset=UTF-8", " text/xml ": "application/xml ",
		"application/xml": "application/xml",
	} {
		q, err := read(http.MethodPost, "insertDocument", "", sent, modules)
		if err != nil || q.ContentType != want || string(q.Body) != modules {
			t.Errorf("%q: %+v %v", sent, q, err)
		}
	}
	if q, err := read(http.MethodPost, "create", "", "text/xml", modules); err != nil || q.ContentType != "text/xml" {
		t.Errorf("create: %+v %v", q, err)
	}
}

// Of two checksums none counts, wherever they stand and whatever they are written like: no two readers may disagree.
func TestReadRequest_TwoChecksums(t *testing.T) {
	signed := sign("end", "meetingID=ab")
	sum := signed[strings.LastIndex(signed, "checksum="):]
	for _, query := range []string{
		signed + "&" + sum, sum + "&" + signed, signed + "&checksum=", signed + "&checksum", "%20checksum=x&" + signed,
		signed + "&check%73um=x", signed + "&+checksum+=x", "a=1&" + sum + "&" + strings.Repeat("b&", bbb.MaxParams) + sum,
	} {
		if _, err := read(http.MethodGet, "end", query, "", ""); key(err) != "checksumError" {
			t.Errorf("%s: got %v", query, err)
		}
	}
	if _, err := read(http.MethodGet, "getRecordings", sum+"&"+sum, "", ""); !errors.Is(err, bbb.ErrRecordingsChecksum) {
		t.Errorf("got %v", err)
	}
	for _, query := range []string{signed, signed + "&mychecksum=x", signed + "&Checksum=x", signed + "&a=checksum=x"} {
		if _, err := read(http.MethodGet, "end", query, "", ""); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	twice, twiceBody := form(t, "checksum", "a", "meetingID", "ab", " checksum", "a")
	once, onceBody := form(t, "checksum", "a", "meetingID", "ab")
	for _, test := range [][3]string{
		{"", formType, signed + "&" + sum},
		{sum, formType, signed},
		{signed, formType, sum + "&" + sum},
		{"", twice, twiceBody},
		{sum, once, onceBody},
	} {
		if _, err := read(http.MethodPost, "end", test[0], test[1], test[2]); key(err) != "checksumError" {
			t.Errorf("%q: got %v", test, err)
		}
	}
}

// Only encodings in which a tag is a tag for every reader are let through; what is hidden in others reaches no server.
func TestReadRequest_Encoding(t *testing.T) {
	utf16 := func(text string) string {
		var b strings.Builder
		for _, c := range text {
			b.WriteByte(0)
			b.WriteByte(byte(c))
		}
		return b.String()
	}
	const evil = `<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><m>&x;</m>`
	ebcdic := "\x4c\x6f\xa7\x94\x93" // <?xml
	for _, body := range []string{
		"<?xml version='1.0' encoding='IBM037'?>\x4c\x5a\xc4\xd6\xc3<m/>", ebcdic, ebcdic + "<m/>",
		`<?xml version="1.0" encoding = "IBM037"?><m/>`, "<?xml version\t=\n'1.0'\nencoding\r=\t'cp1047'\t?><m/>",
		"<?xml version='1.0' encoding='ISO-2022-JP'?><m><!-- --\x1b(B> " + evil + " <!-- --></m>",
		"<?xml version='1.0' encoding='iso-2022-kr' ?><m/>", "<?xml version='1.0' encoding='Shift_JIS'?><m>\x83<\x83></m>",
		"<?xml version='1.0' encoding='UTF-7'?><m><!-- +AC0ALQA+ADwAIQBEAE8AQwBUAFkAUABF- --></m>",
		"<?xml version='1.0' encoding='UTF-16'?><m/>", "<?xml version='1.0' encoding='UTF-32'?><m/>", "<?xml version='1.0' encoding='x'?><m/>",
		"<?xml version='1.0' encoding=''?><m/>", "<?xml version='1.0' encoding=UTF-8?><m/>", "<?xml encoding='UTF-8'?><m/>",
		"<?xml version='1.0' encoding='UTF-8' encoding='IBM037'?><m/>", "<?xml version='1.1'?><m/>",
		"<?xml version='1.0'?><?xml version='1.0' encoding='IBM037'?><m/>", "<m><?xml version='1.0' encoding='UTF-8'?></m>",
		"<m><?XML encoding='IBM037'?></m>", "<!-- --><?xml version='1.0' encoding='UTF-8'?><m/>",
		"\xfe\xff" + utf16(evil), "\xff\xfe" + utf16(evil)[1:] + "\x00", utf16(evil), utf16("<m/>"), utf16("<m/>")[1:] + "\x00",
		"\xfe\xff" + utf16("<?xml version='1.0' encoding='UTF-16'?><m/>"), "<m>\x00</m>",
		"\xef\xbb\xbf<?xml version='1.0' encoding='ISO-8859-1'?><m/>", "<?xml version='1.0' encoding='US-ASCII'?><m>\xc3\xa4</m>",
		"<?xml version='1.0' encoding='UTF-8'?><m>\xe4</m>", "<m>\xc0\xbc</m>",
		"<?xml version='1.0' encoding='ISO-8859-1'?>" + evil, "<?xml version='1.0' encoding='US-ASCII'?>" + evil,
	} {
		for _, call := range []string{"create", "insertDocument", "newCall"} {
			q, err := read(http.MethodPost, call, "", "application/xml", body)
			if k := key(err); k != "validationError" && k != "malformedXml" {
				t.Errorf("%s with %q: got %v, %v", call, body, q, err)
			}
		}
	}
	for _, contentType := range []string{
		"application/xml; charset=IBM037", "text/xml;CHARSET=utf-16", `application/xml; charset="utf-7"`, "application/xml; charset=utf-8; charset=utf-16",
		"application/xml; charset*=utf-8''utf-7", "application/xml; charset*0=utf; charset*1=-7", "application/xml; charset",
	} {
		if q, err := read(http.MethodPost, "create", "", contentType, "<m/>"); key(err) != "validationError" {
			t.Errorf("%s: got %v, %v", contentType, q, err)
		}
	}
	for _, body := range []string{
		"<?xml version='1.0' encoding='utf-8' standalone='yes'?><m>\u00e4</m>", "<?xml version = \"1.0\"\nencoding = \"UTF8\" ?>\n<m/>",
		"<?xml version='1.0'?><m>\u00e4</m>", "\ufeff<m/>", "\n<?xml version='1.0' encoding='us-ascii'?><m/>", "<?xml-stylesheet href='a'?><m/>",
		"<?xml version='1.0' encoding='iso-8859-1'?><m a='\xe4'>\xff</m>", "<m><!-- encoding='IBM037' --></m>",
	} {
		if _, err := read(http.MethodPost, "create", "", "application/xml; charset=utf-8", body); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// XML that makes a server fail with status 500 is refused before any server sees it, and so is every DTD.
func TestReadRequest_Malformed(t *testing.T) {
	for _, body := range []string{
		"<", "text", " ", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>text", "text<a/>", "<a b=1/>", "<a b='1' b='2'/>",
		"<a>&nope;</a>", "<a>&</a>", "<a>\x01</a>", "<a>\xff</a>", "<!-- only -->", "\x00<a/>",
		"<!DOCTYPE a><a/>", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`,
		strings.Repeat("<a>", 101) + strings.Repeat("</a>", 101),
	} {
		for _, call := range []string{"create", "insertDocument"} {
			want := "malformedXml"
			if strings.HasPrefix(body, "\x00") {
				want = "validationError" // it may be UTF-16
			}
			if q, err := read(http.MethodPost, call, "", "application/xml", body); key(err) != want {
				t.Errorf("%s with %q: got %v, %v", call, body, q, err)
			}
		}
	}
}

// A multipart form is read in memory, in its order, without its files, and within limits.
func TestReadRequest_Multipart(t *testing.T) {
	contentType, body := form(t, "b", "2", "a", " 1 ")
	body = strings.Replace(body, `name="b"`, `name="b"; filename="b.txt"`, 1) // a file
	got, err := verified(t, "end", sign("end", ""), contentType, body, true)
	if err != nil || got != "a=1" {
		t.Errorf("with a file: got %q, %v", got, err)
	}
	var many []string
	for i := range bbb.MaxParams + 1 {
		many = append(many, "p"+strconv.Itoa(i), "")
	}
	manyType, manyBody := form(t, many...)
	for name, test := range map[string][2]string{
		"too many":    {manyType, manyBody},
		"cut off":     {contentType, body[:len(body)-20]},
		"no boundary": {"multipart/form-data", body},
		"other one":   {"multipart/form-data; boundary=other", body},
		"bad type":    {"multipart/form-data; boundary", body},
	} {
		if _, err := read(http.MethodPost, "end", "", test[0], test[1]); key(err) != "validationError" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
