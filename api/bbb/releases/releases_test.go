package releases_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb/releases"
)

// Whatever a server reveals, it is judged by the releases that matter, and what is advised is one that is safe.
func TestJudge(t *testing.T) {
	for version, test := range map[string]struct {
		standing releases.Standing
		says     string
	}{
		"":                       {releases.Hidden, "allowRevealOfBBBVersion=true"},
		"none":                   {releases.Strange, "unknown"},
		"\x1b[31m3.0.37":         {releases.Strange, "unknown"},
		"3":                      {releases.Strange, "unknown"},
		"99999.0.1":              {releases.Strange, "unknown"},
		"2.3.11":                 {releases.Untested, "untested"},
		"2.4":                    {releases.Open, "anybody"},
		"2.7.16":                 {releases.Open, "anybody"},
		"3.0.0-beta.1":           {releases.Open, "anybody"},
		"3.0.19":                 {releases.Open, "3.0.37 or later"},
		"3.0.20":                 {releases.Open, "without the secret"},
		"3.0.21":                 {releases.Dated, "lacks the security fixes"},
		"3.0.36":                 {releases.Dated, "3.0.37 or later"},
		"3.0.36-dev":             {releases.Dated, "3.0.37 or later"},
		"3.0.9":                  {releases.Open, "3.0.9 "},
		"3.0":                    {releases.Candidate, "does not say"},
		"3.0-dev":                {releases.Candidate, "3.0-dev"},
		"4.0.0-rc.1":             {releases.Candidate, "4.0.0-rc is no release"},
		"4.0-alpha\x1b[31m-evil": {releases.Candidate, "4.0-alpha is no release"},
		"3.0.37":                 {releases.Sound, "BigBlueButton 3.0.37"},
		"3.0.100":                {releases.Sound, "BigBlueButton 3.0.100"},
		"4.0":                    {releases.Sound, "BigBlueButton 4.0"},
		"4.0.1":                  {releases.Sound, "BigBlueButton 4.0.1"},
	} {
		got := releases.Judge(version)
		if got.Standing != test.standing || !strings.Contains(got.Text, test.says) || strings.ContainsAny(got.Text, "\x1b\n") {
			t.Errorf("%q: %d %q", version, got.Standing, got.Text)
		}
		if got.Standing != releases.Sound && got.Standing != releases.Strange && !strings.Contains(got.Text, releases.Safe) {
			t.Errorf("%q: none is advised: %q", version, got.Text)
		}
	}
}

// What is hidden is before nothing, and after nothing.
func TestBefore(t *testing.T) {
	for version, want := range map[string][2]bool{
		"": {false, false}, "x": {false, false}, "3.0": {false, false}, "3.0.26": {true, true}, "3.0.27": {false, true},
		"4.0.0-rc.1": {false, true}, "2.7": {true, true}, "3.0.3": {true, true},
	} {
		if before, known := releases.Before(version, releases.Calling); before != want[0] || known != want[1] {
			t.Errorf("%q: %t %t", version, before, known)
		}
	}
}
