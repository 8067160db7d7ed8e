package bbb_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Any query that is signed verifies, and what goes on to a server means there what it means here.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "&", "a=1&b=2", createQuery, "&a=1&&b=%c3%BC+%20;", "a=1&checksum=c&a=2", "%63hecksum=c&a=%zz&b=%",
		"=x&a&b=&c=%00%0a", "a=%ff\xff&b=x y#z", "name=[0]~!*'()", "+a+=+1+&a=2", "a=\u0085x&b=\u00a0y",
	} {
		f.Add(seed, "create")
	}
	f.Fuzz(func(t *testing.T, raw, call string) {
		query, _ := bbb.SplitChecksum(raw)
		signed, checksum := bbb.SplitChecksum(bbb.SHA256.Sign(call, query, secret))
		if signed != query || bbb.Verify(call, signed, checksum, []bbb.Secret{"", "a", secret}) != 2 {
			t.Fatalf("%q: signed as %q, does not verify", query, signed)
		}
		p, err := bbb.ParseParams(query)
		if err != nil {
			return
		}
		encoded := p.Encode()
		again, err := bbb.ParseParams(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pairs(p), pairs(again)); diff != "" || again.Encode() != encoded {
			t.Fatalf("%q became %q: %s", query, encoded, diff)
		}
		if strings.ContainsAny(encoded, " #\r\n\x00") ||
			strings.HasPrefix(encoded, "&") {
			t.Fatalf("%q became %q, which is no query", query, encoded)
		}
		if split, found := bbb.SplitChecksum(encoded); split != encoded || found != "" {
			t.Fatalf("%q became %q, which has a checksum", query, encoded)
		}
	})
}

