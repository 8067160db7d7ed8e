package admin

import (
	"net/http"
	"net/url"
	"strings"
)

// script makes the script that sends a server's recordings to this pool. Its token lets in nothing else.
func (a *API) script(r *http.Request) (any, error) {
	if a.Script == nil {
		return nil, errNoRecordings
	}
	base, err := BaseURL(r.URL.Query().Get("url"))
	if err != nil {
		return nil, err
	}
	server, err := a.record(r)
	if err != nil {
		return nil, err
	}
	text, err := a.Script(base, server)
	if err != nil {
		return nil, invalid("%v", err)
	}
	a.logger(r).Info().Str("server", server.ID).Msg("script with the token of a server shown")
	return Script{Script: string(text)}, nil
}

// BaseURL is the address of a pool as servers reach it, without a slash at its end.
func BaseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" || !text(s, maxURL) || strings.ContainsAny(s, "'\"\\ `$") {
		return "", invalid("url: want the address under which servers reach the pool, as https://pool.example.edu")
	}
	return strings.TrimRight(s, "/"), nil
}
