//go:build !race

package gateway_test

// raced is whether the race detector slows the tests down.
const raced = false
