package placement_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/store"
)

// The explanation has the numbers that were used.
func TestExplain(t *testing.T) {
	choice := rule.Choice{Own: 25, Draw: func(int) int { return 1 }}
	equal(t, "nothing offered", choice.Decision(string(placement.FromHistory)), store.Decision{})
	choice.Offer(&placement.Load{Server: "s3", Weight: 0.5, People: 41, Expected: 12.34})
	equal(t, "one", placement.Explain("s3", choice.Decision(string(placement.FromHistory))),
		"s3: 41 here + 12.3 expected + 0 kept + 25.0 own (history), /0.5")
	choice.Offer(&placement.Load{Server: "s7", Weight: 2, People: 100, Expected: 9, Kept: 50})
	d := choice.Decision(string(placement.FromHint))
	equal(t, "two", placement.Explain("s7", d),
		"s7: 100 here + 9.0 expected + 50 kept + 25.0 own (hint), /2; next s3 at 156.7")
	equal(t, "after", (float64(d.Here)+d.Expected+d.Kept+d.Own)/d.Weight, 92.0)
	equal(t, "found", placement.Explain("s1", store.Decision{}), "s1: it was found there, nobody chose")
}
