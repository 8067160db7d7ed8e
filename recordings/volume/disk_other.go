//go:build !linux

package volume

import "math"

// spaceOf knows nothing here, and lets everything be written.
func spaceOf(string) (space, error) { return space{free: math.MaxInt64, total: math.MaxInt64}, nil }

// whose knows nothing here.
func whose(string) string { return "" }
