package volume

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
)

// Status is how a directory is.
type Status struct {
	Name    string
	Path    string
	Problem string        // for people; "" if it can be used
	Free    int64         // bytes that we may write; 0 where it was never seen, like the next two
	Total   int64         // bytes
	Inodes  uint64        // that are free; 0 also where the file system does not count them
	Latency time.Duration // that the last probe took, or takes up to now
	At      time.Time     // when that began; zero before the first
	Hung    bool          // it does not answer
}

// Status returns how every directory is, as far as is known. It asks no disk.
func (g *Guard) Status() []Status {
	list := make([]Status, 0, len(g.watches))
	for _, w := range g.watches {
		list = append(list, g.status(w))
	}
	return list
}

func (g *Guard) status(w *watch) Status {
	w.mu.Lock()
	seen := w.seen
	w.mu.Unlock()
	s := Status{
		Name: w.Name, Path: w.Path, Free: seen.last.free, Total: seen.last.total, Inodes: seen.last.inodes,
		Latency: seen.took, At: seen.at, Hung: seen.hung(g.now(), g.config.Timeout),
	}
	what := fmt.Sprintf("%s (%s)", w.Name, w.Path)
	switch {
	case s.Hung:
		s.Latency, s.At = g.now().Sub(seen.began), seen.began
		s.Problem = fmt.Sprintf("%s is hung: no answer since %s; see whether its server and the network to it are up",
			what, seen.began.UTC().Format(time.DateTime+" MST"))
	case seen.at.IsZero():
		s.Problem = what + " has not been looked at yet"
	case seen.last.problem != "":
		s.Problem = what + " " + seen.last.problem
	case seen.took >= g.config.Timeout:
		s.Problem = fmt.Sprintf("%s is slow: it took %s to write a small file, more than %s (--volume-timeout)",
			what, seen.took.Round(time.Millisecond), g.config.Timeout)
	}
	return s
}

// Known returns how every directory is, and looks first if nobody has. It waits for those that have not been seen yet,
// until ctx ends, and for no longer than the timeout.
func (g *Guard) Known(ctx context.Context) []Status {
	unseen := func(s Status) bool { return s.At.IsZero() }
	list := g.Status()
	if slices.ContainsFunc(list, unseen) {
		g.Check(ctx)
		list = g.Status()
	}
	return list
}

// ErrUnusable is that nothing can be written to the volume, or read from it, because it is not there as it should be.
var ErrUnusable = errors.New("the volume is not as it should be")

// Unusable returns ErrUnusable with a problem, or nil where there is none.
func Unusable(problem string) error {
	if problem == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnusable, problem)
}

// full is the name of the problem that a disk has too little room.
const full = "full"

// names are the names of problems by what they begin with; all others are "unusable".
var names = []struct{ prefix, name string }{
	{"is full", full},
	{"is hung", "hung"},
	{"is slow", "slow"},
	{"has not been looked at yet", "unseen"},
	{"is not mounted", "unmounted"},
	{"is another volume", "unmounted"},
	{"is not there", "unmounted"},
	{"is read-only", "unwritable"},
	{"is not writable", "unwritable"},
}

// Problems says what is wrong with the directories: once for those that are on one disk, as far as its size tells that. It
// looks first if nobody has, see Known.
func (g *Guard) Problems(ctx context.Context) []problems.Problem { return ProblemsOf(g.Known(ctx)) }

// ProblemsOf says what is wrong with directories that are so.
func ProblemsOf(list []Status) (found []problems.Problem) {
	type kind struct {
		total int64 // bytes of the disk
		what  string
	}
	var kinds []kind // of those found
	for _, s := range list {
		if s.Problem == "" {
			continue
		}
		wrong := strings.TrimPrefix(s.Problem, fmt.Sprintf("%s (%s) ", s.Name, s.Path))
		what, _, _ := strings.Cut(wrong, ":")
		k := kind{s.Total, what}
		if i := slices.Index(kinds, k); i >= 0 && k.total > 0 {
			found[i].Text += fmt.Sprintf("; so it is with %s (%s)", s.Name, s.Path)
			continue
		}
		problem := problems.Problem{
			Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume, ID: s.Name}, Name: nameOf(wrong),
			Text: "volume " + s.Problem, Logged: true, // the problem begins with the name
		}
		if problem.Name == full {
			problem.Root = problems.NoSpace
		}
		kinds, found = append(kinds, k), append(found, problem)
	}
	return found
}

func nameOf(wrong string) string {
	for _, n := range names {
		if strings.HasPrefix(wrong, n.prefix) {
			return n.name
		}
	}
	return "unusable"
}
