//go:build !unix

package library

import (
	"fmt"
	"io/fs"
)

func writable(string) bool { return true }

// describe says how a file is protected.
func describe(path string, info fs.FileInfo, _ string) string {
	return fmt.Sprintf("%s has mode %04o: let the user write there whom this program runs as", path, info.Mode().Perm())
}
