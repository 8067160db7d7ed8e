package redis

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bbbpool/bbbpool/store"
)

// linkPrefix begins the keys of links to protected recordings that Scalelite has given out; what they are for is JSON, and they
// expire. We make none.
const linkPrefix = "protector_token_"

// maxLink is more bytes than Scalelite writes of a link.
const maxLink = 4 << 10

// TakeLink uses up a link that Scalelite has given out, if it is for this format of this recording. Of several that try one
// succeeds; the others get [store.ErrNotFound], as for a link that never was.
func (db *DB) TakeLink(ctx context.Context, token, recordID, format string) error {
	return db.within(ctx, 1, "use a link of Scalelite's", func(ctx context.Context) error {
		key := db.key(linkPrefix) + token
		text, err := db.client.GetRange(ctx, key, 0, maxLink).Result()
		if err != nil {
			return away(err)
		}
		var link struct {
			RecordID string `json:"record_id"`
			Format   string `json:"format"`
		}
		if len(text) == 0 || json.Unmarshal([]byte(text), &link) != nil || link.RecordID != recordID || link.Format != format {
			return fmt.Errorf("link: %w", store.ErrNotFound)
		}
		switch n, err := db.client.Del(ctx, key).Result(); {
		case err != nil:
			return away(err)
		case n == 0:
			return fmt.Errorf("link: %w", store.ErrNotFound)
		}
		return nil
	})
}
