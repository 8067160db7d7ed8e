package api_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api"
)

// echo answers with the address that a handler sees.
var echo = mount{"/", func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, r.URL.Scheme+"://"+r.URL.Host)
}}

// ask sends a request as it is, with these header lines, and returns the body of the answer.
func ask(t *testing.T, base string, lines ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request := strings.Join(append([]string{"GET /x?checksum=0 HTTP/1.0"}, lines...), "\r\n") + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	return body
}

// Links lead to where the caller has called, as far as proxies tell, and nowhere that could mean something else.
func TestServer_Origin(t *testing.T) {
	base, _ := start(t, api.Config{}, io.Discard, healthy, echo)
	for lines, want := range map[string]string{
		"Host: pool.test":                                "http://pool.test",
		"Host: POOL.test:3000":                           "http://pool.test:3000",
		"Host: pool.test:80":                             "http://pool.test",
		"Host: [2001:db8::1]:80":                         "http://[2001:db8::1]",
		"Host: [2001:db8::1]:3000":                       "http://[2001:db8::1]:3000",
		"Host: a_b":                                      "http://a_b",
		"Host: inner|X-Forwarded-Host: pool.test":        "http://pool.test",
		"Host: inner|X-Forwarded-Host: pool.test, inner": "http://pool.test",
		"Host: inner|X-Forwarded-Host: pool.test|X-Forwarded-Host: inner":               "http://pool.test",
		"Host: pool.test|X-Forwarded-Proto: https":                                      "https://pool.test",
		"Host: pool.test|X-Forwarded-Proto: https, http":                                "https://pool.test",
		"Host: pool.test|X-Forwarded-Proto: HTTPS":                                      "https://pool.test",
		"Host: pool.test|X-Forwarded-Proto: gopher":                                     "http://pool.test",
		"Host: pool.test:443|X-Forwarded-Proto: https":                                  "https://pool.test",
		"Host: pool.test:80|X-Forwarded-Proto: https":                                   "https://pool.test:80",
		"Host: pool.test|X-Forwarded-Proto: https|X-Forwarded-Port: 8443":               "https://pool.test:8443",
		"Host: pool.test:9|X-Forwarded-Proto: https|X-Forwarded-Port: 8443":             "https://pool.test:9",
		"Host: pool.test|X-Forwarded-Proto: https|X-Forwarded-Port: 443":                "https://pool.test",
		"Host: pool.test|X-Forwarded-Proto: https|X-Forwarded-Port: 80":                 "https://pool.test",
		"Host: pool.test|X-Forwarded-Proto: https|X-Forwarded-Port: 99999":              "https://pool.test",
		`Host: inner|Forwarded: for=192.0.2.1;Proto=HTTPS;host="pool.test:8443", for=x`: "https://pool.test:8443",
		"Host: pool.test|X-Forwarded-Proto: https|Forwarded: host=evil.test":            "https://pool.test",
		"Host: pool.test|X-Forwarded-Host: x.test;script-src *":                         "http://pool.test",
		"Host: pool.test|X-Forwarded-Host: $x":                                          "http://pool.test",
		"Host: pool.test|X-Forwarded-Host: x.test:99999":                                "http://pool.test",
		"Host: pool.test|X-Forwarded-Host: x.test/y":                                    "http://pool.test",
		"Host: pool.test|X-Forwarded-Host: u@x.test":                                    "http://pool.test",
		"Host: pool.test|X-Forwarded-Host: [::1%25eth0]":                                "http://pool.test",
		"Host: pool.test|X-Forwarded-Host: [::1":                                        "http://pool.test",
		"Host: x.example;script-src":                                                    base,
		"Host: $x":                                                                      base,
		"Host: x.example:99999":                                                         base,
		"Host: x.example:+80":                                                           base,
		"Host: *":                                                                       base,
		"Host: .test":                                                                   base,
		"X-None: x":                                                                     base,
	} {
		if got := ask(t, base, strings.Split(lines, "|")...); got != want {
			t.Errorf("%s: %s, want %s", lines, got, want)
		}
	}
}

// An address that was set is right, whatever a request says.
func TestServer_PublicURL(t *testing.T) {
	for public, want := range map[string]string{
		"https://pool.test":        "https://pool.test",
		"https://POOL.test:443/":   "https://pool.test",
		"http://pool.test:8080":    "http://pool.test:8080",
		"https://[2001:db8::1]:44": "https://[2001:db8::1]:44",
	} {
		base, _ := start(t, api.Config{PublicURL: public}, io.Discard, healthy, echo)
		if got := ask(t, base, "Host: inner", "X-Forwarded-Host: evil.test", "X-Forwarded-Proto: http"); got != want {
			t.Errorf("%s: %s, want %s", public, got, want)
		}
	}
	for _, wrong := range []string{
		"pool.test", "ftp://pool.test", "https://", "https://pool.test/x", "https://pool.test?x", "https://u@pool.test",
		"https://pool.test:0", "https://pool.test;x", "https://pool test", "https://pool.test#x",
	} {
		err := api.Config{PublicURL: wrong, MaxRequests: 1}.Validate()
		if err == nil || !strings.Contains(err.Error(), "--public-url") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// Only proxies that are trusted are believed; that one is not is said once.
func TestServer_TrustedProxies(t *testing.T) {
	for list, believed := range map[string]bool{
		"": true, "127.0.0.1": true, "10.1.2.3, 127.0.0.0/8": true, "10.0.0.0/8,::1": false,
	} {
		c := api.Config{}
		if list != "" {
			c.TrustedProxies = strings.Split(list, ",")
		}
		var log bytes.Buffer
		base, stop := start(t, c, &log, healthy, echo)
		want := "http://pool.test"
		if believed {
			want = "https://else.test"
		}
		for range 3 {
			if got := ask(t, base, "Host: pool.test", "X-Forwarded-Proto: https", "X-Forwarded-Host: else.test"); got != want {
				t.Errorf("%q: %s, want %s", list, got, want)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if said := strings.Count(log.String(), "--trusted-proxies"); said > 1 || (said == 1) == believed {
			t.Errorf("%q: said %d times", list, said)
		}
	}
	for _, wrong := range []string{"pool.test", "10.0.0.0/33", "fe80::1%eth0", ""} {
		err := api.Config{TrustedProxies: []string{wrong}, MaxRequests: 1}.Validate()
		if err == nil || !strings.Contains(err.Error(), "--trusted-proxies") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
