package scalelite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Recording is a row of recordings, with what belongs to it.
type Recording struct {
	MeetingID, Name, State               string
	Published, Protected, PublishUpdated bool
	Participants                         *int
	Start, End                           time.Time // UTC
	Meta                                 map[string]string
	Formats                              map[string]Format
	Row                                  int64 // the ID of its row
}

// Format is a row of playback_formats.
type Format struct {
	URL    string
	Length int // minutes
	Images []Image
	Row    int64
}

// Image is a row of thumbnails, in the order of their sequence.
type Image struct {
	Width, Height int
	Alt, URL      string
}

// Callback is a row of callback_data.
type Callback struct {
	MeetingID  string
	Recording  string // its record ID; "" where there is none yet
	Attributes string // YAML
}

// states are those that a recording may have.
const states = "processing processed published unpublished deleted"

func (s *Site) readIndex(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return errors.Join(
		s.readRecordings(ctx, conn), s.readMeta(ctx, conn), s.readFormats(ctx, conn), s.readImages(ctx, conn),
		s.readCallbacks(ctx, conn), s.readTables(ctx, conn),
	)
}

// each calls row for every row of an answer; what it scans into is dest.
func each(ctx context.Context, conn *pgx.Conn, query string, dest []any, row func() error) error {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, row)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

func (s *Site) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}

func (s *Site) readRecordings(ctx context.Context, conn *pgx.Conn) error {
	var id int64
	var record, meeting, name, state *string
	var published, protected, updated *bool
	var people *int
	var start, end *time.Time
	dest := []any{&id, &record, &meeting, &name, &state, &published, &protected, &updated, &people, &start, &end}
	early, err := s.early(ctx, conn)
	if err != nil {
		return err
	}
	later := "protected, publish_updated"
	if early {
		later = "NULL::boolean, NULL::boolean"
	}
	return each(ctx, conn, `SELECT id, record_id, meeting_id, name, state, published, `+later+`, participants,
		starttime, endtime FROM public.recordings ORDER BY id`, dest, func() error {
		if record == nil || *record == "" {
			s.problem("recording %d has no record ID", id)
			return nil
		}
		r := Recording{
			MeetingID: text(meeting), Name: text(name), State: text(state), Published: yes(published), Protected: yes(protected),
			PublishUpdated: yes(updated), Participants: people, Meta: map[string]string{}, Formats: map[string]Format{}, Row: id,
		}
		if people != nil {
			n := *people
			r.Participants = &n
		}
		if start != nil && end != nil {
			r.Start, r.End = start.UTC(), end.UTC()
		}
		if _, twice := s.Recordings[*record]; twice || r.State != "" && !strings.Contains(states, r.State) {
			s.problem("recording %s: twice, or its state is %q", *record, r.State)
		}
		s.Recordings[*record] = r
		return nil
	})
}

