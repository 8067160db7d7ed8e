package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
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
	for p := range sources(t) {
		if p != "." && !slices.ContainsFunc(named, func(dir string) bool { return strings.HasSuffix("/"+p, dir) }) {
			t.Errorf("no rule for %s in .golangci.yml", p)
		}
	}
}

// The README's tour of the code leads past every package, and to no file that is not there.
func TestReadme_Tour(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tour, _ := strings.Cut(string(readme), "## Finding your way in the code")
	packages := sources(t)
	for p := range packages {
		if p != "." && !strings.Contains(tour, "`"+p+"`") && !strings.Contains(tour, "`…/"+path.Base(p)+"`") {
			t.Errorf("it does not lead to %s", p)
		}
	}
	files := slices.Concat(slices.Collect(maps.Values(packages))...)
	for _, m := range regexp.MustCompile("`([a-zA-Z0-9/]+\\.(?:go|md))`").FindAllStringSubmatch(tour, -1) {
		named := m[1]
		if _, err := os.Stat(named); err != nil && !slices.Contains(files, path.Base(named)) {
			t.Errorf("it leads to %s, which is not there", named)
		}
	}
}

// sources are the names of the files with code, by directory.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || len(name) > 1 && name[0] == '.'):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			dir := filepath.ToSlash(filepath.Dir(file))
			files[dir] = append(files[dir], name)
		}
		return nil
	})
	if err != nil || len(files) < 20 {
		t.Fatalf("%d packages: %v", len(files), err)
	}
	return files
}
