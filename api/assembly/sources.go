package assembly

import (
	"context"
	"slices"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/problems"
)

// report tells the registry whom to ask what is wrong. The gates come first, in the order in which /readyz has its reasons.
// Nobody asks a pool that serves nobody whether it is ready.
//
// The ledger knows of two things: that the store cannot be written, which is a gate, and that no server takes new meetings,
// which is not, and which matters only to front ends that are let in.
func (p *Pool) report() {
	unready := func(p problems.Problem) bool { return p.Unready }
	if p.offline {
		p.Problems.Report(api.Environment(p.options.Environ))
	} else {
		if p.Instance != nil {
			p.Problems.Gate(p.Instance)
		}
		p.Problems.Gate(p.http, p.Poller.Readiness(), only(p.Ledger, unready))
		p.Problems.Aside(problems.Func(p.volumes))
		p.Problems.Report(p.Gateway, p.receiver)
	}
	if p.mirror != nil {
		p.Problems.Aside(only(p.mirror, away))
		p.Problems.Report(p.mirror)
	}
	if p.waiting != nil {
		p.Problems.Aside(only(p.waiting, away))
		p.Problems.Report(p.waiting)
	}
	p.Problems.Report(p.Hooks, p.Admin.Tenants, without(p.Ledger, unready), p.Poller, p.Recordings, p.Audit, p.Usage, p.Backups,
		p.Outbox, p.Silence)
}

// away tells whether a problem is that a database does not answer. Nobody is kept from a meeting by that.
func away(p problems.Problem) bool { return p.Subject.Kind == problems.Store && p.Name == "away" }

// only is a source of those problems of another that are so.
func only(source problems.Source, so func(problems.Problem) bool) problems.Source {
	return without(source, func(p problems.Problem) bool { return !so(p) })
}

// without is a source of those problems of another that are not so.
func without(source problems.Source, so func(problems.Problem) bool) problems.Source {
	return problems.Func(func(ctx context.Context) []problems.Problem { return slices.DeleteFunc(source.Problems(ctx), so) })
}

// volumes tells in one line what is wrong with all directories of recordings. It does not look at a disk.
func (p *Pool) volumes(context.Context) []problems.Problem {
	text := p.Recordings.Disk.Problem()
	if text == "" {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume}, Name: "unusable", Text: text,
	}}
}
