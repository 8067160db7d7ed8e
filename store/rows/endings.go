package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

type endingRow struct {
	MeetingID  text      `json:"meeting_id"`
	Tenant     text      `json:"tenant"`
	Server     text      `json:"server"`
	InternalID text      `json:"internal_id"`
	Asked      time.Time `json:"asked"`
	Alias      text      `json:"alias,omitempty"`
}

func encodeEnding(e store.Ending) any {
	return endingRow{
		Tenant: text(e.Tenant), MeetingID: text(e.MeetingID), Server: text(e.Server), InternalID: text(e.InternalID),
		Asked: e.Asked.UTC(), Alias: text(e.Alias),
	}
}

func decodeEnding(_, value []byte) (store.Ending, error) {
	var r endingRow
	err := json.Unmarshal(value, &r)
	return store.Ending{
		MeetingKey: store.MeetingKey{Tenant: string(r.Tenant), MeetingID: string(r.MeetingID)},
		Server:     string(r.Server), InternalID: string(r.InternalID), Asked: r.Asked, Alias: string(r.Alias),
	}, err
}

// endingKey is nil where no ending can be.
func endingKey(e store.Ending) []byte {
	tenant := OfTenant(e.Tenant)
	if tenant == nil || e.MeetingID == "" || e.Server == "" {
		return nil
	}
	return append(tenant, Sized(e.MeetingID)+Sized(e.Server)+e.InternalID...)
}
