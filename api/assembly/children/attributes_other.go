//go:build !linux

package children

import "syscall"

// dieWithUs is nothing here: a child ends when its standard input does.
func dieWithUs() *syscall.SysProcAttr { return nil }
