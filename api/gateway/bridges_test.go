package gateway_test

import (
	"iter"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// bridged is the rule of a pool whose meetings have voice bridges of its own: each the first that is free.
func bridged(external bool) placement.Config {
	return placement.Config{Default: 15, Bridges: placement.Bridges{
		Length: 5, External: external,
		Numbers: func(string, int) iter.Seq[string] { return slices.Values([]string{"80001", "80002"}) },
	}}
}

var bridge = regexp.MustCompile(`<voiceBridge>(.*?)</voiceBridge>`)

// Meetings have the bridges that the pool gives out, whatever their front end asks for, also when they are created again and when
// they move. That there is none left is told as BigBlueButton tells that one is taken.
func TestCreate_BridgesOfThePool(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, rule: bridged(false), poll: 100 * time.Millisecond})
	create := func(id string) string {
		t.Helper()
		a := p.call("create", createQuery(id)+"&voiceBridge=70001&webVoice=70002")
		if a.Returncode != "SUCCESS" {
			t.Fatal(a.body)
		}
		m, _ := p.sim(p.server(id)).Meeting(id)
		if m.Params["webVoice"] != "" {
			t.Errorf("the server got %v", m.Params)
		}
		return bridge.FindStringSubmatch(a.body)[1]
	}
	if a, b, again := create("room-1"), create("room-2"), create("room-1"); a != "80001" || b != "80002" || again != a {
		t.Errorf("bridges %s, %s, and %s again", a, b, again)
	}
	dead := p.sim(p.server("room-1"))
	p.fail(dead, refuse)
	if moved := create("room-1"); moved != "80001" || p.server("room-1") == dead.ID() {
		t.Errorf("moved to %s with %s", p.server("room-1"), moved)
	}
	want, err := os.ReadFile("../simulator/testdata/create-voicebridge.xml")
	if err != nil {
		t.Fatal(err)
	}
	if a := p.call("create", createQuery("room-3")); a.body != strings.ReplaceAll(strings.TrimSpace(string(want)), "\n", "") {
		t.Errorf("none left: %s", a.body)
	}
}

// Where front ends may choose they get what they ask for, unless another meeting has it.
func TestCreate_BridgesOfFrontEnds(t *testing.T) {
	p := start(t, settings{servers: 2, rule: bridged(true)})
	for _, c := range []struct{ id, asked, want string }{
		{"room-1", "&voiceBridge=70001", ">70001<"},
		{"room-2", "&voiceBridge=70001", "<key>nonUniqueVoiceBridge</key>"},
		{"room-2", "", ">80001<"},
		{"room-2", "&voiceBridge=70001", ">80001<"},
		{"room-1", "", ">70001<"},
	} {
		if a := p.call("create", createQuery(c.id)+c.asked); !strings.Contains(a.body, c.want) {
			t.Errorf("%s%s: %s", c.id, c.asked, a.body)
		}
	}
}
