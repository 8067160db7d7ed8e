//go:build !linux

package admin

import "net"

// peer knows nobody here.
func peer(net.Conn) (uid int, ok bool) { return 0, false }
