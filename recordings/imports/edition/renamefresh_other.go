//go:build !linux

package edition

// renameFresh renames a file to a name that nobody has, or returns fs.ErrExist.
func renameFresh(from, to string) error { return renameLooked(from, to) }
