package cli

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"

	"github.com/alecthomas/kong"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// UsageError is a wrong command line that only the command itself can tell. [Run] returns [Usage] for it.
type UsageError struct{ Err error }

// Error returns what is wrong.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its meaning for the exit code.
func (e UsageError) Unwrap() error { return e.Err }

func misused(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// advised adds where the right use stands to what kong has found wrong.
func advised(err error) error {
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		if command := wrong.Context.Selected(); command != nil {
			return fmt.Errorf("%w\n`%s --help` tells how to use it", err, command.FullPath())
		}
	}
	return fmt.Errorf("%w\n`bbbpool --help` lists the commands", err)
}

// checkWeight refuses what JSON has no form for, and leaves the rest to the pool.
func checkWeight(w *float64) error {
	if w != nil && (math.IsNaN(*w) || math.IsInf(*w, 0)) {
		return misused("--weight: want a number above 0")
	}
	return nil
}

func checkServers(n int) error {
	if n < 1 || n > simulator.MaxServers {
		return misused("--servers: want a number from 1 to %d", simulator.MaxServers)
	}
	return nil
}

// checkListen tells whether servers have room from an address on; "" is the default.
func checkListen(address string, servers int) error {
	if address == "" {
		return nil
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return misused("--listen: want HOST:PORT: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return misused("--listen: want a port from 0 (a free one) to 65535")
	}
	if last := int(port) + servers - 1; port > 0 && last > math.MaxUint16 {
		return misused("--listen: %d servers need the ports up to %d, and 65535 is the last", servers, last)
	}
	return nil
}
