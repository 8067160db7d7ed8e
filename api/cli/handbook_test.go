package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/cli"
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
		// What other commands know, and what has no flag.
		hidden := []string{"BBBPOOL_SERVER_SECRET", "BBBPOOL_TENANT_SECRET", "MULTITENANCY_ENABLED", "STATE_DIRECTORY", "URL_HOST"}
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

// written finds the commands that a page tells people to type: in a line of their own, or within a sentence.
var written = regexp.MustCompile("(?m)(?:^ *|`|\\|\\| )(?:bbbpool|go run \\.) ([a-z][^`\n#|&]*)")

// Every command that the README and the handbook tell people to type is there, with all the flags that it has there.
func TestHandbook_Commands(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "..", "web", "handbook", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	flag := regexp.MustCompile(`--[a-z][a-z-]+`)
	// The last of these are commands of the program, and not of this package; the others are no commands.
	skipped := regexp.MustCompile(`^(serves|makes|listens|speaks|goes|probes|asks|takes|itself|sees|is|never|serve|check|systemd-unit)\b`)
	helps, found := map[string]string{}, 0
	for _, path := range append(pages, filepath.Join("..", "..", "README.md")) {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range written.FindAllStringSubmatch(string(page), -1) {
			line := strings.TrimSpace(m[1])
			if skipped.MatchString(line) {
				continue
			}
			found++
			words := strings.Fields(line)
			name := words[0]
			for _, word := range words[1:min(3, len(words))] {
				if code, _ := use(t, append([]string{"help"}, strings.Fields(name+" "+word)...)...); code != cli.Done {
					break
				}
				name += " " + word
			}
			help, known := helps[name]
			if !known {
				code, said := use(t, append([]string{"help"}, strings.Fields(name)...)...)
				if code != cli.Done {
					t.Errorf("%s: %s: %s", filepath.Base(path), line, said)
				}
				help = strings.ReplaceAll(said, "[no-]", "")
				helps[name] = help
			}
			for _, f := range flag.FindAllString(line, -1) {
				if !regexp.MustCompile(f+`\b`).MatchString(help) &&
					!regexp.MustCompile(strings.Replace(f, "--no-", "--", 1)+`\b`).MatchString(help) {
					t.Errorf("%s: %s: there is no %s", filepath.Base(path), line, f)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands were found", found)
	}
}
