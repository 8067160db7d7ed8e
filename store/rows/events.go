package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Journal is the last of what happened to a server.
type Journal struct {
	Server string
	List   []store.Event // in the order in which it was given
}

type eventRow struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text text      `json:"text"`
}

func encodeJournal(j Journal) ([]byte, error) {
	list := make([]eventRow, 0, len(j.List))
	for _, e := range j.List {
		list = append(list, eventRow{At: e.At.UTC(), Kind: e.Kind, Text: text(e.Text)})
	}
	return json.Marshal(list)
}

func decodeJournal(key, value []byte) (Journal, error) {
	var list []eventRow
	err := json.Unmarshal(value, &list)
	j := Journal{Server: string(key), List: make([]store.Event, 0, len(list))}
	for _, r := range list {
		j.List = append(j.List, store.Event{At: r.At, Kind: r.Kind, Text: string(r.Text)})
	}
	return j, err
}
