package upload

import (
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

//go:embed script.rb
var script string

var (
	// plainURL is what stands in a script without being escaped.
	plainURL = regexp.MustCompile(`^https?://[A-Za-z0-9._~:/%\[\]-]+$`)
	// plainID is what the ID of a server consists of.
	plainID = regexp.MustCompile(`^[a-z0-9._-]+$`)
)

// Script returns what sends the recordings of a server to the pool at a URL, for BigBlueButton to run after it has
// published one: /usr/local/bigbluebutton/core/scripts/post_publish/bbbpool.rb. The server's token is in it.
func Script(base string, s store.Server) ([]byte, error) {
	base, err := checkBase(base)
	if err != nil {
		return nil, err
	}
	if !plainID.MatchString(s.ID) {
		return nil, fmt.Errorf("server %q: want an ID of a-z, 0-9 and . _ -", s.ID)
	}
	token := Token(s)
	if token == "" {
		return nil, fmt.Errorf("server %s has no secret: set one first", s.ID)
	}
	fill := strings.NewReplacer("@POOL@", base, "@SERVER@", s.ID, "@TOKEN@", token.Reveal())
	return []byte(fill.Replace(script)), nil
}

// checkBase returns a URL below which the pool is reached, without a slash at its end.
func checkBase(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.User != nil || !plainURL.MatchString(base) {
		return "", fmt.Errorf("the pool's URL %q: want https://HOST, by which servers reach the pool", redacted(u))
	}
	return strings.TrimRight(base, "/"), nil
}

// redacted is a URL without what may be secret in it.
func redacted(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Redacted()
}
