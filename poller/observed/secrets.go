package observed

import (
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Replaced tells whether a server has another secret at once. While it may have its former one, too, it is the same server,
// and nothing that is known of it is forgotten.
func Replaced(old, record store.Server) bool {
	return old.Secret != record.Secret && record.Former == ""
}

// Rekeyed says what has become of the change of a server's secret; "" where nothing has.
func Rekeyed(old, record store.Server) string {
	switch {
	case old.Secret != record.Secret:
		return fmt.Sprintf("its secret is being changed: until %s it may have the former one as well",
			record.FormerUntil.UTC().Format(time.DateTime+" MST"))
	case old.Former != "" && record.Former == "":
		return "the change of its secret is over: the former one is forgotten"
	case old.Awaited() && !record.Awaited():
		return "it has its new secret"
	case !old.Awaited() && record.Awaited():
		return "it has its former secret again"
	}
	return ""
}
