package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// A data directory of the version before tenants had names for their secrets is taken over by the first start, killed at any
// moment or not: the secret of its first start verifies, and what it has of meetings and recordings is there.
func TestServe_Upgrades(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	old, err := os.ReadFile(filepath.Join("..", "..", "store", "bolt", "testdata", "v4.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(data, bolt.File), old, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &program{path: build(t), data: data, env: []string{"LOADBALANCER_SECRET="}}
	for round := range 10 {
		cmd := p.command("serve", "--listen", "127.0.0.1:0")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(round)*10*time.Millisecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // killed
	}
	p.serve(t)
	for secret, want := range map[bbb.Secret]string{"new": "SUCCESS", "\xffold": "SUCCESS", frontEndSecret: "FAILED"} {
		client := bbb.NewClient(bbb.Endpoint{URL: p.api, Secret: secret}, http.DefaultTransport, 30*time.Second)
		answer, err := client.Answer(t.Context(), "getRecordings", "recordID=183f0bf3-1767500000000")
		if err != nil || answer.Get("returncode") != want || want == "SUCCESS" && answer.Get("recordings") == "" {
			t.Errorf("getRecordings: %v %+v, want %s", err, answer, want)
		}
	}
	for _, c := range [][]string{
		{"tenant show default", "generated ", "generated-2 "},
		{"tenant list", "default"},
		{"server list", "bbb1", "draining"},
		{"meeting list", "bbb1"},
		{"recording list", "Algebra"},
		{"meeting find 183f0bf3-1767500000000", "bbb1"},
		{"tenant set default --drop-generated"},
	} {
		said := p.do(t, strings.Fields(c[0])...)
		for _, want := range c[1:] {
			if !strings.Contains(said, want) {
				t.Errorf("%s says\n%s\nwithout %s", c[0], said, want)
			}
		}
	}
}
