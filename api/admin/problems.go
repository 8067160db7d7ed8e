package admin

import (
	"context"
	"net/http"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
)

// ProblemList is the one list of what is wrong.
type ProblemList interface {
	// List returns everything that is wrong, the worst first. What it reads from the store it reads within ctx.
	List(ctx context.Context) []problems.Problem
}

// problems answers with everything that is wrong, advice included, for those that want more than words.
func (p *Pool) problems(r *http.Request) (any, error) {
	list := p.Problems.List(r.Context())
	views := make([]v1.Problem, 0, len(list)) // never nil, which JSON would show as null
	for _, one := range list {
		views = append(views, v1.Problem{
			Severity: one.Severity.String(), Subject: v1.Subject{Kind: string(one.Subject.Kind), ID: one.Subject.ID},
			Name: one.Name, Since: one.Since.UTC().Truncate(time.Millisecond), Text: one.Text, Remedy: one.Remedy, Unready: one.Unready,
			Meetings: one.Meetings, People: one.People,
		})
	}
	return views, nil
}

// texts says in words what is wrong, as far as it is wanted; never nil, which JSON would show as null.
func texts(list []problems.Problem, wanted func(problems.Problem) bool) []string {
	said := make([]string, 0, len(list))
	for _, p := range list {
		if wanted(p) {
			said = append(said, p.String())
		}
	}
	return said
}
