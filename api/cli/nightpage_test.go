package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the page for the night says that bbbpool says is what it says: each part of it stands in the program.
func TestHandbook_Night(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "web", "handbook", "night.md"))
	if err != nil {
		t.Fatal(err)
	}
	said, found := sources(t), 0
	for _, row := range regexp.MustCompile("(?m)^\\| ([^|]*`[^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		for _, words := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			for part := range strings.SplitSeq(words[1], "…") {
				found++
				if part = strings.Trim(part, " "); !strings.Contains(said, part) {
					t.Errorf("nothing says %q", part)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("%d parts were found", found)
	}
}

// sources is the text of the program, without its tests. Words that are put together over lines are in one.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		_, _ = all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`" \+\s+"`).ReplaceAllString(all.String(), "")
}
