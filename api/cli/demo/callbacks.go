package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/cli/demo/frontend"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// strictly has simulated servers keep to BigBlueButton's URL rules as far as a demo on loopback can: as those of an operator who
// has set fetchUrlSupportedProtocols and fetchUrlAllowedLocalHosts for a pool in the same network.
func strictly(cfg simulator.Config, listen string) simulator.Config {
	cfg.StrictURLs, cfg.URLProtocols, cfg.URLAllowed = true, []string{"all"}, []string{"127.0.0.1", "::1", "localhost"}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		cfg.URLAllowed = append(cfg.URLAllowed, host)
	}
	return cfg
}

// settle takes a free port where none was named: servers have to be told at which one they call the pool back before it listens.
func (c *Cmd) settle(ctx context.Context) error {
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port != "0" {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	_, port, err := net.SplitHostPort(l.Addr().String())
	c.Listen = net.JoinHostPort(host, port)
	return errors.Join(err, l.Close())
}

// callbackFlags are the flags by which the pool learns at which address servers call it back: the one that the demo listens on.
func callbackFlags(listen string) []string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return []string{"--callback-url", "http://" + net.JoinHostPort(host, port)}
}

// listenIn makes a hook for the front end, through the pool. One that has no webhooks yet says so: then none is told of events.
func listenIn(ctx context.Context, api string, secret bbb.Secret, front *frontend.FrontEnd) {
	client := bbb.NewClient(bbb.Endpoint{URL: api, Secret: secret}, http.DefaultTransport, 10*time.Second)
	_, _ = client.Answer(ctx, "hooks/create", url.Values{"callbackURL": {front.HookURL()}}.Encode())
}
