package assembly

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/volume"
)

// report tells the registry whom to ask what is wrong. The gates come first, in the order in which /readyz has its reasons.
// Nobody asks a pool that serves nobody whether it is ready.
func (p *Pool) report() {
	p.Problems.Report(problems.Func(p.networkProblems))
	if p.offline {
		p.Problems.Report(api.Environment(p.options.Environ))
		return
	}
	p.Problems.Gate(p.http, problems.Func(p.unready), problems.Func(p.storeProblems))
	p.Problems.Aside(problems.Func(p.volumeProblems))
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
		problem.Cause.What = problems.NoSpace
	}
	return saying(reason, problem)
}

// networkProblems tells what is wrong on our own side of the servers. The poller logs that itself.
func (p *Pool) networkProblems(context.Context) (list []problems.Problem) {
	for _, alarm := range p.Poller.Alarms() {
		problem := problems.Problem{
			Severity: problems.Blind, Subject: problems.Subject{Kind: problems.Network}, Name: "suspect", Logged: true,
		}
		if strings.HasPrefix(alarm, "local DNS") {
			problem.Name = "names"
		}
		list = append(list, saying(alarm, problem)...)
	}
	return list
}

// volumeProblems tells why recordings cannot be kept. The recordings log that themselves. Directories with the same trouble
// on one disk, as far as its size tells that, have a cause in common.
func (p *Pool) volumeProblems(context.Context) (list []problems.Problem) {
	for _, v := range p.Recordings.Disk.Status() {
		list = append(list, volumeProblem(v)...)
	}
	return list
}

func volumeProblem(v volume.Status) []problems.Problem {
	place := fmt.Sprintf("%s (%s)", v.Name, v.Path)
	what, _, _ := strings.Cut(strings.TrimPrefix(v.Problem, place+" "), ":")
	problem := problems.Problem{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume, ID: v.Name}, Name: "unusable", Logged: true,
		Also: "so it is with " + place,
	}
	if v.Total > 0 {
		problem.Cause = problems.Cause{What: what, Where: strconv.FormatInt(v.Total, 10)}
		if strings.HasPrefix(what, "is full") {
			problem.Cause.What = problems.NoSpace
		}
	}
	list := saying(v.Problem, problem)
	for i := range list {
		list[i].Text = "volume " + list[i].Text
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
