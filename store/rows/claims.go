package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

type claimRow struct {
	Server     string      `json:"server"`
	InternalID text        `json:"internal_id,omitempty"`
	CreateTime int64       `json:"create_time,omitempty"`
	Placed     time.Time   `json:"placed,omitzero"`
	Expected   float64     `json:"expected,omitempty"`
	Recorded   bool        `json:"recorded,omitempty"`
	Hint       int         `json:"hint,omitempty"`
	Why        decisionRow `json:"why,omitzero"`
	Breakout   bool        `json:"breakout,omitempty"`
	Name       text        `json:"name,omitempty"`
	Alias      text        `json:"alias,omitempty"`
	Signer     text        `json:"signer,omitempty"`
	Moderator  text        `json:"moderator,omitempty"`
	Voice      text        `json:"voice,omitempty"`
	Request    text        `json:"request,omitempty"`
	Back       *backRow    `json:"back,omitempty"`
	Marks      text        `json:"marks,omitempty"`
	Unmade     text        `json:"unmade,omitempty"`
}

func encodeClaim(c store.Claim) any {
	return claimRow{
		Server: c.Server, InternalID: text(c.InternalID), CreateTime: c.CreateTime, Placed: c.Placed.UTC(),
		Expected: c.Expected, Recorded: c.Recorded, Hint: c.Hint, Why: decisionRow(c.Why),
		Breakout: c.Breakout, Name: text(c.Name),
		Alias: text(c.Alias), Signer: text(c.Signer), Moderator: text(c.Moderator.Reveal()), Voice: text(c.Voice),
		Request: text(c.Request), Back: encodeBack(c.Back), Marks: text(c.Marks),
		Unmade: text(c.Unmade),
	}
}

func decodeClaim(key, value []byte) (store.Claim, error) {
	var r claimRow
	err := json.Unmarshal(value, &r)
	return store.Claim{
		MeetingKey: MeetingOf(key), Server: r.Server, InternalID: string(r.InternalID), CreateTime: r.CreateTime,
		Placed: r.Placed, Expected: r.Expected, Recorded: r.Recorded, Hint: r.Hint, Why: store.Decision(r.Why),
		Breakout: r.Breakout, Name: string(r.Name),
		Alias: string(r.Alias), Signer: string(r.Signer), Moderator: store.Secret(r.Moderator), Voice: string(r.Voice),
		Request: string(r.Request), Back: r.Back.back(), Marks: string(r.Marks),
		Unmade: string(r.Unmade),
	}, err
}
