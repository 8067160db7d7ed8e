package admin

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
)

// Version is the version of the program, and what it was built from as far as its build has noted that.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the source; "" where it is not known, like the next one
	Date     string `json:"date"`     // of the revision
	Modified bool   `json:"modified"` // the source was not quite that
	Go       string `json:"go"`       // what it was built with
}

// Build is what this program is, which calls itself by a version.
func Build(version string) Version {
	v := Version{Version: version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Go = info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Date = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String is the version in one line, as in "1.2.3 (4aebd5e13c2f, 2026-11-28)".
func (v Version) String() string {
	if v.Revision == "" {
		return v.Version
	}
	const short = 12
	revision := v.Revision[:min(short, len(v.Revision))]
	if v.Modified {
		revision += " and changes"
	}
	day, _, _ := strings.Cut(v.Date, "T")
	return fmt.Sprintf("%s (%s, %s)", v.Version, revision, day)
}

func (a *API) version(*http.Request) (any, error) { return Build(a.Version), nil }