// However hostile the list, each meeting in it can stand in another document, and says there what it says here.
func FuzzMeetings(f *testing.F) {
	samples, err := filepath.Glob("../../testdata/bbb/getmeetings-*.xml")
	if err != nil || len(samples) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range samples {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
		f.Add(bytes.ReplaceAll(body, []byte("</"), []byte("<")))
	}
	const ids = "<meeting><meetingID>a</meetingID><internalMeetingID>b</internalMeetingID>"
	for _, seed := range []string{
		ids + "<metadata><meeting>x</meeting></metadata></meeting>", ids + "<a><![CDATA[</a>]]>", ids + "<a b='c'>&#1;]]>",
		ids + strings.Repeat("<a>", 20), ids + "<metadata><bbbpool-meeting-id>c</bbbpool-meeting-id></metadata></meeting>", ids + "<a>\xef\xbf\xbf\xff&#xFFFE;</a></meeting>" + ids,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !bytes.HasPrefix(body, []byte("<")) || !bytes.Contains(body, []byte("returncode")) {
			body = []byte("<response><returncode>SUCCESS</returncode>" + string(body) + "</response>")
		}
		list, broken, err := bbb.ParseMeetings(body)
		if err != nil && (list != nil || broken != 0) {
			t.Fatalf("%d meetings beside %v", len(list), err)
		}
		for _, m := range list {
			embeddable(t, m.Raw)
			again, _, err := bbb.ParseMeetings(bbb.Success().Raw(m.Raw).Bytes())
			if err != nil || len(again) != 1 {
				t.Fatalf("%d meetings, %v, in %q", len(again), err, m.Raw)
			}
			if diff := cmp.Diff(m, again[0], ignoreOurs); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// Whatever comes in over HTTP, only parameters that somebody signed come out.
func FuzzRequest(f *testing.F) {
	f.Add("create", "POST", "a=1", "application/xml", []byte(modules))
	f.Add("create", "POST", "checksum=00", formType, []byte("a=1&b=%zz&checksum=11"))
	f.Add("end", "POST", "", "multipart/form-data; boundary=x",
		[]byte("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--\r\n"))
	f.Add("hooks/create", "GET", "&a=1", "", []byte(nil))
	f.Add("end", "POST", "a=1&checksum=0&%63hecksum=1", formType, []byte("checksum=1&checksum=2"))
	for _, body := range []string{
		"<?xml version='1.0' encoding = \"IBM037\"?><m/>", "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><m>\xc3\xa4</m>",
		"<?xml version='1.0' encoding='ISO-8859-1'?><m a='\xe4'/>", "\xff\xfe<\x00m\x00/\x00>\x00", "<m><![CDATA[<!DOCTYPE]]></m>",
		"<?xml-said encoding = 6666667\"?><m/>",
	} {
		f.Add("insertDocument", "POST", "", "text/xml; charset=utf-8", []byte(body))
	}
	f.Fuzz(func(t *testing.T, call, method, query, contentType string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Method, r.URL.RawQuery = method, query
		r.Header.Set("Content-Type", contentType)
		q, err := bbb.ReadRequest(r, call, 1<<12)
		if err != nil {
			if asError(err) == nil {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		media := strings.ToLower(strings.TrimSpace(strings.Split(contentType, ";")[0]))
		if (strings.HasSuffix(media, "/xml") || strings.HasSuffix(media, "+xml")) && q.Body != nil {
			plainXML(t, q.Body)
		}
		if i, err := q.Verify([]bbb.Secret{"", secret}, true); i >= 0 || asError(err) == nil {
			t.Fatalf("verified as %d, %v", i, err)
		}
		if _, err := bbb.NewClient(bbb.Endpoint{URL: "http://h", Secret: secret}, roundTrip(
			func(r *http.Request) (*http.Response, error) {
				if split, _ := bbb.SplitChecksum(r.URL.RawQuery); split != q.Params.Encode() || r.URL.Fragment != "" {
					t.Fatalf("%q was sent as %q", q.Params.Encode(), split)
				}
				return nil, http.ErrHandlerTimeout
			}), 1).Do(t.Context(), q.Call, q.Params.Encode(), q.ContentType, q.Body); err == nil {
			t.Fatal("no error")
		}
	})
}

// Whatever bytes a server sends, a reply or an error of bounded size comes of it, and never our checksum.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		ok, "HTTP/1.1 200 OK\r\nDate: Thu, 09 Oct 2025 08:53:20 GMT\r\n\r\nok", "HTTP/1.1 100 Continue\r\n\r\n" + ok,
		"HTTP/1.1 200 OK\r\nDate: x\r\nDate: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "GET /?checksum=0 HTTP/1.1",
		"HTTP/1.1 500 no\r\nContent-Length: 9999999999\r\n\r\n", "\x15\x03\x01", strings.Repeat("x", 9999),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		transport := bbb.NewTransport(bbb.Timeouts{Connect: time.Second})
		defer transport.CloseIdleConnections()
		transport.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				_, _ = theirs.Read(make([]byte, 4096))
				_, _ = theirs.Write(sent)
				_ = theirs.Close()
			}()
			return ours, nil
		}
		c := bbb.NewClient(bbb.Endpoint{URL: "http://127.0.0.1", Secret: secret}, transport, time.Second)
		reply, err := c.Do(t.Context(), "end", "a=1", "", nil)
		if err != nil && (callError(t, err).Err == nil || len(err.Error()) > 400) {
			t.Fatal(err)
		}
		if reply != nil && (len(reply.Body) > len(sent) || !reply.Expires.IsZero()) {
			t.Fatalf("%+v of %q", reply, sent)
		}
	})
}

var (
	encodingSaid = regexp.MustCompile(`(?i)^[^>]*<\?xml\s[^>]*encoding\s*=\s*["']?([^"'\s?>]*)`)
	asciiLike    = regexp.MustCompile(`(?i)^(utf-?8|(us-)?ascii|iso-?8859-1|latin1)$`)
	hidden       = regexp.MustCompile(`(?s)<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>`)
)

// plainXML fails where a document says, or shows, that it is in an encoding in which it may be another one, or has a
// document type.
func plainXML(t *testing.T, body []byte) {
	t.Helper()
	if said := encodingSaid.FindSubmatch(body); said != nil && !asciiLike.Match(said[1]) {
		t.Fatalf("%q passed, in %s", body, said[1])
	}
	if bytes.IndexByte(body, 0) >= 0 || bytes.Contains(bytes.ToUpper(hidden.ReplaceAll(body, nil)), []byte("<!DOCTYPE")) {
		t.Fatalf("%q passed", body)
	}
}
