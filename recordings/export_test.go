package recordings

import (
	"context"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// Tidy is what is done every day.
func (s *Service) Tidy(ctx context.Context) error { return s.tidyOnce(ctx) }

// Settle is what is done first of all.
func (s *Service) Settle(ctx context.Context) error { return s.importer.Settle(ctx) }

// Pursue asks servers once for what they owe.
func (s *Service) Pursue(ctx context.Context) error { return s.debts.Pursue(ctx, s.Pool) }

// OwedBy is how many recordings a server has to deliver, from memory.
func (s *Service) OwedBy(server string) (n int) {
	for _, o := range s.debts.Last() {
		if o.Owed.Server == server && o.Owed.Step != store.OwedMissing {
			n++
		}
	}
	return n
}

// Urge tries again what is due of files that have not followed the index.
func (s *Service) Urge(ctx context.Context) error { return s.files.Retry(ctx) }

// Look has the spool looked through now.
func (s *Service) Look() { s.importer.Look() }

// Known and Accept are what the upload handler calls.
func (s *Service) Known(ctx context.Context, server, sha256 string) (state string, known bool) {
	return s.importer.Known(ctx, server, sha256)
}

func (s *Service) Accept(ctx context.Context, u upload.Upload) error {
	return s.importer.Accept(ctx, u)
}

// Trouble is what Problems says in words of what keeps recordings from being kept, beside the disk itself.
func (s *Service) Trouble() (list []string) {
	for _, p := range s.others(context.Background()) {
		if p.Severity == problems.Stuck {
			list = append(list, p.String())
		}
	}
	return list
}
