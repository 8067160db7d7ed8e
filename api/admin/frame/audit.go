package frame

import (
	"context"
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Changed is the answer to a request that has changed something, with what the audit log is to say of it. What was before
// and after is written as JSON: secrets in it mask themselves. A handler may return it beside an error, where the change
// stands and something else has failed. What takes long is in the log when it begins, and when it ends.
type Changed struct {
	Answer        any    // nil where there is nothing to say
	Made          bool   // something new
	Action        string // a verb: "add", "set", "remove", …
	Kind, Object  string // of what was changed, "server" and its ID
	Tenant        string // whose it is; "" for what is the pool's
	Before, After any    // nil where there was nothing, or is nothing any more
	// Each tells what long work has done to one thing after the other, out of its report: each is an entry of its own, under
	// the thing and its tenant, so that whoever looks for what became of one finds it. Nil where the work is one change.
	Each func(report any) []Changed
}

// Unchanged is the answer to a request that might have changed something, and has not: there is nothing to write down.
type Unchanged struct{ Answer any }

// answer has a request answered, if its caller may make it.
func (r Route) answer(request *http.Request) (any, error) {
	if err := checkContentType(request); err != nil {
		return nil, err
	}
	confined, err := r.let(request)
	if err != nil {
		return nil, err
	}
	return r.handle(confined)
}

// audited writes down what a request has changed, and returns the answer alone. Where a handler does not say what it has
// changed, and may have, that is written which is known of every request: so nothing is missed. Who has looked at secrets
// is written down, too.
func (f *Frame) audited(r *http.Request, pattern string, route Route, answer any, err error) any {
	c, told := answer.(Changed)
	switch same, ok := answer.(Unchanged); {
	case ok:
		return same.Answer
	case !told && err == nil && asksForSecrets(r):
		c = Changed{Answer: answer, Action: "show secrets", Object: objectOf(r)}
	case !told && (err != nil || route.asks || r.Method == http.MethodGet || r.Method == http.MethodHead):
		return answer
	case !told:
		c = Changed{Answer: answer, Action: pattern, Object: objectOf(r)}
	}
	f.note(r, c)
	if do, ok := c.Answer.(Long); ok {
		return f.noting(r, c, do)
	}
	if c.Made {
		return created{c.Answer}
	}
	return c.Answer
}

// objectOf is what a request is about, by its path or its query.
func objectOf(r *http.Request) string {
	if id := r.PathValue("id"); id != "" {
		return id
	}
	return r.URL.Query().Get("id")
}

// noting is long work that is written down when it has ended, too, however that was.
func (f *Frame) noting(r *http.Request, c Changed, do Long) Long {
	return func(ctx context.Context, tell func(v1.Progress)) (any, error) {
		report, err := do(ctx, tell)
		ended := Changed{Action: c.Action + " ended", Kind: c.Kind, Object: c.Object, Tenant: c.Tenant, After: report}
		if err != nil {
			ended.After = Failed(err, report)
		}
		if c.Each != nil {
			f.note(r, c.Each(report)...)
		}
		f.note(r, ended)
		return report, err
	}
}

// Failed is what the audit log says of work that did not get through: why, and what it has done until then.
func Failed(err error, report any) any {
	shown, _ := shownError(err)
	return failed{shown.Message, report}
}

// failed is how long work has ended that did not get through, with what it has done until then.
type failed struct {
	Error  string `json:"error"`
	Report any    `json:"report"`
}

// note writes changes to the audit log.
func (f *Frame) note(r *http.Request, list ...Changed) {
	if f.Audit == nil {
		return
	}
	who := by(r)
	changes := make([]access.Change, len(list))
	for i, c := range list {
		changes[i] = access.Change{
			By: who, Action: strings.TrimSpace(c.Action), Kind: c.Kind, Object: c.Object, Tenant: c.Tenant, Before: c.Before,
			After: c.After,
		}
	}
	f.Audit.WriteAll(r.Context(), changes)
}
