package rows

import (
	"encoding/json"

	"github.com/bbbpool/bbbpool/store"
)

type waitRow struct {
	Call text   `json:"call"`
	Data []byte `json:"data,omitempty"`
}

func encodeWait(w store.Wait) any { return waitRow{text(w.Call), w.Data} }

func decodeWait(key, value []byte) (store.Wait, error) {
	var r waitRow
	err := json.Unmarshal(value, &r)
	return store.Wait{ID: string(key), Call: string(r.Call), Data: r.Data}, err
}
