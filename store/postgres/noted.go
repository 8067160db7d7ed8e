package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
)

// maxNoted is more bytes than Scalelite notes of a meeting.
const maxNoted = 64 << 10

// readyNoted is how Scalelite names the address of a front end that wants to be told of recordings.
const readyNoted = ":recording_ready_url"

// Noted returns where Scalelite has noted that the front end of a meeting wants to be told of its recording: servers do not get
// that from it, so that nobody else knows. It is nil where there is nothing, or Scalelite has taken this recording in itself.
func (db *DB) Noted(ctx context.Context, meetingID, recordID string) (back *store.Back, err error) {
	err = db.read(ctx, fmt.Sprintf("read what Scalelite has noted of %.100q", meetingID), func(t *txn) error {
		if back = nil; !t.db.layout.Tables["callback_data"] || !rails.IsText(meetingID) || !rails.IsText(recordID) {
			return nil
		}
		var attributes string
		err := t.QueryRow(t.ctx, `SELECT left(COALESCE(c.callback_attributes, ''), $3) FROM public.callback_data c
			WHERE c.meeting_id = $1 AND NOT EXISTS (SELECT FROM public.recordings r WHERE r.id = c.recording_id AND r.record_id = $2)
			ORDER BY c.id LIMIT 1`, meetingID, recordID, int32(maxNoted)).Scan(&attributes)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		back = notedBack(attributes)
		return fault.OfDB(err)
	})
	if err != nil {
		return nil, err
	}
	return back, nil
}

// notedBack reads what Rails has written of a Hash, whose keys are symbols. What cannot be read says nothing.
func notedBack(attributes string) *store.Back {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(attributes), &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	fields := doc.Content[0].Content
	for i := 0; i+1 < len(fields); i += 2 {
		if value := fields[i+1]; fields[i].Value == readyNoted && value.Kind == yaml.ScalarNode && value.Value != "" {
			return &store.Back{Meta: []store.MetaField{{Name: store.MetaReady, Value: value.Value}}}
		}
	}
	return nil
}
