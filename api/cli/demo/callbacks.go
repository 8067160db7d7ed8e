package demo

import (
	"context"
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

// callbackFlags are the flags by which the pool learns at which address servers call it back: the one that the demo listens on.
func callbackFlags(listen string) []string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" { // which port that will be nobody knows yet
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
