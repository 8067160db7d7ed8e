package api

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/VictoriaMetrics/metrics"
)

// writeBuild says what runs here: the version that the program calls itself by, and what Go has written into it.
func writeBuild(w io.Writer, version string) {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	labels := fmt.Sprintf("{version=%q,revision=%q,goversion=%q}", version, revision, runtime.Version())
	metrics.WriteGaugeUint64(w, "bbbpool_build_info"+labels, 1)
}
