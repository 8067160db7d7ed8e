package standing

import (
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
)

// fresh are the rows that a transaction adds to what belongs to recordings, of all of them together: one statement for each
// table, where one for each row would take most of the time of an import, and nearly all of a restore's.
type fresh struct {
	meta struct {
		of           []int64
		keys, values []string
	}
	formats struct {
		ids, of      []int64
		formats, url []string
		lengths      []int32
	}
	images struct {
		of                       []int64
		widths, heights, ordinal []int32
		alts, urls               []string
	}
	ours struct {
		keys, values [][]byte
	}
	places struct {
		looks        []int16
		places, keys [][]byte
	}
	gone struct { // places that a recording has no longer
		looks []int16
		keys  [][]byte
	}
}

func (f *fresh) addMeta(recording int64, list map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(list)) {
		f.meta.of, f.meta.keys, f.meta.values = append(f.meta.of, recording), append(f.meta.keys, key), append(f.meta.values, list[key])
	}
}

func (f *fresh) addFormat(id, recording int64, s shownFormat) {
	to := &f.formats
	to.ids, to.of, to.lengths = append(to.ids, id), append(to.of, recording), append(to.lengths, s.minutes)
	to.formats, to.url = append(to.formats, s.format), append(to.url, s.path)
	f.addImages(id, s.images)
}

// addImages adds thumbnails, in their order.
func (f *fresh) addImages(format int64, images []shownImage) {
	to := &f.images
	for n, i := range images {
		to.of, to.ordinal = append(to.of, format), append(to.ordinal, int32(n))
		to.widths, to.heights = append(to.widths, i.width), append(to.heights, i.height)
		to.alts, to.urls = append(to.alts, i.alt), append(to.urls, i.path)
	}
}

// put is put of a recording's row.
func (f *fresh) put(row store.Row, look [][]byte) error {
	if err := CheckRow(row, look); err != nil {
		return err
	}
	f.ours.keys, f.ours.values = append(f.ours.keys, row.Key), append(f.ours.values, Bytes(row.Value))
	for i, place := range look {
		if place == nil {
			f.gone.looks, f.gone.keys = append(f.gone.looks, int16(i)), append(f.gone.keys, row.Key)
			continue
		}
		f.places.looks, f.places.keys = append(f.places.looks, int16(i)), append(f.places.keys, row.Key)
		f.places.places = append(f.places.places, place)
	}
	return nil
}

// queue queues all of it, behind what takes the place of it away.
func (f *fresh) queue(b *pgx.Batch) {
	if len(f.meta.of) > 0 {
		b.Queue(`INSERT INTO public.metadata (recording_id, key, value)
			SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])`, f.meta.of, f.meta.keys, f.meta.values)
	}
	if len(f.formats.ids) > 0 {
		b.Queue(`INSERT INTO public.playback_formats (id, recording_id, format, url, length)
			SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::int[])`,
			f.formats.ids, f.formats.of, f.formats.formats, f.formats.url, f.formats.lengths)
	}
	if len(f.images.of) > 0 {
		b.Queue(`INSERT INTO public.thumbnails (playback_format_id, width, height, alt, url, sequence)
			SELECT n.id, NULLIF(n.width, 0), NULLIF(n.height, 0), NULLIF(n.alt, ''), n.url, n.ordinal
			FROM unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::text[], $6::int[])
				AS n(id, width, height, alt, url, ordinal)`,
			f.images.of, f.images.widths, f.images.heights, f.images.alts, f.images.urls, f.images.ordinal)
	}
	f.queueOurs(b)
}

func (f *fresh) queueOurs(b *pgx.Batch) {
	const kind = "'recordings'"
	if len(f.ours.keys) > 0 {
		b.Queue(`INSERT INTO bbbpool.rows (kind, key, value) SELECT `+kind+`, * FROM unnest($1::bytea[], $2::bytea[])
			ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value WHERE rows.value <> excluded.value`,
			f.ours.keys, f.ours.values)
	}
	if len(f.gone.keys) > 0 {
		b.Queue(`DELETE FROM bbbpool.places p USING unnest($1::smallint[], $2::bytea[]) AS n(look, key)
			WHERE p.kind = `+kind+` AND p.look = n.look AND p.key = n.key`, f.gone.looks, f.gone.keys)
	}
	if len(f.places.keys) > 0 {
		b.Queue(`INSERT INTO bbbpool.places (kind, look, place, key)
			SELECT `+kind+`, * FROM unnest($1::smallint[], $2::bytea[], $3::bytea[])
			ON CONFLICT (kind, look, key) DO UPDATE SET place = excluded.place WHERE places.place <> excluded.place`,
			f.places.looks, f.places.places, f.places.keys)
	}
}
