package hooks

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// retries is how long after each failed attempt an event is sent again. Who has failed after the last is removed.
var retries = []time.Duration{
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, time.Minute, time.Minute, time.Minute,
}

// keepDone is how long it is remembered that an event was told: longer than a server tells it again.
const keepDone = 30 * time.Minute

// Sender is how the outbox sends events: as bbb-webhooks does, by its schedule.
func (h *Hooks) Sender() outbox.Sender {
	return outbox.Sender{
		Request: h.request, Signed: true, Judge: judge, Retry: retry, GaveUp: h.gaveUp, Drops: true, Keep: keepDone,
	}
}

// judge understands a status as bbb-webhooks does.
func judge(status int) outbox.Verdict {
	if status >= 200 && status < 300 || status == http.StatusUnauthorized {
		return outbox.Delivered
	}
	return outbox.Again
}

func retry(c store.Callback) (wait time.Duration, giveUp bool) {
	if c.Attempts > len(retries) {
		return 0, true
	}
	return retries[max(0, c.Attempts-1)], false
}

// request makes the request of an attempt. All attempts are alike.
func (h *Hooks) request(
	ctx context.Context, c store.Callback, to *url.URL, secret store.TenantSecret, _ outbox.Tenant,
) (*http.Request, error) {
	hook, ok, err := h.hookOf(c)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, outbox.ErrUnwanted
	}
	body := "domain=" + escape(h.Domain()) + "&event=" + escape("["+string(c.Body)+"]") +
		"&timestamp=" + strconv.FormatInt(c.Created.UnixMilli(), 10)
	with := *to
	checksum := "checksum=" + h.algorithm().Checksum(hook.URL, body, bbb.Secret(secret.Secret))
	if with.RawQuery != "" {
		checksum = with.RawQuery + "&" + checksum
	}
	with.RawQuery = checksum
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, with.String(), strings.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	}
	return req, err
}

// hookOf is the hook that a row is for. One that was made anew since is another one.
func (h *Hooks) hookOf(c store.Callback) (store.Hook, bool, error) {
	k := h.known.Load()
	if k == nil {
		return store.Hook{}, false, errNotRead
	}
	hook, ok := k.byID[c.Hook]
	return hook, ok && !c.Created.Before(hook.Created), nil
}

// algorithm is what bbb-webhooks signs with, unless front ends may not use that.
func (h *Hooks) algorithm() bbb.Algorithm {
	if len(h.Algorithms) == 0 || slices.Contains(h.Algorithms, bbb.SHA1) {
		return bbb.SHA1
	}
	return h.Algorithms[0]
}

// escapes makes what Go escapes what URLSearchParams does.
var escapes = strings.NewReplacer("%2A", "*", "~", "%7E")

func escape(s string) string { return escapes.Replace(url.QueryEscape(s)) }

// gaveUp removes the hook of an event that could not be delivered in time.
func (h *Hooks) gaveUp(c store.Callback) {
	hook, ok, err := h.hookOf(c)
	if err != nil || !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := h.Destroy(ctx, hook.Tenant, hook.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		h.Log.Error().Err(err).Str("tenant", hook.Tenant).Str("hook", hook.ID).Msg("a webhook that fails cannot be removed")
		return
	}
	host := outbox.HostOf(c)
	h.Log.Warn().Str("tenant", hook.Tenant).Str("hook", hook.ID).Str("host", host).Int("attempts", c.Attempts).
		Str("outcome", c.Outcome).Msg("a webhook is removed: its receiver has failed for too long")
	h.lost.add(removed{tenant: hook.Tenant, host: host, why: c.Outcome, at: h.Now()})
}
