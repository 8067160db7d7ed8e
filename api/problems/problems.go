// Package problems is the one home of "something is wrong" in a pool: what a problem is, and the registry that everybody
// who finds one reports to and everybody who shows one reads from.
//
// Whoever owns a part of the pool is a [Source] of what is wrong with it: the poller of its servers, the ledger of the
// store, the recordings of their volumes and imports. A source is asked, and never has to take anything back: what it does
// not name any more is over. /readyz, status, check, server show, the log and the metrics all read the [Registry].
//
// Sources are asked and do not report, because a report has to be taken back. Whoever forgets that on one of many ways out
// leaves a problem that nobody can get rid of, while an answer made from what is the case now is right by itself. The price
// is that what comes and goes between two questions is not seen; such things belong into the log of whoever sees them.
//
// Of the program the package imports the declaration of metrics alone, so that every other one may import it. It decides
// nothing and mends nothing.
package problems

import (
	"context"
	"strings"
	"time"
)

// Severity orders problems, the worst first.
type Severity int

// The severities are named after what a problem means for people. `status` shows all but Advised. `check`, which asks the
// servers itself, shows what makes the process unready and what is Stuck as wrong, what is Late as notes, and what is Advised
// as advice. /readyz knows those of gates alone.
const (
	Refusing  Severity = iota // calls of front ends are refused
	Blind                     // we see the servers no more, and cannot tell why
	CutOff                    // people cannot get into their meetings
	Stuck                     // recordings cannot be kept
	Away                      // a server is missing, and nobody misses it yet
	Doubtful                  // one may be missing soon
	Divided                   // a meeting has people on two servers
	Late                      // recordings are not where they should be
	Impending                 // what works still, but not for long, or not well
	Advised                   // what works, and may not be what was meant
)

var severities = [...]string{
	"refusing", "blind", "cut-off", "stuck", "away", "doubtful", "divided", "late", "impending", "advised",
}

// String is the name of a severity in JSON, logs and metrics.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severities) {
		return "unknown"
	}
	return severities[s]
}

// Kind is the kind of thing that something is wrong with.
type Kind string

// The kinds of things that something can be wrong with.
const (
	Server  Kind = "server"
	Volume  Kind = "volume"
	Store   Kind = "store"
	Import  Kind = "import"
	Network Kind = "network"
	Setting Kind = "setting"
	Tenant  Kind = "tenant"
	Pool    Kind = "pool"    // all servers together
	Process Kind = "process" // this program
	// Receiver is a host of front ends that is called back.
	Receiver Kind = "receiver"
)

// Subject is what something is wrong with.
type Subject struct {
	Kind Kind
	ID   string // of the server, name of the volume, of the setting …; empty where there is but one
}

// Cause is what problems of several sources may come of, so that they are told as one.
type Cause string

// NoSpace is that a disk is full. Whatever is kept there suffers from it.
const NoSpace Cause = "no space"

// Problem is something that an operator has to look at.
type Problem struct {
	Severity Severity
	Subject  Subject
	// Name says what is wrong in a word that never changes, as "offline"; with the subject it tells two problems apart.
	Name string
	// Since is when it began; where a source does not know that, the registry says when it was first found.
	Since time.Time
	// Text says it in words; it ends in a colon where the remedy is a command to type.
	Text     string
	Remedy   string // what to do about it, if the text does not say
	Meetings int    // that it concerns, as far as that is known
	People   int    // that it concerns

	Unready bool // the process cannot do its work: /readyz says so
	Logged  bool // the source writes lines of its own about it, so that the registry writes none

	Root  Cause // what others may come of, and this is
	Cause Cause // what this comes of; it is told with its root, where somebody has found that
}

// String is the text with the remedy.
func (p Problem) String() string {
	switch {
	case p.Remedy == "":
		return p.Text
	case strings.HasSuffix(p.Text, ":"):
		return p.Text + " " + p.Remedy
	}
	return p.Text + "; " + p.Remedy
}

// Source knows what is wrong with a part of the pool.
type Source interface {
	// Problems returns everything that is wrong there now; nil where all is well. It is called often, by several at
	// once, and must not wait for servers or for disks that do not answer. What it reads from the store it reads within ctx.
	Problems(ctx context.Context) []Problem
}

// Func is a source that is a function.
type Func func(ctx context.Context) []Problem

// Problems calls the function.
func (f Func) Problems(ctx context.Context) []Problem { return f(ctx) }
