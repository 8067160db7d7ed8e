package assembly

import (
	"context"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/problems"
)

// report tells the registry whom to ask what is wrong. The gates come first, in the order in which /readyz has its reasons.
// Nobody asks a pool that serves nobody whether it is ready.
func (p *Pool) report() {
	if p.offline {
		p.Problems.Report(api.Environment(p.options.Environ), p.Ledger)
	} else {
		p.Problems.Gate(p.http, p.Poller.Readiness(), p.Ledger)
		p.Problems.Aside(problems.Func(p.volumesInAWord))
		p.Problems.Report(logged(p.Gateway))
	}
	p.Problems.Report(logged(p.Poller), p.Recordings)
}

// logged is a source that writes lines of its own about all that it finds.
func logged(source problems.Source) problems.Source {
	return with(source, func(p *problems.Problem) { p.Logged = true })
}

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

// volumesInAWord tells what is wrong with all directories of recordings in one line.
func (p *Pool) volumesInAWord(context.Context) []problems.Problem {
	return saying(p.Recordings.Disk.Problem(), problems.Problem{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume}, Name: "unusable",
	})
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
