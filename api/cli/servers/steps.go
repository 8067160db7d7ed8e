package servers

import (
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// followed does something that takes hours. Where it is written to a file, each step of it is a line there.
func followed[R any](env *cli.Env, subject string, do func(tell func(v1.Progress)) (R, error)) (R, error) {
	if env.Watched {
		return cli.Watched(env, "done", do)
	}
	follow := &steps{env: env, subject: subject}
	report, err := do(follow.tell)
	if err != nil && env.Ctx.Err() != nil {
		err = cli.ErrCutShort
	}
	return report, err
}

// steps writes a line for each thing that is done, or more to do, and at most one a minute for what else changes, as how
// many people are left.
type steps struct {
	env     *cli.Env
	subject string
	last    string
	told    time.Time
}

func (s *steps) tell(p v1.Progress) {
	now, text := s.env.Time(), p.Current
	before, _, _ := strings.Cut(s.last, " with ")
	what, _, _ := strings.Cut(text, " with ")
	switch {
	case p.Problem != "":
		text = p.Problem
	case text == s.last, what == before && now.Sub(s.told) < time.Minute:
		return
	}
	s.last, s.told = text, now
	_ = terminal.Say(s.env.Err, "%s: %s\n", terminal.Printable(s.subject), terminal.Printable(text)) // nobody is left to tell
}
