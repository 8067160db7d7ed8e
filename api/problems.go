package api

import (
	"context"
	"fmt"

	"github.com/bbbpool/bbbpool/api/problems"
)

// fewConnections is fewer than front ends and viewers of a small pool want.
const fewConnections = 200

// Problems tells that the process is about to end, and which settings work and may not be what was meant.
func (s *Server) Problems(ctx context.Context) (list []problems.Problem) {
	if s.draining.Load() {
		list = append(list, problems.Problem{
			Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Process}, Name: "stopping",
			Unready: true, Logged: true, Text: "shutting down",
		})
	}
	list = append(list, s.environ.Problems(ctx)...)
	if s.conns.limit < fewConnections && s.config.MaxRequests >= fewConnections {
		list = append(list, problems.Problem{
			Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting, ID: "LimitNOFILE"}, Name: "low",
			Text: fmt.Sprintf("others may have %d connections to us and no more, a third of the files that may be open:",
				s.conns.limit),
			Remedy: "raise ulimit -n, or LimitNOFILE in the unit",
		})
	}
	if known := s.known.Load(); known != nil && s.origins.public == nil && isLoopback(*known) {
		list = append(list, problems.Problem{
			Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting, ID: "--public-url"}, Name: "loopback",
			Text:   "links lead to " + *known + ", which is this machine alone:",
			Remedy: "set --public-url, or have the proxy pass the host on that it is called by",
		})
	}
	return list
}
