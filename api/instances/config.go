package instances

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Config is how instances of a pool reach each other, as flags. It matters where they share their records.
type Config struct {
	Listen  string        `name:"instance-listen" placeholder:"ADDR" env:"BBBPOOL_INSTANCE_LISTEN" help:"Address to listen on for the other instances, host:port, where the records are in a shared Redis. Default :3001."`
	Address string        `name:"instance-address" placeholder:"ADDR" env:"BBBPOOL_INSTANCE_ADDRESS" help:"Address under which the other instances reach this one, host:port. Default this machine's name and the port of --instance-listen."`
	Lease   time.Duration `name:"lease-time" default:"3s" env:"BBBPOOL_LEASE_TIME" help:"How long the instance that decides may say nothing until another one takes over. The same at all instances. (default: ${default})"`
}

// The bounds of the lease time: what is shorter than a database may hesitate changes leaders all day, and what is longer keeps
// front ends waiting for longer than they wait.
const (
	minLease = time.Second
	maxLease = time.Minute
)

const defaultListen = ":3001"

// Validate tells what cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Lease < minLease || c.Lease > maxLease {
		errs = append(errs, fmt.Errorf("--lease-time %s: want %s to %s", c.Lease, minLease, maxLease))
	}
	if c.Listen != "" {
		errs = append(errs, checkAddress("--instance-listen", c.Listen, false))
	}
	if c.Address != "" {
		errs = append(errs, checkAddress("--instance-address", c.Address, true))
	}
	return errors.Join(errs...)
}

func checkAddress(name, addr string, whole bool) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || whole && host == "" {
		return fmt.Errorf("%s %q: want HOST:PORT", name, addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || whole && n == 0 {
		return fmt.Errorf("%s %q: the port must be between 1 and 65535", name, addr)
	}
	return nil
}

func (c Config) listen() string { return cmp.Or(c.Listen, defaultListen) }

// address is where others reach what listens at an address: as it was set, else there, where that is one of a machine.
func (c Config) address(listening net.Addr) string {
	if c.Address != "" {
		return c.Address
	}
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return listening.String()
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return listening.String()
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		host = name
	}
	return net.JoinHostPort(host, port)
}
