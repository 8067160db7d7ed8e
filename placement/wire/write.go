package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var (
	timeType    = reflect.TypeFor[time.Time]()
	claimType   = reflect.TypeFor[store.Claim]()
	endingType  = reflect.TypeFor[store.Ending]()
	sessionType = reflect.TypeFor[store.Session]()
)

// isRecord tells whether a type has a form of its own.
func isRecord(t reflect.Type) bool {
	return t == timeType || t == claimType || t == endingType || t == sessionType
}

// appendFields writes the fields of a struct that are not zero, and the end of the object that was begun.
func (c *Codec) appendFields(b []byte, v reflect.Value) (_ []byte, err error) {
	for _, f := range c.fields[v.Type()] {
		one := v.Field(f.index)
		if one.IsZero() {
			continue
		}
		b = append(append(append(b, '"'), f.name...), `":`...)
		if b, err = c.append(b, one); err != nil {
			return b, err
		}
		b = append(b, ',')
	}
	return append(bytes.TrimSuffix(b, []byte{','}), '}'), nil
}

// append writes a value of any kind.
func (c *Codec) append(b []byte, v reflect.Value) ([]byte, error) {
	if isRecord(v.Type()) {
		return appendRecord(b, v.Interface())
	}
	switch v.Kind() { //nolint:exhaustive // New lets no others in but signed numbers
	case reflect.Struct:
		return c.appendFields(append(b, '{'), v)
	case reflect.Pointer:
		return c.append(b, v.Elem())
	case reflect.Slice:
		return c.appendSlice(b, v)
	case reflect.String:
		return appendText(b, v.String()), nil
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case reflect.Float64, reflect.Float32:
		return appendFloat(b, v.Float()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	}
	return strconv.AppendInt(b, v.Int(), 10), nil
}

func (c *Codec) appendSlice(b []byte, v reflect.Value) (_ []byte, err error) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		text, err := json.Marshal(v.Bytes())
		return append(b, text...), err
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = c.append(b, v.Index(i)); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// appendFloat writes a number so that it is read as the very same. JSON has none for what is no number, or too large for one:
// whoever takes such from outside takes 0 for the same.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// appendText writes a string so that it comes back byte for byte: one that is not UTF-8 as an array of one base64 string.
func appendText(b []byte, s string) []byte {
	plain := utf8.ValidString(s)
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	if !utf8.ValidString(s) {
		return append(base64.StdEncoding.AppendEncode(append(b, `["`...), []byte(s)), `"]`...)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // never: it is a string
	}
	return append(b, text...)
}

// named is a record, and what its row leaves to its key.
type named struct {
	key store.MeetingKey
	id  string
	row []byte
}

// appendRecord writes a time, or a record as the row that stores have of it.
func appendRecord(b []byte, value any) (_ []byte, err error) {
	var one named
	switch r := value.(type) {
	case time.Time:
		return appendTime(b, r), nil
	case store.Claim:
		one.key = r.MeetingKey
		one.row, err = rows.Claims.Encode(r)
	case store.Ending:
		one.row, err = rows.Endings.Encode(r)
	case store.Session:
		one.id = r.ID
		one.row, err = rows.Sessions.Encode(r)
	}
	if err != nil {
		return b, err
	}
	b = appendText(append(b, `{"tenant":`...), one.key.Tenant)
	b = appendText(append(b, `,"meeting_id":`...), one.key.MeetingID)
	b = appendText(append(b, `,"id":`...), one.id)
	return append(append(append(b, `,"row":`...), one.row...), '}'), nil
}

// appendTime writes a time of this era: JSON has no other.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		t = time.Time{}
	}
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}
