package wire

import (
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/bbbpool/bbbpool/store/rows"
)

// reader reads one frame. How deep it goes is bounded by the types, and what it makes by what was sent.
type reader struct {
	*Codec
	zone *time.Location
}

// fields reads those of a struct. What is not there is zero.
func (r reader) fields(raw map[string]json.RawMessage, v reflect.Value) error {
	for _, f := range r.Codec.fields[v.Type()] {
		if data, there := raw[f.name]; there {
			if err := r.value(data, v.Field(f.index)); err != nil {
				return err
			}
		}
	}
	return nil
}

// value reads a value of any kind.
func (r reader) value(data json.RawMessage, v reflect.Value) error {
	switch {
	case string(data) == "null":
		return nil
	case isRecord(v.Type()):
		return r.record(data, v)
	}
	switch v.Kind() { //nolint:exhaustive // what is left is a number, or true or false
	case reflect.Struct:
		var raw map[string]json.RawMessage
		if err := json.Unmarshal(data, &raw); err != nil {
			return err
		}
		return r.fields(raw, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return r.value(data, v.Elem())
	case reflect.Slice:
		return r.slice(data, v)
	case reflect.String:
		s, err := text(data)
		v.SetString(s)
		return err
	}
	return json.Unmarshal(data, v.Addr().Interface())
}

func (r reader) slice(data json.RawMessage, v reflect.Value) error {
	switch v.Type().Elem().Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.String:
	default: // bytes and numbers
		return json.Unmarshal(data, v.Addr().Interface())
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, one := range list {
		if err := r.value(one, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// text reads a string in either form.
func text(data json.RawMessage) (s string, err error) {
	if data[0] != '[' {
		err = json.Unmarshal(data, &s)
		return s, err
	}
	var raw [1][]byte
	err = json.Unmarshal(data, &raw)
	return string(raw[0]), err
}

// anyKey stands for a row's key: what that says is beside the row.
var anyKey = []byte{0}

// record reads a time or a record.
func (r reader) record(data json.RawMessage, v reflect.Value) error {
	if v.Type() == timeType {
		var t time.Time
		err := json.Unmarshal(data, &t)
		v.Set(reflect.ValueOf(t.In(r.zone)))
		return err
	}
	one, err := readNamed(data)
	if err != nil {
		return err
	}
	var record any
	switch v.Type() {
	case claimType:
		c, bad := rows.Claims.Decode(anyKey, one.row)
		c.MeetingKey, c.Placed, err = one.key, c.Placed.In(r.zone), bad
		record = c
	case endingType:
		e, bad := rows.Endings.Decode(anyKey, one.row)
		e.Asked, err = e.Asked.In(r.zone), bad
		record = e
	default:
		s, bad := rows.Sessions.Decode(anyKey, one.row)
		s.ID, s.Start, s.End, err = one.id, s.Start.In(r.zone), s.End.In(r.zone), bad
		record = s
	}
	v.Set(reflect.ValueOf(record))
	return err
}

func readNamed(data json.RawMessage) (one named, err error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return one, err
	}
	if one.row = raw["row"]; len(one.row) == 0 || one.row[0] != '{' {
		return one, errors.New("a record without its row")
	}
	for name, into := range map[string]*string{"tenant": &one.key.Tenant, "meeting_id": &one.key.MeetingID, "id": &one.id} {
		if data := raw[name]; len(data) > 0 {
			s, bad := text(data)
			*into, err = s, errors.Join(err, bad)
		}
	}
	return one, err
}
