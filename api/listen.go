package api

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// address is where to listen: --listen, else Scalelite's BIND and PORT, else port 3000 on every interface.
func (c Config) address() (string, error) {
	switch {
	case c.Listen != "":
		return checkAddress("--listen", c.Listen)
	case c.Bind != "":
		host, ok := strings.CutPrefix(c.Bind, "tcp://")
		if !ok && strings.Contains(c.Bind, "://") {
			return "", fmt.Errorf("BIND %q: only tcp://HOST:PORT can be listened on", c.Bind)
		}
		return checkAddress("BIND", host)
	case c.Port != "":
		return checkAddress("PORT", ":"+c.Port)
	}
	return ":3000", nil
}

func checkAddress(name, addr string) (string, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%s %q: want HOST:PORT, or :PORT for every interface", name, addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%s %q: the port must be between 0 and 65535", name, addr)
	}
	return addr, nil
}
