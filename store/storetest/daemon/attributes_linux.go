package daemon

import "syscall"

// attributes make a child end with its parent, whatever ends that.
func attributes(who *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: who, Pdeathsig: syscall.SIGKILL}
}
