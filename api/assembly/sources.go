package assembly

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/problems"
)

// report tells the registry whom to ask what is wrong. The gates come first, in the order in which /readyz has its reasons.
// Nobody asks a pool that serves nobody whether it is ready.
func (p *Pool) report() {
	if p.offline {
		p.Problems.Report(api.Environment(p.options.Environ))
	} else {
		p.Problems.Gate(p.http, p.Poller.Readiness(), related(problems.Func(p.storeProblems)))
		p.Problems.Aside(problems.Func(p.volumesInAWord))
		p.Problems.Report(logged(p.Gateway))
	}
	p.Problems.Report(logged(p.Poller), logged(related(problems.Func(p.volumeProblems))))
}

// logged is a source that writes lines of its own about all that it finds.
func logged(source problems.Source) problems.Source {
	return with(source, func(p *problems.Problem) { p.Logged = true })
}

// related is a source that does not know what its problems come of, or what comes of them: that is with others, of which it
// knows nothing.
func related(source problems.Source) problems.Source {
	return with(source, func(p *problems.Problem) {
		switch p.Subject.Kind {
		case problems.Volume:
			if p.Name == full {
				p.Root = problems.NoSpace
			}
		case problems.Store:
			if strings.Contains(p.Text, syscall.ENOSPC.Error()) {
				p.Cause = problems.NoSpace
			}
		default:
		}
	})
}

// full is the name of the problem that a disk has too little room.
const full = "full"

// with is a source with something more about each problem.
func with(source problems.Source, more func(*problems.Problem)) problems.Source {
	return problems.Func(func(ctx context.Context) []problems.Problem {
		list := source.Problems(ctx)
		for i := range list {
			more(&list[i])
		}
		return list
	})
}

// storeProblems tells why no meeting can be created.
func (p *Pool) storeProblems(context.Context) []problems.Problem {
	return saying(p.Ledger.Ready(), problems.Problem{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Store}, Name: "unwritable", Unready: true,
	})
}

// volumesInAWord tells what is wrong with all directories of recordings in one line.
func (p *Pool) volumesInAWord(context.Context) []problems.Problem {
	return saying(p.Recordings.Disk.Problem(), problems.Problem{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume}, Name: "unusable",
	})
}

// volumeProblems tells why recordings cannot be kept: once for directories that are on one disk, as far as its size tells
// that.
func (p *Pool) volumeProblems(context.Context) (list []problems.Problem) {
	type trouble struct {
		total int64 // bytes of the disk
		what  string
	}
	var known []trouble // of each in the list
	for _, v := range p.Recordings.Disk.Status() {
		place := fmt.Sprintf("%s (%s)", v.Name, v.Path)
		what, _, _ := strings.Cut(strings.TrimPrefix(v.Problem, place+" "), ":")
		if i := slices.Index(known, trouble{v.Total, what}); i >= 0 && v.Total > 0 {
			list[i].Text += "; so it is with " + place
			continue
		}
		if v.Problem == "" {
			continue
		}
		problem := problems.Problem{
			Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume, ID: v.Name}, Name: "unusable",
			Text: "volume " + v.Problem, // which begins with the name
		}
		if strings.HasPrefix(what, "is full") {
			problem.Name = full
		}
		known, list = append(known, trouble{v.Total, what}), append(list, problem)
	}
	return list
}

// saying returns a problem that has this text, or none where there is nothing to say.
func saying(text string, p problems.Problem) []problems.Problem {
	if text == "" {
		return nil
	}
	p.Text = text
	return []problems.Problem{p}
}

// reasons tells operators why the process is not ready.
func (p *Pool) reasons() []string { return texts(p.Problems.Ready(context.Background())) }

// advice tells them what works and may not be what was meant.
func (p *Pool) advice() (list []string) {
	var advised []problems.Problem
	for _, problem := range p.Problems.List(context.Background()) {
		if problem.Severity == problems.Advised {
			advised = append(advised, problem)
		}
	}
	return texts(advised)
}

func texts(list []problems.Problem) (texts []string) {
	for _, problem := range list {
		texts = append(texts, problem.String())
	}
	return texts
}
