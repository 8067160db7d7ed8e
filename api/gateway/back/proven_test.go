package back_test

import (
	"maps"
	"testing"

	"github.com/bbbpool/bbbpool/api/gateway/back"
	"github.com/bbbpool/bbbpool/store"
)

// What a server shows in the metadata of a recording proves whose meeting it was asked to make, where it has our address by the
// name that we have put it in by, and by no other.
func TestProven(t *testing.T) {
	b := callbacks(t, "https://pool.example.edu")
	c := claim(asked(all, t), true)
	given := ours(t, b, c)
	other := c
	other.MeetingID = "another"
	both := maps.Clone(given)
	for name, value := range ours(t, b, other) {
		both[name] = value
		break
	}
	end := given[store.MetaEnd]
	for what, give := range map[string]struct {
		by   *back.Callbacks
		meta map[string]string
		want bool
	}{
		"all of it":           {b, given, true},
		"one":                 {b, map[string]string{"topic": "x", store.MetaEnd: end}, true},
		"in other letters":    {b, map[string]string{"endCallbackUrl": end}, true},
		"by another name":     {b, map[string]string{"topic": end}, false},
		"by another's name":   {b, map[string]string{store.MetaAnalytics: end}, false},
		"cut off":             {b, map[string]string{store.MetaEnd: end[:len(end)-1]}, false},
		"of two meetings":     {b, both, false},
		"nothing":             {b, nil, false},
		"where there is none": {&back.Callbacks{}, given, false},
	} {
		meeting, server, ok := give.by.Proven(give.meta)
		if ok != give.want || ok && (meeting != c.MeetingKey || server != c.Server) {
			t.Errorf("%s: %+v at %q, %t", what, meeting, server, ok)
		}
	}
}
