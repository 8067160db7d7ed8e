//go:build !linux

package archive

import "os"

func hasten(*os.File, int64, int) {}
