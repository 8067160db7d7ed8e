package hookcalls_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/hookcalls"
	"github.com/bbbpool/bbbpool/store"
)

// none are the hooks of a pool that has none.
type none struct{ hookcalls.Hooks }

func (none) Destroy(context.Context, string, string) error { return store.ErrNotFound }

// A hook that another leader may have removed, who could not say so any more, is gone as was wished for; one that nobody can have
// removed is unknown.
func TestDestroy_Again(t *testing.T) {
	destroy := hookcalls.Calls{Hooks: none{}}.ByName()["hooks/destroy"]
	for again, want := range map[bool]string{false: "destroyMissingHook", true: "<removed>true</removed>"} {
		said, err := destroy(t.Context(), hookcalls.Question{
			Tenant: "school", Params: bbb.Params{{Name: "hookID", Value: "x"}}, Again: again,
		})
		if told, ok := errors.AsType[*bbb.Error](err); ok {
			said = []byte(told.Key)
		}
		if !strings.Contains(string(said), want) {
			t.Errorf("again %t: %s, %v", again, said, err)
		}
	}
}
