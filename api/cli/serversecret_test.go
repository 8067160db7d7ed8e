package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/roster"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// Whoever changes the secret of a server is told how far that is and what is left to do, and never shown either secret.
func TestServerSetCmd_Secret(t *testing.T) {
	p := newPool(t)
	sim, err := simulator.New(simulator.Config{Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	sim.Start()
	t.Cleanup(sim.Close)
	says := func(command string, out, said []string) {
		t.Helper()
		o := p.run(t, "", strings.Fields(command)...)
		if o.failed != nil {
			t.Fatalf("%s: %v", command, o.failed)
		}
		for text, words := range map[string][]string{o.out: out, o.err: said} {
			for _, word := range words {
				if !strings.Contains(text, word) {
					t.Errorf("%s: said %q, not %q", command, text, word)
				}
			}
			if command != "server export" && (strings.Contains(text, "s3cret") || strings.Contains(text, "s3same")) {
				t.Errorf("%s shows a secret: %s", command, text)
			}
		}
	}
	says("server add "+sim.Servers()[0].URL()+" --secret s3cret --id a --enable", nil, []string{"accepts the secret"})
	says("server set a --secret s3same --window 2h", []string{"server a: changed"},
		[]string{"accepts its former secret", "run bbb-conf --setsecret there"})
	says("server show a", []string{"waiting for the server", "bbb-conf --setsecret"}, nil)
	says("server list", nil, []string{"the secret of server a is being changed: waiting for the server"})
	says("server export", []string{`secret: "s3same"`, `former_secret: "s3cret"`}, nil)
	if err := sim.Servers()[0].SetSecret("s3same", 0); err != nil {
		t.Fatal(err)
	}
	says("server set a --secret s3same", nil, []string{"accepts its new secret"})
	says("server show a", []string{"switched at ", "is forgotten after"}, nil)
	says("server list --json", []string{`"answers_to": "new"`, `"until"`}, nil)
}

// A window that makes no sense is refused before anything starts.
func TestServeCmd_SecretWindow(t *testing.T) {
	for window, ok := range map[time.Duration]bool{0: true, time.Hour: true, 720 * time.Hour: true, 721 * time.Hour: false, -1: false} {
		err := roster.Config{SecretWindow: window}.Validate()
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "--secret-window") {
			t.Errorf("%s: %v", window, err)
		}
	}
}
