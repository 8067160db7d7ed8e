package cli_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/gateway/params"
)

// Rules for parameters are set, listed, tried and taken away, with what the pool warns of; what a front end sends is shown
// so that no terminal obeys it.
func TestTenantParamCmds_Golden(t *testing.T) {
	runGolden(t, map[string]func(*pool, *testing.T){
		"params": func(p *pool, t *testing.T) {
			p.typical(t)
			rules, err := params.Config{DefaultCreate: "muteOnStart=true", MaxDuration: 90}.Pool()
			if err != nil {
				t.Fatal(err)
			}
			p.api.Params.Pool = rules
		},
	}, [][]string{
		{"tenant", "param", "list", "default"},
		{"tenant", "param", "test", "default", "join", "fullName=Ada"},
		{"tenant", "param", "set", "default", "create", "disabledFeatures", "add", "chat,polls"},
		{"tenant", "param", "set", "default", "create", "logo", "default", "https://www.example.edu/logo.png"},
		{"tenant", "param", "set", "default", "create", "welcome", "override", "Hello, world"},
		{"tenant", "param", "set", "default", "create", "copyright", "remove"},
		{"tenant", "param", "set", "default", "create", "telepathy", "default", "on"},
		{"tenant", "param", "set", "default", "create", "record", "default", "yes"},
		{"tenant", "param", "set", "default", "create", "meetingID", "override", "x"},
		{"tenant", "param", "set", "nobody", "create", "logo", "remove"},
		{"tenant", "param", "list", "default"},
		{"tenant", "param", "test", "default", "create", "name=x&record=true&copyright=%1b%5b2J%c2%9b&duration=0&meta_Server-Tag=gpu"},
		{"tenant", "param", "test", "default", "create", "name=x&disabledFeatures=polls", "--json"},
		{"tenant", "param", "unset", "default", "create", "telepathy"},
		{"tenant", "param", "unset", "default", "create", "logo", "override"},
		{"tenant", "param", "unset", "default", "create", "logo", "default"},
		{"tenant", "param", "list", "default", "--json"},
	})
}

// Calls and operators that there are not are wrong use.
func TestTenantParamCmds_Usage(t *testing.T) {
	for _, args := range []string{
		"tenant param set default end password remove", "tenant param set default create logo double x",
		"tenant param set default create logo", "tenant param test default end a=1", "tenant param unset default create",
	} {
		if code, said := use(t, strings.Fields(args)...); code != cli.Usage {
			t.Errorf("%s: code %d: %s", args, code, said)
		}
	}
}
