package cli

import (
	"errors"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Watched does something that takes long. If somebody watches at a terminal, there is a line that says how far it is.
func Watched[R any](env *Env, what string, do func(tell func(v1.Progress)) (R, error)) (R, error) {
	tell := func(v1.Progress) {}
	if env.Watched {
		line := terminal.Line{Out: env.Err}
		tell = func(p v1.Progress) {
			if p.Problem != "" {
				line.Problem(p.Current, p.Problem)
				return
			}
			line.Show(p.Done, p.Total, what, p.Current)
		}
		defer line.Clear()
	}
	report, err := do(tell)
	if err != nil && env.Ctx.Err() != nil {
		err = ErrCutShort
	}
	return report, err
}

// ErrCutShort is why something that takes long has not come to its end: the command was told to end.
var ErrCutShort = errors.New("interrupted: what was done by then stays done")
