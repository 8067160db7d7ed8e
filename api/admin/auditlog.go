package admin

import (
	"net/http"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// AuditLog shows who has changed what.
type AuditLog struct{ Log *access.Log }

func (l *AuditLog) routes() frame.Routes {
	return frame.Routes{"GET /audit": frame.Own(l.list, confine.ByQuery(), access.Admin).OwnFor(access.Read)}
}

const (
	auditPage  = 100 // entries on a page by default
	auditsMost = 1000
)

func (l *AuditLog) list(r *http.Request) (any, error) {
	filter, err := auditFilter(r)
	if err != nil {
		return nil, err
	}
	entries, err := l.Log.List(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	list := make([]v1.AuditEntry, 0, len(entries)) // never nil, which JSON would show as null
	for _, a := range entries {
		list = append(list, access.View(a))
	}
	return list, nil
}

func auditFilter(r *http.Request) (f store.AuditFilter, err error) {
	query := r.URL.Query()
	f = store.AuditFilter{
		Who: query.Get("who"), Via: query.Get("via"), Action: query.Get("action"), Kind: query.Get("kind"), Object: query.Get("id"),
		Tenant: query.Get("tenant"),
	}
	if f.Since, err = frame.Moment(r, "since"); err != nil {
		return f, err
	}
	if f.Until, err = frame.Moment(r, "until"); err != nil {
		return f, err
	}
	if f.Before, err = access.Cursor(query.Get("after")); err != nil {
		return f, err
	}
	f.Limit, err = frame.Number(r, "limit", auditPage, 1, auditsMost)
	return f, err
}
