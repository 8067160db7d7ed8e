package observed

import (
	"fmt"
	"strings"
)

// Failures is how many servers of the pool fail at the moment, of those that count.
type Failures struct{ Failing, Servers int }

// Most tells whether so much of the pool fails at once that our own network is the likelier cause.
func (f Failures) Most() bool { return f.Servers > 1 && f.Failing*2 > f.Servers }

func (f Failures) String() string {
	return fmt.Sprintf("%d of %d servers fail at once", f.Failing, f.Servers)
}

// maxNames is how many names a problem lists.
const maxNames = 5

// FirstNames are some of many names, in one line.
func FirstNames(names []string) string {
	if len(names) > maxNames {
		return strings.Join(names[:maxNames], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
