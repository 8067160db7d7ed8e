package edition

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// suffixes are the names that archives end in.
var suffixes = []string{".tar", ".tar.gz", ".tgz", ".tar.zst"}

// IsArchive tells whether a file is one by its name. Hidden ones are being written by rsync, or taken away by us.
func IsArchive(name string) bool {
	_, _, ok := Cut(name)
	return ok && !strings.HasPrefix(filepath.Base(name), ".")
}

// Cut cuts off what the name of an archive ends in, in whatever case.
func Cut(name string) (stem, suffix string, ok bool) {
	for _, suffix := range suffixes {
		if n := len(name) - len(suffix); n >= 0 && strings.EqualFold(name[n:], suffix) {
			return name[:n], name[n:], true
		}
	}
	return name, "", false
}

// Quarantine is where archives go that cannot be imported, below the spool.
const Quarantine = "quarantine"

// packed are the names of what is packed in other ways than ours.
var packed = []string{".xz", ".txz", ".bz2", ".tbz", ".tbz2", ".lz", ".lz4", ".lzma", ".z", ".zip", ".7z", ".rar", ".gz", ".zst"}

// LooksPacked tells whether a file seems to be an archive that we do not read.
func LooksPacked(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains(packed, strings.ToLower(filepath.Ext(name)))
}

// Unwanted tells why nothing takes what lies in the spool under a name; "" for what is taken, or none of our business.
func Unwanted(name string, kind fs.FileMode) string {
	const want = "want .tar, .tar.gz, .tgz or .tar.zst"
	switch {
	case strings.HasPrefix(name, "."), kind.IsDir() && (name == Quarantine || name == "lost+found"):
		return ""
	case kind&fs.ModeSymlink != 0:
		return "is a link: put the archive itself here"
	case kind.IsDir():
		return "is a directory: bbbpool recording import takes recordings in directories"
	case !kind.IsRegular():
		return "is no file"
	case IsArchive(name):
		return ""
	case LooksPacked(name):
		return "is packed as " + strings.ToLower(filepath.Ext(name)) + ", which bbbpool does not read: " + want
	}
	return "has not the name of an archive: " + want
}
