package simulator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/simulator/callback"
)

// DefaultRelease is the BigBlueButton that servers are where nothing else is said: the current one.
const DefaultRelease = "3.0.37"

// release is a release of BigBlueButton that a server is, as far as that shows.
type release struct {
	name   string // "3.0.37"
	number [3]int
	hidden bool // allowRevealOfBBBVersion=false: the root does not say which one it is
}

var releaseName = regexp.MustCompile(`^([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})([-.][0-9A-Za-z.-]{1,32})?$`)

func parseRelease(name string, hidden bool) (release, error) {
	parts := releaseName.FindStringSubmatch(name)
	if parts == nil {
		return release{}, fmt.Errorf("release %q: want one like %q", name, DefaultRelease)
	}
	r := release{name: name, hidden: hidden}
	for i := range r.number {
		r.number[i], _ = strconv.Atoi(parts[i+1]) // digits, and few
	}
	return r, nil
}

// since tells whether this is a release or a later one.
func (r release) since(number ...int) bool { return slices.Compare(r.number[:], number) >= 0 }

// shown is what the root says of the release.
func (r release) shown() string {
	if r.hidden {
		return ""
	}
	return r.name
}

// sdk is the version of the SDK for plugins, which gives the line away where the release is hidden.
func (r release) sdk() string {
	if r.since(3, 0, 21) {
		return "0.1.0"
	}
	return "0.0.95"
}

// way is how the release tells of an end.
func (r release) way() callback.Way {
	if r.since(3, 0, 27) {
		return callback.Single
	}
	return callback.Double
}

// without returns the formats that a meeting's metadata switches off. Before 3.0.30 nobody looked at that.
func (r release) without(list string) []string {
	if !r.since(3, 0, 30) {
		return nil
	}
	return splitList(strings.ToLower(list))
}

// SetRelease makes the server another release of BigBlueButton: how it tells of ends and which formats it makes goes by that. A
// hidden one does not show in the root.
func (s *Server) SetRelease(name string, hidden bool) error {
	r, err := parseRelease(name, hidden)
	if err != nil {
		return err
	}
	s.release.Store(&r)
	s.callbacks.SetWay(r.way())
	return nil
}

// Release returns which release the server is, and whether it hides that.
func (s *Server) Release() (name string, hidden bool) {
	r := s.release.Load()
	return r.name, r.hidden
}
