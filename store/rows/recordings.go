package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Rows of schema 1 have a field "published" too, which says nothing that the state does not.
type recordingRow struct {
	Tenant        text         `json:"tenant"`
	MeetingID     text         `json:"meeting_id"`
	Name          text         `json:"name,omitempty"`
	State         text         `json:"state"`
	Protected     bool         `json:"protected,omitempty"`
	Start         time.Time    `json:"start,omitzero"`
	End           time.Time    `json:"end,omitzero"`
	Participants  int          `json:"participants,omitempty"`
	RawSize       int64        `json:"raw_size,omitempty"`
	Breakout      *breakoutRow `json:"breakout,omitempty"`
	BreakoutRooms []text       `json:"breakout_rooms,omitempty"`
	Meta          textMap      `json:"meta,omitempty"`
	Formats       []formatRow  `json:"formats,omitempty"`
	Edits         editsRow     `json:"edits,omitzero"`
	Server        text         `json:"server,omitempty"`
	Imported      time.Time    `json:"imported,omitzero"`
	Changed       time.Time    `json:"changed,omitzero"`
	Owed          *owedRow     `json:"owed,omitempty"`
	Behind        text         `json:"behind,omitempty"`
	Claimed       text         `json:"claimed,omitempty"`
	ClaimedID     text         `json:"claimed_id,omitempty"`
}

type breakoutRow struct {
	Parent   text `json:"parent,omitempty"`
	Sequence int  `json:"sequence,omitempty"`
	FreeJoin bool `json:"free_join,omitempty"`
}

type formatRow struct {
	Type           text          `json:"type"`
	Path           text          `json:"path"`
	Length         time.Duration `json:"length_ns,omitempty"`
	ProcessingTime time.Duration `json:"processing_ns,omitempty"`
	Size           int64         `json:"size,omitempty"`
	Bytes          int64         `json:"bytes,omitempty"`
	Images         []imageRow    `json:"images,omitempty"`
}

type imageRow struct {
	Width  int  `json:"width,omitempty"`
	Height int  `json:"height,omitempty"`
	Alt    text `json:"alt,omitempty"`
	Path   text `json:"path"`
}

type editsRow struct {
	State     bool    `json:"state,omitempty"`
	Protected bool    `json:"protected,omitempty"`
	Meta      textMap `json:"meta,omitempty"`
}

type owedRow struct {
	Server  text      `json:"server,omitempty"`
	Ended   time.Time `json:"ended,omitzero"`
	Step    text      `json:"step,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Formats []text    `json:"formats,omitempty"`
}

func encodeRecording(r store.Recording) any {
	row := recordingRow{
		Tenant: text(r.Tenant), MeetingID: text(r.MeetingID), Name: text(r.Name), State: text(r.State),
		Protected: r.Protected, Start: r.Start.UTC(), End: r.End.UTC(), Participants: r.Participants,
		RawSize: r.RawSize, BreakoutRooms: texts(r.BreakoutRooms), Meta: textMapOf(r.Meta),
		Edits:  editsRow{State: r.Edits.State, Protected: r.Edits.Protected},
		Server: text(r.Server), Imported: r.Imported.UTC(), Changed: r.Changed.UTC(),
		Behind: text(r.Behind), Claimed: text(r.Claimed), ClaimedID: text(r.ClaimedID),
	}
	if len(r.Edits.Meta) > 0 {
		row.Edits.Meta = textMapOf(r.Edits.Meta)
	}
	if b := r.Breakout; b != nil {
		row.Breakout = &breakoutRow{Parent: text(b.Parent), Sequence: b.Sequence, FreeJoin: b.FreeJoin}
	}
	if o := r.Owed; o != nil {
		row.Owed = &owedRow{
			Server: text(o.Server), Ended: o.Ended.UTC(), Step: text(o.Step), Since: o.Since.UTC(),
			Formats: texts(o.Formats),
		}
	}
	for _, f := range r.Formats {
		row.Formats = append(row.Formats, encodeFormat(f))
	}
	return row
}

func encodeFormat(f store.Format) formatRow {
	row := formatRow{
		Type: text(f.Type), Path: text(f.Path), Length: f.Length, ProcessingTime: f.ProcessingTime,
		Size: f.Size, Bytes: f.Bytes,
	}
	for _, i := range f.Images {
		row.Images = append(row.Images, imageRow{
			Width: i.Width, Height: i.Height, Alt: text(i.Alt), Path: text(i.Path),
		})
	}
	return row
}

func decodeRecording(key, value []byte) (store.Recording, error) {
	var row recordingRow
	err := json.Unmarshal(value, &row)
	r := store.Recording{
		RecordID: string(key), Tenant: string(row.Tenant), MeetingID: string(row.MeetingID), Name: string(row.Name),
		State: store.RecordingState(row.State), Protected: row.Protected, Start: row.Start, End: row.End,
		Participants: row.Participants, RawSize: row.RawSize, BreakoutRooms: plain(row.BreakoutRooms),
		Meta: row.Meta.into(make(map[string]string, len(row.Meta))),
		Edits: store.Edits{
			State: row.Edits.State, Protected: row.Edits.Protected, Meta: row.Edits.Meta.into(nil),
		},
		Server: string(row.Server), Imported: row.Imported, Changed: row.Changed,
		Behind: string(row.Behind), Claimed: string(row.Claimed), ClaimedID: string(row.ClaimedID),
	}
	if b := row.Breakout; b != nil {
		r.Breakout = &store.Breakout{Parent: string(b.Parent), Sequence: b.Sequence, FreeJoin: b.FreeJoin}
	}
	if o := row.Owed; o != nil {
		r.Owed = &store.Owed{
			Server: string(o.Server), Ended: o.Ended, Step: store.OwedStep(o.Step), Since: o.Since,
			Formats: plain(o.Formats),
		}
	}
	for _, f := range row.Formats {
		r.Formats = append(r.Formats, decodeFormat(f))
	}
	return r, err
}

func decodeFormat(row formatRow) store.Format {
	f := store.Format{
		Type: string(row.Type), Path: string(row.Path), Length: row.Length, ProcessingTime: row.ProcessingTime,
		Size: row.Size, Bytes: row.Bytes,
	}
	for _, i := range row.Images {
		f.Images = append(f.Images, store.Image{
			Width: i.Width, Height: i.Height, Alt: string(i.Alt), Path: string(i.Path),
		})
	}
	return f
}

// MetaOf reads nothing of a recording's row but the metadata.
func MetaOf(value []byte) (map[string]string, error) {
	var row struct {
		Meta textMap `json:"meta"`
	}
	err := json.Unmarshal(value, &row)
	return row.Meta.into(nil), err
}
