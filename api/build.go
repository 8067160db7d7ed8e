package api

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/VictoriaMetrics/metrics"
)

// Build is what a program was made of.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the sources; "" where they were in no repository
	Date     string `json:"date"`     // of the revision, RFC 3339
	Modified bool   `json:"modified"` // the sources differed from the revision
	Go       string `json:"go"`
}

// BuildOf returns what this program was made of, which Go writes into it.
func BuildOf(version string) Build {
	b := Build{Version: version, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b Build) write(w io.Writer) {
	labels := fmt.Sprintf("{version=%q,revision=%q,goversion=%q}", b.Version, b.Revision, b.Go)
	metrics.WriteGaugeUint64(w, "bbbpool_build_info"+labels, 1)
}
