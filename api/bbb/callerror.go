package bbb

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// Reason says in a word why a server could not be asked.
type Reason string

// The reasons, as they appear in logs, metrics and reports.
const (
	BadURL   Reason = "url"
	DNS      Reason = "dns"
	Refused  Reason = "refused" // also where no route leads there
	TLS      Reason = "tls"
	Timeout  Reason = "timeout" // no connection, or no answer, within the deadline
	Broken   Reason = "broken"  // the connection ended early
	Status   Reason = "status"  // an HTTP error that is the server's own
	TooLarge Reason = "too-large"
	NotBBB   Reason = "not-bbb" // something else than BigBlueButton answered
	Busy     Reason = "busy"    // it has as many of our calls as it may have
	Cancel   Reason = "cancelled"
	Ours     Reason = "ours" // we lack descriptors, ports, buffers or memory, which says nothing about the server
)

// CallError says that a server gave no answer of BigBlueButton's. Its text never contains a URL with a checksum.
type CallError struct {
	Call   string // "" is the API's root
	Reason Reason
	Status int // of HTTP, where there was one
	Err    error
}

// Error returns what was called and what came of it.
func (e *CallError) Error() string {
	call := e.Call
	if call == "" {
		call = "api"
	}
	return call + ": " + string(e.Reason) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// callError finds the reason in what net/http returned. What answers with our own request, as an echo server does, must
// not get its checksum into an error, and no server may fill our logs.
func callError(call string, err error) *CallError {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	failed := &CallError{Call: call, Reason: reason(err), Err: err}
	switch text := err.Error(); {
	case strings.Contains(text, "checksum"):
		failed.Err = errors.New("the answer is not HTTP")
	case failed.Reason == TLS:
		failed.Err = advise(err)
	case len(text) > maxText:
		failed.Err = &advice{tame(text), err}
	}
	return failed
}

func reason(err error) Reason {
	switch {
	case errors.Is(err, context.Canceled):
		return Cancel
	case slices.ContainsFunc(lacking, func(no error) bool { return errors.Is(err, no) }):
		return Ours
	case isDNS(err):
		return DNS
	case slices.ContainsFunc(unreachable, func(no error) bool { return errors.Is(err, no) }):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return Timeout
	case isTLS(err):
		return TLS
	}
	return Broken
}

var unreachable = []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH}

// lacking is what a system call says that found something of our own used up. A resolver may have met it, too.
var lacking = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.EADDRNOTAVAIL, syscall.ENOMEM}

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// isTLS goes by the text, because crypto/tls has no types for most of its errors.
func isTLS(err error) bool {
	return strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: ")
}
