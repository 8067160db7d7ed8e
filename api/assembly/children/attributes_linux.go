package children

import "syscall"

// dieWithUs is what keeps a child from outliving us.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
