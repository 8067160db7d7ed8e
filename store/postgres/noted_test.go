package postgres_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// What Scalelite has noted for a meeting whose recording it does not have is known, in whichever form Rails has written it.
func TestNoted(t *testing.T) {
	url := filled(t)
	run(t, url, `INSERT INTO public.callback_data (meeting_id, recording_id, callback_attributes, created_at, updated_at)
		SELECT m, NULL, a, now(), now() FROM (VALUES
		('both', E'---\n:analytics_callback_url: https://a\n:recording_ready_url: https://front.example/ready?x=1&y=2\n'),
		('quoted', E'---\n:recording_ready_url: "https://front.example/r\\u00e4"\n'),
		('indifferent', E'--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\n:recording_ready_url: https://front.example/i\n'),
		('folded', E'---\n:recording_ready_url: >-\n  https://front.example/long\n'),
		('analytics', E'---\n:analytics_callback_url: https://a\n'), ('none', NULL), ('empty', ''), ('list', E'---\n- a\n'),
		('odd', E'---\n:recording_ready_url:\n  a: b\n'), ('broken', E'---\n\t:x: [\n'),
		('bomb', E'---\na: &a [x,x]\n:recording_ready_url: *a\n'),
		('twice', E'---\n:recording_ready_url: https://front.example/first\n'),
		('twice', E'---\n:recording_ready_url: https://front.example/second\n')) AS n(m, a)`)
	db := open(t, postgres.Config{URL: store.Secret(url)})
	for meeting, want := range map[string]string{
		"both": "https://front.example/ready?x=1&y=2", "quoted": "https://front.example/rä", "indifferent": "https://front.example/i",
		"folded": "https://front.example/long", "twice": "https://front.example/first", "analytics": "", "none": "", "empty": "",
		"list": "", "odd": "", "broken": "", "bomb": "", "unknown": "", "no\x00text": "", "": "",
	} {
		back, err := db.Noted(t.Context(), meeting, "r1")
		got := ""
		if back != nil {
			got = back.Ready()
		}
		if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", meeting, got, err, want)
		}
	}
	run(t, url, `INSERT INTO public.recordings (id, record_id, meeting_id) VALUES (900, 'r1', 'both'), (901, 'r2', 'both');
		UPDATE public.callback_data SET recording_id = 900 WHERE meeting_id = 'both'`)
	if back, err := db.Noted(t.Context(), "both", "r1"); back != nil || err != nil {
		t.Errorf("of what Scalelite has taken in itself: %v, %v", back, err)
	}
	if back, err := db.Noted(t.Context(), "both", "r2"); back == nil || err != nil {
		t.Errorf("of another recording of the room: %v", err)
	}
}

// Early databases have noted nothing, and an empty one has not either.
func TestNoted_Early(t *testing.T) {
	url := filled(t)
	run(t, url, "DROP TABLE public.callback_data")
	for _, url := range []string{url, servers.Postgres(t).URL(t)} {
		db := open(t, postgres.Config{URL: store.Secret(url)})
		if back, err := db.Noted(t.Context(), strings.Repeat("room", 3), "r1"); back != nil || err != nil {
			t.Errorf("%v, %v", back, err)
		}
	}
}
