package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// apiVersion is the version of the API that every BigBlueButton since 2.0 states.
const apiVersion = "2.0"

// root answers the probe that front ends and monitors send: it needs no checksum. Those of Scalelite look for a build.
func (g *Gateway) root(_ context.Context, c *call) error {
	build := g.Config.Build
	if c.r.Header.Get("Content-Type") != "application/json" {
		x := bbb.Success().Text("version", apiVersion).Text("apiVersion", apiVersion).Bool(bbb.PoolMark, true)
		if build != "" {
			x.Text("build", build)
		}
		return c.xml(x.Bytes())
	}
	response := map[string]string{"returncode": "SUCCESS", "version": apiVersion, "apiVersion": apiVersion}
	if build != "" {
		response["build"] = build
	}
	body, err := json.Marshal(map[string]any{"response": response})
	if err != nil {
		return err
	}
	return c.pass(&bbb.Reply{Status: http.StatusOK, ContentType: "application/json", Body: body})
}
