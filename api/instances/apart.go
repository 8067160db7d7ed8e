package instances

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// apart refuses an instance whose Index (recordings and history) is not that of the others, as where only the State is shared and
// each has a file of its own: what one has recorded no other would know. One that was killed is there for a while yet, so it is
// waited for; one of the same file is it. Where the store is away it returns errUnseen, and is to be called again.
func (i *Instance) apart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, announceFor+announceEvery)
	defer cancel()
	ticker := time.NewTicker(announceEvery / 4)
	defer ticker.Stop()
	beats := map[string]uint64{}
	for {
		if err := i.members.look(ctx); err != nil {
			return errUnseen // a store that is away says so itself
		}
		other, found := i.stranger()
		if !found {
			return nil
		}
		was, seen := beats[other.ID]
		if seen && other.Beat != was {
			return i.refusal(other)
		}
		beats[other.ID] = other.Beat
		select {
		case <-ctx.Done():
			return i.refusal(other)
		case <-ticker.C:
		}
	}
}

// errUnseen is that it cannot be seen who else is there.
var errUnseen = errors.New("the other instances cannot be seen")

// stranger is an instance that has another Index than this one, as far as it tells.
func (i *Instance) stranger() (store.Instance, bool) {
	list, _ := i.members.known()
	differ := func(theirs, ours string) bool { return theirs != "" && ours != "" && theirs != ours }
	n := slices.IndexFunc(list, func(one store.Instance) bool {
		return one.ID != i.id && (differ(one.Index, i.parts.Index) || differ(one.IndexID, i.parts.IndexID))
	})
	if n < 0 {
		return store.Instance{}, false
	}
	return list[n], true
}

func (i *Instance) refusal(other store.Instance) error {
	return fmt.Errorf("instance %.100q at %.100q has the servers and meetings of this pool too, and keeps recordings and history "+
		"in another place than this one: several instances share both, so give all of them the same DATABASE_URL (bbbpool migrate "+
		"takes there what is in a data directory), or stop that instance", other.ID, other.Address)
}
