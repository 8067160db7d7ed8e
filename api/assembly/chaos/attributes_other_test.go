//go:build !linux

package chaos_test

import "syscall"

// dieWithUs is nothing here: a child ends when its gate does.
func dieWithUs() *syscall.SysProcAttr { return nil }