// early tells whether the tables are those of a version that has neither protected recordings nor callbacks, as Older makes them.
func (s *Site) early(ctx context.Context, conn *pgx.Conn) (is bool, err error) {
	err = conn.QueryRow(ctx, `SELECT count(*) = 0 FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name = 'recordings' AND column_name = 'protected'`).Scan(&is)
	return is, err
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func yes(b *bool) bool { return b != nil && *b }

// byID are the record IDs by the IDs of their rows.
func (s *Site) byID() map[int64]string {
	all := make(map[int64]string, len(s.Recordings))
	for record, r := range s.Recordings {
		all[r.Row] = record
	}
	return all
}

func (s *Site) readMeta(ctx context.Context, conn *pgx.Conn) error {
	var id int64
	var name, value *string
	byID := s.byID()
	return each(ctx, conn, "SELECT recording_id, key, value FROM public.metadata", []any{&id, &name, &value}, func() error {
		r, ok := s.Recordings[byID[id]]
		if !ok || text(name) == "" {
			s.problem("metadata %q of recording %d, which there is not", text(name), id)
			return nil
		}
		r.Meta[*name] = text(value)
		return nil
	})
}

func (s *Site) readFormats(ctx context.Context, conn *pgx.Conn) error {
	var id, recording int64
	var format, url *string
	var length *int
	byID := s.byID()
	return each(ctx, conn, "SELECT id, recording_id, format, url, length FROM public.playback_formats",
		[]any{&id, &recording, &format, &url, &length}, func() error {
			r, ok := s.Recordings[byID[recording]]
			if !ok || text(format) == "" || !strings.HasPrefix(text(url), "/") {
				s.problem("format %q at %q of recording %d", text(format), text(url), recording)
				return nil
			}
			f := Format{URL: *url, Row: id}
			if length != nil {
				f.Length = *length
			}
			r.Formats[*format] = f
			return nil
		})
}

func (s *Site) readImages(ctx context.Context, conn *pgx.Conn) error {
	type place struct{ record, format string }
	places := map[int64]place{}
	for record, r := range s.Recordings {
		for name, f := range r.Formats {
			places[f.Row] = place{record, name}
		}
	}
	var id int64
	var width, height *int
	var alt, url *string
	return each(ctx, conn, "SELECT playback_format_id, width, height, alt, url FROM public.thumbnails ORDER BY sequence, id",
		[]any{&id, &width, &height, &alt, &url}, func() error {
			p, ok := places[id]
			if !ok {
				s.problem("thumbnail %q of format %d, which there is not", text(url), id)
				return nil
			}
			f := s.Recordings[p.record].Formats[p.format]
			i := Image{Alt: text(alt), URL: text(url)}
			if width != nil && height != nil {
				i.Width, i.Height = *width, *height
			}
			f.Images = append(f.Images, i)
			s.Recordings[p.record].Formats[p.format] = f
			return nil
		})
}

func (s *Site) readCallbacks(ctx context.Context, conn *pgx.Conn) error {
	var meeting, attributes *string
	var recording *int64
	if early, err := s.early(ctx, conn); early || err != nil {
		return err
	}
	byID := s.byID()
	return each(ctx, conn, "SELECT meeting_id, recording_id, callback_attributes FROM public.callback_data ORDER BY id",
		[]any{&meeting, &recording, &attributes}, func() error {
			c := Callback{MeetingID: text(meeting), Attributes: text(attributes)}
			if recording != nil {
				c.Recording = byID[*recording]
			}
			s.Callbacks = append(s.Callbacks, c)
			return nil
		})
}

// tables are what Rails made, and its columns; another column, constraint or trigger would be in the way of its migrations.
var tables = map[string]string{
	"recordings": "deleted_at endtime id meeting_id name participants protected publish_updated published record_id " +
		"starttime state",
	"metadata":             "id key recording_id value",
	"playback_formats":     "format id length processing_time recording_id url",
	"thumbnails":           "alt height id playback_format_id sequence url width",
	"callback_data":        "callback_attributes created_at id meeting_id recording_id updated_at",
	"schema_migrations":    "version",
	"ar_internal_metadata": "created_at key updated_at value",
}

func (s *Site) readTables(ctx context.Context, conn *pgx.Conn) error {
	var table, columns string
	early, err := s.early(ctx, conn)
	if err != nil {
		return err
	}
	later := strings.NewReplacer()
	if early {
		later = strings.NewReplacer(" protected", "", " publish_updated", "")
	}
	err = each(ctx, conn, `SELECT table_name, string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns
		WHERE table_schema = 'public' GROUP BY table_name`, []any{&table, &columns}, func() error {
		if want := later.Replace(tables[table]); want != columns {
			s.problem("table %s: columns %s, want %s", table, columns, want)
		}
		return nil
	})
	var triggers int
	err2 := conn.QueryRow(ctx, `SELECT count(*) FROM information_schema.triggers
		WHERE event_object_schema = 'public'`).Scan(&triggers)
	if triggers > 0 {
		s.problem("%d triggers", triggers)
	}
	return errors.Join(err, err2)
}
