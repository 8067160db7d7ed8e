package cli_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// demo prints, as JSON and on one line, everything that a script needs to use it.
func TestDemo(t *testing.T) {
	cmd := command(t, "", "demo", "--listen", "127.0.0.1:0", "--servers", "2", "--json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var d struct {
		URL, Secret, Join string
		Servers           []struct{ ID, URL, Secret string }
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &d); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if len(d.Servers) != 2 || !strings.HasSuffix(d.URL, "/bigbluebutton/api") || d.Secret == "" {
		t.Errorf("demo printed %s", line)
	}
	resp, err := http.Get(d.Join)
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "Demo") {
		t.Errorf("the join link leads to %d %s", resp.StatusCode, page)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("demo ended with %v", err)
	}
}
