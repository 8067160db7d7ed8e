package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// apiVersion is the version of the API that every BigBlueButton since 2.0 states.
const apiVersion = "2.0"

// root answers the probe that front ends and monitors send: it needs no checksum.
func (g *Gateway) root(_ context.Context, c *call) error {
	if c.r.Header.Get("Content-Type") != "application/json" {
		return c.xml(bbb.Success().Text("version", apiVersion).Text("apiVersion", apiVersion).Bool(bbb.PoolMark, true).Bytes())
	}
	body, err := json.Marshal(map[string]any{"response": map[string]string{
		"returncode": "SUCCESS", "version": apiVersion, "apiVersion": apiVersion,
	}})
	if err != nil {
		return err
	}
	return c.pass(&bbb.Reply{Status: http.StatusOK, ContentType: "application/json", Body: body})
}
