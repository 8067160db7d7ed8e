package usage

import (
	"context"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// Config is how long usage is kept, as a flag.
type Config struct {
	Keep quantity.Age `name:"usage-keep" placeholder:"AGE" default:"1095d" env:"BBBPOOL_USAGE_KEEP" help:"How long it is kept what each tenant has used on each day."`
}

const (
	shortest = quantity.Age(24 * time.Hour)
	longKept = quantity.Age(36_500 * 24 * time.Hour)
)

// Validate tells what cannot work.
func (c Config) Validate() error {
	if c.Keep < shortest || c.Keep > longKept {
		return fmt.Errorf("--usage-keep %s: want %s to %s", c.Keep, shortest, longKept)
	}
	return nil
}

// unwritten is how long usage may not be written before that is told: a minute is lost in any crash.
const unwritten = 2 * time.Minute

// Problems tells that usage cannot be written.
func (a *Accounts) Problems(context.Context) []problems.Problem {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil || a.Now().Sub(a.since) < unwritten {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Store}, Name: "usage-unwritten",
		Text: "what tenants use is counted and cannot be written, and a crash would lose it: " + a.failed.Error(), Since: a.since,
	}}
}
