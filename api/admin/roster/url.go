package roster

import (
	"fmt"
	"net/url"
	"strings"
)

// NormalizeURL returns the URL of a server's API in the one form that the pool keeps. It takes what people have at
// hand: a host, what bbb-conf --secret prints, the API itself, with or without a slash at the end.
func NormalizeURL(s string) (string, error) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no address of a server: use https://HOST/bigbluebutton/api", redactURL(s))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q: leave out user, query and fragment", redactURL(s))
	}
	path := strings.TrimSuffix(strings.TrimRight(u.EscapedPath(), "/"), "/api")
	if path = strings.TrimRight(path, "/"); !strings.HasSuffix(path, "/bigbluebutton") {
		path += "/bigbluebutton"
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":"+defaultPorts[u.Scheme])
	return u.Scheme + "://" + strings.TrimSuffix(host, ":") + path + "/api", nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// redactURL drops everything that may hold a password.
func redactURL(s string) string {
	scheme, rest, _ := strings.Cut(s, "://")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest
}
