package quota

import "time"

// Allowance is how much more somebody may have who has had some. It grows with time, up to what he may have first. A server has
// one for the meetings that are found on it, so that one that makes them up cannot fill the pool's memory.
type Allowance struct {
	First, PerHour int
	Spent          float64   // of it, at a time
	At             time.Time // that one
}

// Left is how much he may have now.
func (a *Allowance) Left(now time.Time) int {
	if passed := now.Sub(a.At).Hours() * float64(a.PerHour); passed > 0 {
		a.Spent, a.At = max(a.Spent-passed, 0), now
	}
	return int(float64(a.First) - a.Spent)
}

// Spend takes one from it.
func (a *Allowance) Spend() { a.Spent++ }
