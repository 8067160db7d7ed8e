package bbb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
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

// reason finds the word for what came of a call. What we lack ourselves, and what the resolver said, come before what they
// lead to.
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

// advice is an error in words that say what to do about it. The error itself stands behind it.
type advice struct {
	text string
	err  error
}

// Error returns the words.
func (a *advice) Error() string { return a.text }

// Unwrap returns the cause.
func (a *advice) Unwrap() error { return a.err }

// advise says what is wrong with a server's TLS, and who can do what about it. All that the certificate says in that is
// the server's choice, so no more of it shows than is needed.
func advise(err error) error {
	text := ""
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		text = unknownAuthority(e.Cert)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired && e.Cert != nil {
		text = outOfDate(e.Cert)
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok && e.Certificate != nil {
		text = wrongName(e)
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		text = "no authorities are known here: install the package ca-certificates on this machine"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		text = "what answers there does not speak TLS: check the port, or use http:// for a server without TLS"
	}
	if text == "" {
		text = tame(err.Error()) + ": check the certificate and the TLS settings of the server's nginx"
	}
	return &advice{text, err}
}

func unknownAuthority(cert *x509.Certificate) string {
	const todo = "let nginx there send the whole chain (fullchain.pem), or add that authority to this machine's own"
	if cert == nil {
		return "the certificate is signed by an authority that is unknown here: " + todo
	}
	if cert.Issuer.String() == cert.Subject.String() {
		return "the certificate is signed by itself or by an authority that is unknown here, " +
			short(cert.Issuer.String()) + ": " + todo
	}
	return "the certificate is signed by an authority that is unknown here, " + short(cert.Issuer.String()) + ": " + todo
}

func outOfDate(cert *x509.Certificate) string {
	const day = time.DateTime + " UTC"
	if now := time.Now(); now.Before(cert.NotBefore) {
		return fmt.Sprintf("the certificate is not valid before %s, and here it is %s: check the clocks here and there",
			cert.NotBefore.UTC().Format(day), now.UTC().Format(day))
	}
	return fmt.Sprintf("the certificate expired on %s: renew it there (certbot renew) and reload nginx",
		cert.NotAfter.UTC().Format(day))
}

func wrongName(e x509.HostnameError) string {
	const most = 3
	var names []string
	for _, name := range e.Certificate.DNSNames {
		names = append(names, short(name))
	}
	for _, ip := range e.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	given := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		given += fmt.Sprintf(" and %d more", len(names)-most)
	}
	if given == "" {
		given = "no name at all"
	}
	return fmt.Sprintf("the certificate is for %s, not for %s: call the server by a name that is in its certificate, "+
		"or get it one for this name", given, short(e.Host))
}

// short quotes what a certificate says, as far as anybody wants to read it.
func short(s string) string {
	const limit = 80
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
