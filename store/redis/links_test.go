package redis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// A link that Scalelite has given out is good once, for what it is for, and for nothing else.
func TestTakeLink(t *testing.T) {
	p := newPool(t)
	token, ctx := strings.Repeat("a1", 32), t.Context()
	p.do("SET", "protector_token_"+token, `{"record_id":"r1","format":"video"}`)
	p.do("SET", "protector_token_rubbish", "{")
	for _, c := range []struct{ token, id, format string }{
		{"0", "r1", "video"}, {token, "r2", "video"}, {token, "r1", "presentation"}, {"rubbish", "", ""}, {"", "", ""},
	} {
		if err := p.db.TakeLink(ctx, c.token, c.id, c.format); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	p.must(p.db.TakeLink(ctx, token, "r1", "video"))
	if err := p.db.TakeLink(ctx, token, "r1", "video"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
}
