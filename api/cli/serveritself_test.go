package cli_test

import (
	"strings"
	"testing"
)

// The pool does not become a server of its own, whatever it is told.
func TestServerAddCmd_Itself(t *testing.T) {
	p := &program{path: build(t), data: t.TempDir()}
	p.serve(t)
	list := listFile(t, "servers: {me: {url: '"+p.api+"', secret: front-end-secret}}")
	for _, args := range []string{
		"server add " + p.api + " --secret front-end-secret --enable", "server add " + p.api + " --secret front-end-secret --force",
		"server sync " + list,
	} {
		said, err := p.try(strings.Fields(args)...)
		if err == nil || !strings.Contains(said, " is this pool, by its secret: ") {
			t.Errorf("%s: %v %s", args, err, said)
		}
	}
	if said, err := p.try("server", "add", p.api, "--secret", "another"); err == nil || !strings.Contains(said, "pool: a bbbpool answers") {
		t.Errorf("with another secret: %v %s", err, said)
	}
	if said := p.do(t, "server", "list"); !strings.HasPrefix(said, "no servers yet") {
		t.Errorf("the servers are %s", said)
	}
}
