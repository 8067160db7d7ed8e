//go:build unix

package api

import (
	"math"
	"syscall"
)

// descriptors is how many files and connections the system lets this process have. Go has raised the soft limit to the
// hard one already.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur)
}
