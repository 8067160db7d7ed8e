package children

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"
)

// Client goes nowhere that it is sent to, and keeps no connections: those to a process that dies are no good.
func Client() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext},
	}
}

// Reply is what somebody has answered.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// Ask makes a request of anybody, and waits only so long for all of the answer.
func Ask(method, target string, header http.Header, body io.Reader, patience time.Duration) (Reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return Reply{}, err
	}
	maps.Copy(req.Header, header)
	resp, err := Client().Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return Reply{resp.StatusCode, resp.Header, string(text)}, err
}

// Element is the content of the first element by a name.
func Element(text, name string) string {
	_, rest, _ := strings.Cut(text, "<"+name+">")
	inner, _, _ := strings.Cut(rest, "</"+name+">")
	return inner
}
