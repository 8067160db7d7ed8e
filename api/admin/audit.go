package admin

import (
	"context"
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// changed is the answer to a request that has changed something, with what the audit log is to say of it. What was before
// and after is written as JSON: secrets in it mask themselves. A handler may return it beside an error, where the change
// stands and something else has failed. What takes long is in the log when it begins, and when it ends.
type changed struct {
	answer        any    // nil where there is nothing to say
	made          bool   // something new
	action        string // a verb: "add", "set", "remove", …
	kind, object  string // of what was changed, "server" and its ID
	tenant        string // whose it is; "" for what is the pool's
	before, after any    // nil where there was nothing, or is nothing any more
}

// unchanged is the answer to a request that might have changed something, and has not: there is nothing to write down.
type unchanged struct{ answer any }

// answer has a request answered, if its caller may make it.
func (r route) answer(request *http.Request) (any, error) {
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
func (a *API) audited(r *http.Request, pattern string, route route, answer any, err error) any {
	c, told := answer.(changed)
	switch same, ok := answer.(unchanged); {
	case ok:
		return same.answer
	case !told && err == nil && asksForSecrets(r):
		c = changed{answer: answer, action: "show secrets", object: objectOf(r)}
	case !told && (err != nil || route.asks || r.Method == http.MethodGet || r.Method == http.MethodHead):
		return answer
	case !told:
		c = changed{answer: answer, action: pattern, object: objectOf(r)}
	}
	a.note(r, c)
	if do, ok := c.answer.(long); ok {
		return a.noting(r, c, do)
	}
	if c.made {
		return created{c.answer}
	}
	return c.answer
}

// objectOf is what a request is about, by its path or its query.
func objectOf(r *http.Request) string {
	if id := r.PathValue("id"); id != "" {
		return id
	}
	return r.URL.Query().Get("id")
}

// noting is long work that is written down when it has ended, too, however that was.
func (a *API) noting(r *http.Request, c changed, do long) long {
	return func(ctx context.Context, tell func(v1.Progress)) (any, error) {
		report, err := do(ctx, tell)
		ended := changed{action: c.action + " ended", kind: c.kind, object: c.object, tenant: c.tenant, after: report}
		if err != nil {
			shown, _ := shownError(err)
			ended.after = failed{shown.Message, report}
		}
		a.note(r, ended)
		return report, err
	}
}

// failed is how long work has ended that did not get through, with what it has done until then.
type failed struct {
	Error  string `json:"error"`
	Report any    `json:"report"`
}

// note writes a change to the audit log.
func (a *API) note(r *http.Request, c changed) {
	if a.AuditLog == nil {
		return
	}
	a.AuditLog.Log.Write(r.Context(), access.Change{
		By: by(r), Action: strings.TrimSpace(c.action), Kind: c.kind, Object: c.object, Tenant: c.tenant, Before: c.before,
		After: c.after,
	})
}
