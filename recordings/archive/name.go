package archive

import (
	"archive/tar"
	"fmt"
	"regexp"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/library"
)

const metadataName = "metadata.xml"

// kinds are the members that are not taken.
var kinds = map[byte]string{
	tar.TypeSymlink:   "a symbolic link",
	tar.TypeChar:      "a device",
	tar.TypeBlock:     "a device",
	tar.TypeFifo:      "a FIFO",
	tar.TypeGNUSparse: "a sparse file",
}

// checkKind refuses everything but files and directories, and further names of files.
func checkKind(h *tar.Header) error {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return errorf(h.Name, "is a sparse file; only files and directories are taken")
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeLink:
		return nil
	}
	kind, ok := kinds[h.Typeflag]
	if !ok {
		kind = fmt.Sprintf("of the unknown type %q", h.Typeflag)
	}
	return errorf(h.Name, "is %s; only files and directories are taken", kind)
}

// elements returns the path of a member, and none for the top.
func elements(h *tar.Header) ([]string, error) {
	if len(h.Name) > maxPath {
		return nil, errorf(h.Name, "has a name of %d bytes, and the limit is %d", len(h.Name), maxPath)
	}
	name := strings.TrimPrefix(h.Name, "./")
	if h.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
		if name == "" && h.Name != "/" || name == "." {
			return nil, nil
		}
	}
	list := strings.Split(name, "/")
	if len(list) > maxDepth {
		return nil, errorf(h.Name, "lies %d levels deep, and the limit is %d", len(list), maxDepth)
	}
	for _, element := range list {
		if what := wrong(element); what != "" {
			return nil, errorf(h.Name, "has a name that is not taken: %s", what)
		}
	}
	return list, nil
}

// wrong says what is wrong with an element of a name, or nothing.
func wrong(element string) string {
	switch {
	case element == "":
		return "it is absolute, or has nothing between two slashes"
	case element == "." || element == "..":
		return fmt.Sprintf("it has %q in it", element)
	case len(element) > maxElement:
		return fmt.Sprintf("an element is longer than %d bytes", maxElement)
	case strings.ContainsRune(element, 0):
		return "it has a NUL in it"
	}
	return ""
}

// litter is what macOS, rsync and NFS leave behind.
var litter = regexp.MustCompile(`^(\._.*|\.DS_Store|\.AppleDouble|\.Spotlight-V100|\.Trashes|\.fseventsd|` +
	`\.rsync-partial|\.~tmp~|\.nfs[0-9a-fA-F]+)$`)

// hidden tells whether a member is to be skipped. Files that are hidden within a recording are taken, as any others, and
// shown to nobody; elsewhere they are at fault.
func hidden(list []string) (skip bool, err error) {
	for i, element := range list {
		if litter.MatchString(element) {
			skip = true
		} else if element[0] == '.' && i < 2 {
			return false, errorf(strings.Join(list, "/"), "is hidden by the dot in front of %q; rename it, or leave it out", element)
		}
	}
	return skip, nil
}

// checkPlace refuses what is not below <format>/<recordID>.
func checkPlace(list []string, dir bool) error {
	name := strings.Join(list, "/")
	if !library.ValidFormat(list[0]) && (dir || len(list) > 1) {
		return errorf(name, "lies in a directory %q, which is no name for a format", cut(list[0], maxShown))
	}
	if len(list) > 1 && !library.ValidID(list[1]) && (dir || len(list) > 2) {
		return errorf(name, "lies in a directory %q, which cannot be a record ID", cut(list[1], maxShown))
	}
	if !dir && len(list) < 3 {
		return errorf(name, "lies outside of <format>/<recordID>/")
	}
	return nil
}
