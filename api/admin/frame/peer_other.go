//go:build !linux

package frame

import "net"

// peer knows nobody here.
func peer(net.Conn) (uid int, ok bool) { return 0, false }
