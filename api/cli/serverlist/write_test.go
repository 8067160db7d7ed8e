package serverlist_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/serverlist"
)

// Every weight that people write comes back as it was, every other but for the last digits; so do multipliers.
func TestWrite_Weight(t *testing.T) {
	through := func(weight float64) float64 {
		server := v1.Server{ID: "a", URL: "https://a.example/bigbluebutton/api", Weight: weight}
		text, err := serverlist.Write([]v1.Revealed{{Server: server, Secret: "s"}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := serverlist.Read(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return got[0].Weight
	}
	for hundredths := 1; hundredths < 3000; hundredths++ {
		weight := float64(hundredths) / 100
		if got := through(weight); got != weight {
			t.Errorf("%v became %v", weight, got)
		}
		if got := through(1 / weight); got != 1/weight {
			t.Errorf("%v, of a multiplier, became %v", 1/weight, got)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		weight := random.Float64() * 1e6
		if got := through(weight); math.Abs(got-weight) > 1e-15*weight {
			t.Errorf("%v became %v", weight, got)
		}
	}
}

// A secret that is being changed comes back with the one that the server may have still.
func TestWrite_Former(t *testing.T) {
	text, err := serverlist.Write([]v1.Revealed{{Server: v1.Server{ID: "a", URL: "https://a", Weight: 1}, Secret: "new", Former: "for: mer"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := serverlist.Read(strings.NewReader(string(text)))
	if err != nil || got[0].Secret != "new" || got[0].Former != "for: mer" {
		t.Errorf("%+v %v", got, err)
	}
}
