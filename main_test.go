package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The whole program serves until its context ends, and leaves nothing behind that a next one stumbles over. What it does
// meanwhile is tested in api/cli, as a process of its own.
func TestRun_Serve(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		log, errs := io.Pipe()
		code := make(chan int, 1)
		go func() {
			code <- run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--data", data}, nil, io.Discard, errs)
			_ = errs.Close()
		}()
		lines := bufio.NewScanner(log)
		var entry struct{ Message, Listen string }
		for entry.Message != "serving" && lines.Scan() {
			_ = json.Unmarshal(lines.Bytes(), &entry)
		}
		go func() { _, _ = io.Copy(io.Discard, log) }()
		resp, err := http.Get("http://" + entry.Listen + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("healthz: %s", resp.Status)
		}
		cancel()
		if code := <-code; code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// Wrong use is told, with its exit code.
func TestRun_WrongUse(t *testing.T) {
	var errs strings.Builder
	if code := run(t.Context(), []string{"serv"}, nil, io.Discard, &errs); code != 2 || !strings.Contains(errs.String(), "serv") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}

// Every package below the top has a rule in the linter's map of imports: a new one is not forgotten there.
func TestImports_EveryPackageHasARule(t *testing.T) {
	config, err := os.ReadFile(".golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range regexp.MustCompile(`"\*\*/([a-z0-9/]+)/\*\.go"`).FindAllSubmatch(config, -1) {
		named = append(named, "/"+string(m[1]))
	}
	packages := map[string]bool{}
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || len(name) > 1 && name[0] == '.'):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			packages["/"+filepath.ToSlash(filepath.Dir(path))] = true
		}
		return nil
	})
	if err != nil || len(packages) < 20 {
		t.Fatalf("%d packages: %v", len(packages), err)
	}
	delete(packages, "/.")
	for p := range packages {
		if !slices.ContainsFunc(named, func(dir string) bool { return strings.HasSuffix(p, dir) }) {
			t.Errorf("no rule for %s in .golangci.yml", p[1:])
		}
	}
}
