package recordings

import (
	"bytes"
	"encoding/json"
	"maps"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// note is what the index knows of a recording beyond its files: kept beside them, so that an index that is lost can be
// made again as it was.
type note struct {
	Tenant    string            `json:"tenant,omitempty"`
	Server    string            `json:"server,omitempty"`
	Protected bool              `json:"protected,omitempty"`
	Imported  time.Time         `json:"imported,omitzero"`
	Chosen    bool              `json:"state_chosen,omitempty"`     // published or not by a person
	Guarded   bool              `json:"protected_chosen,omitempty"` // protected or not by a person
	Meta      map[string]string `json:"meta,omitempty"`             // what was set; an empty value was removed
}

// note writes down what the files do not tell. What they tell alone needs none.
func (s *Service) note(r store.Recording) error {
	data, err := json.Marshal(note{
		Tenant: r.Tenant, Server: r.Server, Protected: r.Protected, Imported: r.Imported.UTC(),
		Chosen: r.Edits.State, Guarded: r.Edits.Protected, Meta: r.Edits.Meta,
	})
	if err != nil {
		return err
	}
	if old, err := s.Library.Note(r.RecordID); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return s.Library.SetNote(r.RecordID, data)
}

// noteLater writes it down if that can be done now, or else when it is tidied up.
func (s *Service) noteLater(r store.Recording) {
	if err := s.note(r); err != nil {
		s.Log.Error().Err(err).Str("recordID", r.RecordID).Msg("write down what the files do not tell: tried again later")
		s.stats.behind.Store(true)
	}
}

// noted completes a recording that was made from its files by what was written down. A note that cannot be read is none.
func (s *Service) noted(r *store.Recording) {
	data, err := s.Library.Note(r.RecordID)
	var n note
	if err != nil || len(data) == 0 || json.Unmarshal(data, &n) != nil {
		return
	}
	r.Tenant, r.Server, r.Protected, r.Imported = n.Tenant, n.Server, n.Protected, n.Imported
	r.Edits = store.Edits{State: n.Chosen, Protected: n.Guarded, Meta: maps.Clone(n.Meta)}
	r.Meta = edited(r.Meta, n.Meta)
}
