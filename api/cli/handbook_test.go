package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The handbook names every flag of serve and every name in the environment, and none that there is not.
func TestHandbook_Settings(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "web", "handbook", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	help := strings.ReplaceAll(bbbpool(t, "unused", "serve", "--help"), "[no-]", "")
	words := regexp.MustCompile(`--[a-z][a-z-]+|\$?[A-Z][A-Z]+(?:_[A-Z]+)+`)
	known := map[string]bool{}
	for _, word := range words.FindAllString(help, -1) {
		known[strings.TrimPrefix(word, "$")] = true
	}
	written := map[string]bool{}
	for _, word := range words.FindAllString(string(page), -1) {
		written[strings.TrimPrefix(word, "$")] = true
	}
	for word := range known {
		if !written[word] && word != "--help" {
			t.Errorf("%s is not in the handbook", word)
		}
	}
	for word := range written {
		// What other commands know.
		hidden := []string{"BBBPOOL_SERVER_SECRET", "STATE_DIRECTORY", "URL_HOST"}
		if !known[word] && !slices.Contains(hidden, word) {
			t.Errorf("%s is in the handbook and not in bbbpool serve --help", word)
		}
	}
}

// checkHandbook finds metrics that the handbook does not name.
func checkHandbook(t *testing.T, metrics string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "web", "handbook", "watching.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^bbbpool_[a-z_]+?(_bucket|_sum|_count)?[{ ]`)
	for _, m := range names.FindAllStringSubmatch(metrics, -1) {
		name := strings.TrimSuffix(strings.TrimRight(m[0], "{ "), m[1])
		short := strings.TrimPrefix(name, "bbbpool_server")
		if !strings.Contains(string(page), name) && !strings.Contains(string(page), "`"+short+"`") {
			t.Errorf("%s is not in the handbook", name)
		}
	}
}
