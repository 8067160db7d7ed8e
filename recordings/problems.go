package recordings

import (
	"context"
	"slices"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/imports"
)

// Problems says what is wrong with the recordings: with the disk that they are on, with what lies there, with imports, and
// with what servers owe. What is read from the store is read within ctx. A disk that nobody has looked at is looked at, for
// no longer than --volume-timeout.
func (s *Service) Problems(ctx context.Context) []problems.Problem {
	if !s.working() { // the rest is told by the instance that works on it
		return s.Disk.Problems(ctx)
	}
	return slices.Concat(s.Disk.Problems(ctx), s.others(ctx), s.debts.Problems(ctx))
}

// others says what is wrong beside the disk and what servers owe. That imports wait for room is told before what waits for
// anything else.
func (s *Service) others(ctx context.Context) []problems.Problem {
	archives := s.importer.Problems(ctx)
	crowded := 0
	if len(archives) > 0 && archives[0].Name == imports.Crowded {
		crowded = 1
	}
	return slices.Concat(s.auditor.Problems(ctx), archives[:crowded], s.files.Problems(ctx), archives[crowded:])
}
