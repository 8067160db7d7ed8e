package api

import (
	"context"
	_ "embed" // for the unit file
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Unit is the systemd unit that runs bbbpool.
//
//go:embed bbbpool.service
var Unit string

// Systemd tells systemd that the process is up, alive and ending. Elsewhere it does nothing.
type Systemd struct {
	// Alive is called for each sign of life; where it blocks, systemd restarts the process.
	Alive func()
}

// Run says "ready" at once, a sign of life twice per watchdog interval, and "stopping" when ctx ends.
func (s Systemd) Run(ctx context.Context) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("systemd watchdog: %w", err)
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }() // systemd sees the exit anyway
	if interval == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(interval / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.Alive()
			_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog) // missing one is what the interval has room for
		}
	}
}
