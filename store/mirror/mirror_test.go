package mirror_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
	"github.com/bbbpool/bbbpool/store/storetest"
)

// A mirror is a state like any other, whether it is the leader's or has nothing but the store to go by.
func TestContract(t *testing.T) {
	storetest.RunState(t, func(t *testing.T) store.State {
		m, err := mirror.Open(t.Context(), mirror.Config{Store: newFake(t), Dir: t.TempDir(), Alone: true})
		must(t, err)
		return m.State()
	})
}
