// Package releases is what is known of the releases of BigBlueButton, as far as it matters to who puts them into a pool: from
// which one on something is so, and what is to be thought of a server that says which one it runs.
//
// It is the one place with such facts. It asks nobody, and knows nothing of servers but the version that they reveal, which
// is theirs to choose: all that is repeated of it are its digits. By default a server reveals none, so that every judgement
// may be that nothing is known.
package releases

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The releases that matter, each the first of its kind.
const (
	Tested     = "2.4"    // joins with a role are as old
	Guarded    = "3.0.21" // create wants a checksum whatever it carries; before, anybody who reached the server could create
	Answering  = "3.0.26" // create answers before it has fetched its documents
	Calling    = "3.0.27" // callbacks go once, follow no redirect, and only to addresses that pass the server's rules
	Selective  = "3.0.30" // a create may switch off formats of the recording
	Apart      = "3.0.33" // documents are processed apart from the call that brings them
	Safe       = "3.0.37" // with the security fixes that are known
	Reworked   = "4.0"    // Java 21, Grails 7; parameters and pages of old are gone
	HowReveal  = "allowRevealOfBBBVersion=true"
	RevealFile = "/etc/bigbluebutton/bbb-web.properties"
)

// Standing is what is to be thought of a version.
type Standing int

// The standings.
const (
	Hidden    Standing = iota // the server does not say
	Strange                   // what it says is no version that we can read
	Candidate                 // it is none that was released, so that its number does not say which fixes it has
	Untested                  // older than anybody has tried with a pool
	Open                      // anybody who reaches the server can create meetings there
	Dated                     // older than the one that is safe
	Sound
)

// Judgement is a standing, in words.
type Judgement struct {
	Standing Standing
	// Text says what is the case and, unless the standing is Sound, what to do. It is a part of a sentence or several, without a
	// full stop.
	Text string
}

// number reads the digits of a version, and what stands behind them: "3.0.19", "4.0.0-rc.1".
var number = regexp.MustCompile(`^([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})([-.~+a-zA-Z].*)?$`)

// Judge says what is to be thought of a server that reveals a version; "" where it reveals none.
func Judge(version string) Judgement {
	if version == "" {
		return Judgement{Hidden, "its version is unknown: the server does not reveal it; " + HowReveal + " in its " + RevealFile +
			" would, and then it is seen whether it is " + Safe + " or later, which is advised"}
	}
	digits, behind, ok := read(version)
	switch upgrade := "upgrade it to " + Safe + " or later"; {
	case !ok:
		return Judgement{Strange, "its version is unknown: what the server says is no version that we know; check it with " +
			"bbb-conf --check there"}
	case older(digits, Tested):
		return Judgement{Untested, fmt.Sprintf("BigBlueButton %s is older than %s, which is untested: %s",
			digits, Tested, upgrade)}
	case behind != "" && !older(digits, Safe), digits == "3.0":
		return Judgement{Candidate, fmt.Sprintf("BigBlueButton %s%s is no release: whether it has the fixes of %s its number does not "+
			"say; use a release, %s or later", digits, candidate(behind), Safe, Safe)}
	case older(digits, Guarded):
		return Judgement{Open, fmt.Sprintf("BigBlueButton %s lets anybody who reaches the server create meetings there, without "+
			"the secret (closed in %s): %s", digits, Guarded, upgrade)}
	case older(digits, Safe):
		return Judgement{Dated, fmt.Sprintf("BigBlueButton %s lacks the security fixes of %s: %s", digits, Safe, upgrade)}
	}
	return Judgement{Sound, "BigBlueButton " + digits}
}

// kinds of what is no release, as they stand behind the digits.
var kinds = regexp.MustCompile(`(?i)(alpha|beta|rc|dev)`)

// candidate names what is no release by its kind alone: the rest is the server's.
func candidate(behind string) string {
	if kind := kinds.FindString(behind); kind != "" {
		return "-" + strings.ToLower(kind)
	}
	return ""
}

// read takes a version apart.
func read(version string) (digits, behind string, ok bool) {
	found := number.FindStringSubmatch(version)
	if found == nil {
		return "", "", false
	}
	return found[1], found[2], true
}

// Before tells whether a version that a server reveals is older than a release. Of one that is hidden, or that we cannot
// read, that is not known.
func Before(version, release string) (before, known bool) {
	digits, _, ok := read(version)
	if !ok || digits == "3.0" {
		return false, false
	}
	return older(digits, release), true
}

// older compares versions number by number.
func older(a, b string) bool {
	return slices.Compare(numbers(a), numbers(b)) < 0
}

func numbers(s string) (list []int) {
	for part := range strings.SplitSeq(s, ".") {
		n, _ := strconv.Atoi(part) // digits, by the expression
		list = append(list, n)
	}
	return list
}
