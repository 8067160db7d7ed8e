package cli_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	formats "github.com/bbbpool/bbbpool/recordings/library"
)

// firstNames are the first elements of everything in the source that looks like a path: among them are those of all
// addresses that the program has, wherever they are mounted.
func firstNames(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	paths := regexp.MustCompile(`["` + "`" + `](?:[A-Z]+ )?/([a-z0-9_-]{1,64})[/"` + "`" + `{]`)
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range paths.FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	if err != nil || !found["healthz"] || !found["bigbluebutton"] || !found["api"] {
		t.Fatalf("found %v: %v", found, err)
	}
	return found
}

// What may be the name of a format is no address of anything else: the files of such a format could not be reached, or
// would hide what is.
func TestAddresses_NoFormats(t *testing.T) {
	p := boot(t, filepath.Join(t.TempDir(), "data"))
	const recordID = "0000000000000000000000000000000000000000-1700000000000"
	asked := 0
	for name := range firstNames(t) {
		if !formats.ValidFormat(name) {
			continue
		}
		asked++
		for path, want := range map[string]string{
			"/" + name:                          "There is nothing here",
			"/" + name + "/":                    "There is nothing here",
			"/" + name + "/" + recordID + "/":   "There is no recording here",
			"/" + name + "/" + recordID + "/xy": "There is no recording here",
		} {
			if code, page := p.get(t, path); code != http.StatusNotFound || !strings.Contains(page, want) {
				t.Errorf("%s is an address of ours, and may be the name of a format: status %d", path, code)
			}
		}
	}
	if asked == 0 {
		t.Error("no name was asked for: those of known formats should have been")
	}
	if code, _ := p.get(t, "/healthz"); code != http.StatusOK {
		t.Errorf("an address of ours answers with status %d", code)
	}
	p.terminate(t)
}
