// Package fault is a port that can fail as a server's does: [Port] listens, answers, and suffers one [Fault] at a time. The
// kinds of faults are told apart in the documentation of package simulator.
//
// It knows nothing of what is served.
package fault
