package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/caller"
)

// whence answers with the address that a handler takes for the caller's.
var whence = mount{"/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, caller.Of(r).String()) }}

// The caller is whoever the last trusted proxy in the row says has called it; what callers write into the header themselves
// is worth nothing.
func TestServer_Caller(t *testing.T) {
	base, _ := start(t, api.Config{TrustedProxies: []string{"127.0.0.1", "10.0.0.0/8", "2001:db8::/64"}}, io.Discard, healthy, whence)
	for lines, want := range map[string]string{
		"Host: a":                            "127.0.0.1",
		"Host: a|X-Forwarded-For: 192.0.2.1": "192.0.2.1",
		"Host: a|X-Forwarded-For: 198.51.100.9, 192.0.2.1":                                      "192.0.2.1",
		"Host: a|X-Forwarded-For: 192.0.2.1, 10.1.2.3":                                          "192.0.2.1",
		"Host: a|X-Forwarded-For: 198.51.100.9, 192.0.2.1,10.1.2.3 , 10.0.0.1":                  "192.0.2.1",
		"Host: a|X-Forwarded-For: 198.51.100.9|X-Forwarded-For: 192.0.2.1":                      "192.0.2.1",
		"Host: a|X-Forwarded-For: 192.0.2.1|X-Forwarded-For: 10.1.2.3":                          "192.0.2.1",
		"Host: a|X-Forwarded-For: 192.0.2.1:4711":                                               "192.0.2.1",
		"Host: a|X-Forwarded-For: [2001:db8:1::2]:4711, 2001:db8::7":                            "2001:db8:1::2",
		"Host: a|X-Forwarded-For: [2001:db8:1::2]":                                              "2001:db8:1::2",
		"Host: a|X-Forwarded-For: ::ffff:192.0.2.1, ::ffff:10.0.0.1":                            "192.0.2.1",
		"Host: a|X-Forwarded-For: 10.1.2.3":                                                     "10.1.2.3", // the proxy itself
		"Host: a|X-Forwarded-For: unknown":                                                      "127.0.0.1",
		"Host: a|X-Forwarded-For:":                                                              "127.0.0.1",
		"Host: a|X-Forwarded-For: 192.0.2.1, unknown, 10.1.2.3":                                 "10.1.2.3",
		"Host: a|X-Forwarded-For: 192.0.2.1, " + strings.Repeat("10.0.0.1, ", 999) + "10.0.0.2": "10.0.0.1",
		"Host: a|X-Real-Ip: 192.0.2.1":                                                          "127.0.0.1",
	} {
		if got := ask(t, base, strings.Split(lines, "|")...); got != want {
			t.Errorf("%.100s: %s, want %s", lines, got, want)
		}
	}
}

// Nobody else than a trusted proxy tells where a call comes from.
func TestServer_CallerOfStrangers(t *testing.T) {
	base, _ := start(t, api.Config{TrustedProxies: []string{"192.0.2.7"}}, io.Discard, healthy, whence)
	if got := ask(t, base, "Host: a", "X-Forwarded-For: 198.51.100.1"); got != "127.0.0.1" {
		t.Errorf("a stranger says %s", got)
	}
}
