package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// backRow is written as an array: the address that nobody is shown, then names and values in turn.
type backRow []text

func encodeBack(b *store.Back) *backRow {
	if b == nil {
		return nil
	}
	row := backRow{text(b.Ended)}
	for _, m := range b.Meta {
		row = append(row, text(m.Name), text(m.Value))
	}
	return &row
}

func (r *backRow) back() *store.Back {
	if r == nil || len(*r) == 0 {
		return nil
	}
	b := store.Back{Ended: string((*r)[0])}
	for rest := (*r)[1:]; len(rest) > 1; rest = rest[2:] {
		b.Meta = append(b.Meta, store.MetaField{Name: string(rest[0]), Value: string(rest[1])})
	}
	return &b
}

// scan reads the array.
func (r *backRow) scan(s *scanner) {
	s.must('[')
	for more := true; more; more = s.take(',') {
		*r = append(*r, text(s.word()))
	}
	s.must(']')
}

type callbackRow struct {
	Kind      text      `json:"kind"`
	Tenant    text      `json:"tenant"`
	MeetingID text      `json:"meeting_id,omitempty"`
	Subject   text      `json:"subject,omitempty"`
	URL       text      `json:"url"`
	Hook      text      `json:"hook,omitempty"`
	Signer    text      `json:"signer,omitempty"`
	Body      []byte    `json:"body,omitempty"`
	Marks     text      `json:"marks,omitempty"`
	Reason    text      `json:"reason,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	Due       time.Time `json:"due,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	State     text      `json:"state"`
	Attempts  int       `json:"attempts,omitempty"`
	Tried     []text    `json:"tried,omitempty"`
	Outcome   text      `json:"outcome,omitempty"`
	Changed   time.Time `json:"changed,omitzero"`
}

func encodeCallback(c store.Callback) any {
	return callbackRow{
		Kind: text(c.Kind), Tenant: text(c.Tenant), MeetingID: text(c.MeetingID), Subject: text(c.Subject), URL: text(c.URL),
		Hook: text(c.Hook), Signer: text(c.Signer), Body: c.Body, Marks: text(c.Marks), Reason: text(c.Reason),
		Created: c.Created.UTC(), Due: c.Due.UTC(), Until: c.Until.UTC(), State: text(c.State), Attempts: c.Attempts,
		Tried: texts(c.Tried), Outcome: text(c.Outcome), Changed: c.Changed.UTC(),
	}
}

func decodeCallback(key, value []byte) (store.Callback, error) {
	var r callbackRow
	err := json.Unmarshal(value, &r)
	return store.Callback{
		ID: string(key), Kind: store.CallbackKind(r.Kind), Tenant: string(r.Tenant), MeetingID: string(r.MeetingID),
		Subject: string(r.Subject), URL: string(r.URL), Hook: string(r.Hook), Signer: string(r.Signer), Body: r.Body,
		Marks: string(r.Marks), Reason: string(r.Reason), Created: r.Created, Due: r.Due, Until: r.Until,
		State: store.CallbackState(r.State), Attempts: r.Attempts, Tried: plain(r.Tried), Outcome: string(r.Outcome),
		Changed: r.Changed,
	}, err
}

// CallbackPlace is where a callback stands among those of its state.
func CallbackPlace(created time.Time, id string) string { return string(TimeKey(created)) + id }

// PlaceAfter is where the callbacks begin that come behind one; "" for the zero value.
func PlaceAfter(c store.Callback) string {
	if c.ID == "" {
		return ""
	}
	return CallbackPlace(c.Created, c.ID)
}

func lookCallback(c store.Callback) [][]byte {
	return [][]byte{[]byte(Sized(string(c.State)) + CallbackPlace(c.Created, c.ID))}
}

type hookRow struct {
	Tenant    text      `json:"tenant"`
	URL       text      `json:"url"`
	MeetingID text      `json:"meeting_id,omitempty"`
	Events    []text    `json:"events,omitempty"`
	Raw       bool      `json:"raw,omitempty"`
	Signer    text      `json:"signer,omitempty"`
	Created   time.Time `json:"created,omitzero"`
}

func encodeHook(h store.Hook) any {
	return hookRow{text(h.Tenant), text(h.URL), text(h.MeetingID), texts(h.Events), h.Raw, text(h.Signer), h.Created.UTC()}
}

func decodeHook(key, value []byte) (store.Hook, error) {
	var r hookRow
	err := json.Unmarshal(value, &r)
	return store.Hook{
		ID: string(key), Tenant: string(r.Tenant), URL: string(r.URL), MeetingID: string(r.MeetingID), Events: plain(r.Events),
		Raw: r.Raw, Signer: string(r.Signer), Created: r.Created,
	}, err
}

type analysisRow struct {
	Tenant    text      `json:"tenant"`
	MeetingID text      `json:"meeting_id"`
	At        time.Time `json:"at,omitzero"`
	Body      []byte    `json:"body,omitempty"`
}

func encodeAnalysis(a store.Analysis) any {
	return analysisRow{text(a.Tenant), text(a.MeetingID), a.At.UTC(), a.Body}
}

func decodeAnalysis(key, value []byte) (store.Analysis, error) {
	var r analysisRow
	err := json.Unmarshal(value, &r)
	return store.Analysis{
		ID: string(key), Tenant: string(r.Tenant), MeetingID: string(r.MeetingID), At: r.At, Body: r.Body,
	}, err
}

// AnalyticsPrefix starts the places of the analytics of one meeting.
func AnalyticsPrefix(tenant, meetingID string) string {
	return string(OfTenant(tenant)) + Sized(meetingID)
}

// lookAnalysis is by the time and by the meeting.
func lookAnalysis(a store.Analysis) [][]byte {
	return [][]byte{
		append(TimeKey(a.At), a.ID...), []byte(AnalyticsPrefix(a.Tenant, a.MeetingID) + PlaceOf(a.At, a.ID)),
	}
}
