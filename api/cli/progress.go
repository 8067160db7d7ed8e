package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/bbbpool/bbbpool/recordings"
)

// watched does something that takes long. If somebody watches at a terminal, there is a line that says how far it is.
func watched[R any](env *Env, what string, do func(tell func(recordings.Progress)) (R, error)) (R, error) {
	tell := func(recordings.Progress) {}
	if env.Watched {
		tell = func(p recordings.Progress) { showProgress(env.Err, what, p) }
		defer func() { _, _ = io.WriteString(env.Err, clearLine) }()
	}
	report, err := do(tell)
	if err != nil && env.Ctx.Err() != nil {
		err = errCutShort
	}
	return report, err
}

var errCutShort = errors.New("interrupted: what was done by then stays done")

// clearLine goes to the start of the line and empties it.
const clearLine = "\r\x1b[K"

// barWidth is how many characters a line has: one less than the narrowest terminal.
const barWidth = 79

func showProgress(w io.Writer, what string, p recordings.Progress) {
	if p.Problem != "" {
		_, _ = fmt.Fprintf(w, "%s%s: %s\n", clearLine, printable(p.Current), printable(p.Problem))
		return
	}
	line := fmt.Sprintf("%d %s", p.Done, what)
	if p.Total > 0 {
		line = fmt.Sprintf("%3d%%  %d/%d %s", min(100, 100*p.Done/p.Total), p.Done, p.Total, what)
	}
	if p.Current != "" {
		line += "  " + printable(p.Current)
	}
	if runes := []rune(line); len(runes) > barWidth {
		line = string(runes[:barWidth-1]) + "…"
	}
	_, _ = io.WriteString(w, clearLine+line)
}
