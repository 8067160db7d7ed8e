package gateway_test

import (
	"context"
	"errors"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// index answers for the recordings from a real index, without a library.
type index struct{ records }

// records has a name that clashes with none of its methods.
type records interface{ store.Recordings }

// change changes recordings that are here.
func (x index) change(ctx context.Context, tenant string, ids []string, change func(*store.Recording)) (found int, err error) {
	for _, id := range ids {
		_, err := x.UpdateRecording(ctx, tenant, id, func(r *store.Recording) error {
			if r.State != store.Published && r.State != store.Unpublished {
				return store.ErrNotFound
			}
			change(r)
			return nil
		})
		if err == nil {
			found++
		} else if !errors.Is(err, store.ErrNotFound) {
			return found, err
		}
	}
	return found, nil
}

func (x index) Publish(ctx context.Context, tenant string, ids []string, publish bool) (int, error) {
	return x.change(ctx, tenant, ids, func(r *store.Recording) {
		r.State = store.Unpublished
		if publish {
			r.State = store.Published
		}
	})
}

func (x index) Delete(ctx context.Context, tenant string, ids []string) (int, error) {
	return x.change(ctx, tenant, ids, func(r *store.Recording) { r.State = store.Deleted })
}

func (x index) Update(
	ctx context.Context, tenant string, prefixes []string, meta map[string]string, protect *bool,
) (int, error) {
	page, _, err := x.Recordings(ctx, store.RecordingFilter{Tenant: tenant, RecordIDs: prefixes})
	if err != nil {
		return 0, err
	}
	var ids []string
	for _, r := range page {
		ids = append(ids, r.RecordID)
	}
	return x.change(ctx, tenant, ids, func(r *store.Recording) {
		for key, value := range meta {
			r.Meta[key] = value
			if value == "" {
				delete(r.Meta, key)
			}
		}
		if protect != nil {
			r.Protected = *protect
		}
	})
}

// listed returns the record IDs in an answer, in its order.
func listed(body string) (ids []string) {
	for _, part := range strings.Split(body, "<recordID>")[1:] {
		id, _, _ := strings.Cut(part, "<")
		ids = append(ids, id)
	}
	return ids
}

// bare runs a pool without any server, which is all that recordings need.
func bare(p *pool, set settings) *pool {
	p.client = browser()
	p.boot(set)
	return p
}
