package record

import (
	"bytes"
	"encoding/json"
	"maps"
	"time"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// note is what the index knows of a recording beyond its files: kept beside them, so that an index that is lost can be
// made again as it was.
type note struct {
	Tenant    string            `json:"tenant,omitempty"`
	Claimed   string            `json:"claimed,omitempty"` // the tenant that its metadata names, and that it was not given to
	Server    string            `json:"server,omitempty"`
	Protected bool              `json:"protected,omitempty"`
	Imported  time.Time         `json:"imported,omitzero"`
	Chosen    bool              `json:"state_chosen,omitempty"`     // published or not by a person
	Guarded   bool              `json:"protected_chosen,omitempty"` // protected or not by a person
	Meta      map[string]string `json:"meta,omitempty"`             // what was set; an empty value was removed
	Withheld  bool              `json:"withheld,omitempty"`         // not published any more, though its files may lie there yet
}

// WriteNote writes to the disk what the files of a recording do not tell, unless that stands there already. What cannot be
// written now is written when all is looked through, see [Files.LookAgain].
func (f *Files) WriteNote(held *library.Held, r store.Recording) { f.writeNote(held, r, false) }

// withhold notes of a recording whose files could not follow that they are not to play, if they are not: whoever cannot ask the
// index goes by where they lie.
func (f *Files) withhold(held *library.Held, r store.Recording) {
	if r.State != store.Published {
		f.writeNote(held, r, true)
	}
}

func (f *Files) writeNote(held *library.Held, r store.Recording, withheld bool) {
	data, err := json.Marshal(note{
		Tenant: r.Tenant, Claimed: r.Claimed, Server: r.Server, Protected: r.Protected, Imported: r.Imported.UTC(),
		Chosen: r.Edits.State, Guarded: r.Edits.Protected, Meta: r.Edits.Meta, Withheld: withheld,
	})
	if err == nil {
		if old, unread := f.Library.Note(held); unread == nil && bytes.Equal(old, data) {
			return
		}
		err = f.Library.SetNote(held, data)
	}
	if err != nil {
		f.Log.Error().Err(err).Str("recordID", r.RecordID).Msg("write down what the files do not tell: tried again later")
		f.LookAgain()
	}
}

// NoteProtects tells whether a note says that its recording is protected. One that cannot be read does: whoever asks that
// cannot ask anybody else.
func NoteProtects(data []byte) bool {
	var n note
	return len(data) > 0 && (json.Unmarshal(data, &n) != nil || n.Protected)
}

// NoteWithholds tells whether a note says that what still lies among the published is not to play.
func NoteWithholds(data []byte) bool {
	var n note
	return len(data) > 0 && json.Unmarshal(data, &n) == nil && n.Withheld
}

// ApplyNote completes a recording that was made from its files by what was written down beside them. A note that cannot be
// read is none.
func (f *Files) ApplyNote(held *library.Held, r *store.Recording) {
	data, err := f.Library.Note(held)
	var n note
	if err != nil || len(data) == 0 || json.Unmarshal(data, &n) != nil {
		return
	}
	r.Tenant, r.Claimed, r.Server, r.Protected, r.Imported = n.Tenant, n.Claimed, n.Server, n.Protected, n.Imported
	r.Edits = store.Edits{State: n.Chosen, Protected: n.Guarded, Meta: maps.Clone(n.Meta)}
	r.Meta = Edited(r.Meta, n.Meta)
}
