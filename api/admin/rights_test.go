package admin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin"
)

// Every route says who may call it, and what it is for those that see one tenant alone. A change of rights shows in this
// file, for whoever reads a change to the program.
func TestRights(t *testing.T) {
	lines := (&admin.API{}).Rights()
	for _, line := range lines {
		if strings.Contains(line, "UNDECLARED") {
			t.Errorf("a route that is for nobody: declare it with Whole, Own or Open of package frame: %s", line)
		}
	}
	path, got := filepath.Join("testdata", "rights.txt"), strings.Join(lines, "")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("rights (-want +got), to be written anew with -update where the change is meant:\n%s", diff)
	}
}
