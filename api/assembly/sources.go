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
		p.Problems.Gate(p.http, problems.Func(p.unready), problems.Func(p.storeProblems))
		p.Problems.Aside(problems.Func(p.volumesInAWord))
	}
	p.Problems.Report(logged(p.networkProblems), logged(p.volumeProblems))
}

// logged is a source that writes lines of its own about all that it finds.
func logged(source problems.Func) problems.Source {
	return problems.Func(func(ctx context.Context) []problems.Problem {
		list := source(ctx)
		for i := range list {
			list[i].Logged = true
		}
		return list
	})
}

// unready tells why no server can take new meetings.
func (p *Pool) unready(context.Context) []problems.Problem {
	return saying(p.Poller.Ready(), problems.Problem{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Pool}, Name: "unready", Unready: true,
	})
}

// storeProblems tells why no meeting can be created.
func (p *Pool) storeProblems(context.Context) []problems.Problem {
	reason := p.Ledger.Ready()
	problem := problems.Problem{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Store}, Name: "unwritable", Unready: true,
	}
	if strings.Contains(reason, syscall.ENOSPC.Error()) {
		problem.Cause = problems.NoSpace
	}
	return saying(reason, problem)
}

// networkProblems tells what is wrong on our own side of the servers.
func (p *Pool) networkProblems(context.Context) (list []problems.Problem) {
	for _, alarm := range p.Poller.Alarms() {
		problem := problems.Problem{
			Severity: problems.Blind, Subject: problems.Subject{Kind: problems.Network}, Name: "servers",
		}
		if strings.HasPrefix(alarm, "local DNS") {
			problem.Name = "dns"
		}
		list = append(list, saying(alarm, problem)...)
	}
	return list
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
			problem.Name, problem.Root = "full", problems.NoSpace
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
