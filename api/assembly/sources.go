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
		p.Problems.Aside(problems.Func(p.volumes))
		p.Problems.Report(p.Gateway)
	}
	p.Problems.Report(p.Admin.Tenants, p.Poller, p.Recordings)
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
