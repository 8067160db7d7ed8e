package receiver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/analysis"
	"github.com/bbbpool/bbbpool/store"
)

// analytics are verified before their body is read: who has no secret of the server's costs us nothing.
func (c call) analytics(ctx context.Context) {
	server, err := c.Servers.Server(ctx, c.place.Server)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		c.failed(err)
		return
	}
	if err != nil || c.Verify(bearer(c.r), c.Now(), server.Secret, server.Former) != nil {
		c.unverified()
		return
	}
	c.strange.remove(c.place.Server)
	body, release, err := c.body(ctx)
	defer release()
	switch {
	case errors.Is(err, errTooLarge):
		c.answer(http.StatusRequestEntityTooLarge, outcomeTooLarge)
	case errors.Is(err, context.DeadlineExceeded):
		c.answer(http.StatusServiceUnavailable, outcomeBusy)
	case err != nil:
		c.answer(http.StatusBadRequest, outcomeMalformed)
	default:
		c.believe(c.Believer.Analytics(ctx, c.place, body))
	}
}

// unverified is for a signature that does not verify, be it that the server has left the pool.
func (c call) unverified() {
	c.strange.add(c.place.Server, c.Now())
	c.Log.Warn().Str("server", c.place.Server).Str("tenant", c.place.Tenant).Str("meetingID", c.place.MeetingID).
		Msg("analytics that the server's secret has not signed")
	c.answer(http.StatusUnauthorized, outcomeUnverified)
}

// believe answers by what has become of analytics.
func (c call) believe(err error) {
	switch {
	case err == nil:
		c.answer(http.StatusOK, outcomeTaken)
	case errors.Is(err, analysis.ErrMalformed):
		c.answer(http.StatusBadRequest, outcomeMalformed)
	case errors.Is(err, callbacks.ErrUnknown), errors.Is(err, callbacks.ErrForeign):
		c.Log.Warn().Err(err).Str("server", c.place.Server).Str("tenant", c.place.Tenant).Str("meetingID", c.place.MeetingID).
			Msg("analytics of no meeting that is known")
		c.answer(http.StatusNotFound, outcomeUnknown)
	default:
		c.failed(err)
	}
}

// bearer is the token of a request; "" where it has none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// body reads a body once there is room for it. What it takes is given back by release, which is never nil.
func (c call) body(ctx context.Context) (body []byte, release func(), err error) {
	size := c.r.ContentLength
	if size > maxAnalytics {
		return nil, func() {}, errTooLarge
	}
	if size < 0 {
		size = maxAnalytics
	}
	if err := c.room.Acquire(ctx, size); err != nil {
		return nil, func() {}, context.DeadlineExceeded
	}
	release = func() { c.room.Release(size) }
	if end, ok := ctx.Deadline(); ok { // reading ends with it, too, on connections that can do that
		_ = http.NewResponseController(c.w).SetReadDeadline(end)
	}
	var buf bytes.Buffer
	buf.Grow(int(min(size, maxForm)))
	_, err = io.Copy(&buf, http.MaxBytesReader(c.w, c.r.Body, maxAnalytics))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		err = errTooLarge
	}
	return buf.Bytes(), release, err
}
