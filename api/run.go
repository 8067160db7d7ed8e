package api

import (
	"context"
	"errors"
	"slices"
)

// Runner is a part of the program.
type Runner interface {
	// Run works until ctx ends, and returns when all of its goroutines are gone.
	Run(ctx context.Context) error
}

// Run starts the parts in order. When ctx ends, or one of them returns, it stops them one by one in reverse order, each
// only when the one before has returned, so that no part loses what it leans on.
func Run(ctx context.Context, parts ...Runner) error {
	type running struct {
		stop context.CancelFunc
		done chan error
	}
	ended := make(chan struct{}, len(parts))
	list := make([]running, 0, len(parts))
	for _, part := range parts {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stop: stop, done: make(chan error, 1)}
		go func() {
			r.done <- part.Run(own)
			ended <- struct{}{}
		}()
		list = append(list, r)
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	var errs []error
	for _, r := range slices.Backward(list) {
		r.stop()
		errs = append(errs, <-r.done)
	}
	return errors.Join(errs...)
}
