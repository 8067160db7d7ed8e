package roster_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/roster"
)

// All that people have at hand leads to the one address that the pool keeps.
func TestNormalizeURL(t *testing.T) {
	for in, want := range map[string]string{
		"h":                                      "https://h/bigbluebutton/api",
		" h/\n":                                  "https://h/bigbluebutton/api",
		"H.Example":                              "https://h.example/bigbluebutton/api",
		"h/bigbluebutton":                        "https://h/bigbluebutton/api",
		"h/bigbluebutton/":                       "https://h/bigbluebutton/api",
		"https://h/bigbluebutton/api":            "https://h/bigbluebutton/api",
		"HTTPS://h/bigbluebutton/api/":           "https://h/bigbluebutton/api",
		"https://h/bigbluebutton//api//":         "https://h/bigbluebutton/api",
		"https://h/api":                          "https://h/bigbluebutton/api",
		"http://h":                               "http://h/bigbluebutton/api",
		"http://h:80/":                           "http://h/bigbluebutton/api",
		"https://h:443":                          "https://h/bigbluebutton/api",
		"https://h:":                             "https://h/bigbluebutton/api",
		"http://h:443":                           "http://h:443/bigbluebutton/api",
		"h:8443/bigbluebutton/":                  "https://h:8443/bigbluebutton/api",
		"https://h/bbb-01/bigbluebutton/api":     "https://h/bbb-01/bigbluebutton/api",
		"https://h/bbb%2001/bigbluebutton":       "https://h/bbb%2001/bigbluebutton/api",
		"[2001:DB8::1]":                          "https://[2001:db8::1]/bigbluebutton/api",
		"http://[::1]:8080/bigbluebutton/api":    "http://[::1]:8080/bigbluebutton/api",
		"https://h/bigbluebutton/api?":           "https://h/bigbluebutton/api",
		"http://127.0.0.1:4000/bigbluebutton/x/": "http://127.0.0.1:4000/bigbluebutton/x/bigbluebutton/api",
	} {
		got, err := roster.NormalizeURL(in)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
		if again, err := roster.NormalizeURL(got); err != nil || again != got {
			t.Errorf("%q a second time: got %q, %v", got, again, err)
		}
	}
}

// What is no address is refused, and passwords in it do not show.
func TestNormalizeURL_Refused(t *testing.T) {
	for _, in := range []string{
		"", "https://", "https:///api", "ftp://h", "file:///etc/passwd", "http://:80", "https://h:port", "::1", "h h",
		"user:hunter2@h", "https://user:hunter2@h/api", "https://user:hunter2?@h", "https://user:hunter2#@h",
		"https://user:hunter2/@h:x", "ftp://user:@hunter2@h", "https://h/?checksum=hunter2", "https://h/#hunter2",
		"https://h/%zz?hunter2", "https://user:hunter2%zz@h", "\x00hunter2@h",
	} {
		got, err := roster.NormalizeURL(in)
		if err == nil {
			t.Errorf("%q: got %q, want an error", in, got)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error shows the password: %v", in, err)
		}
	}
}
