// Package wire writes values of Go's as frames for another process, and reads them again: JSON objects with a "kind", which
// says of which type the value is. It knows the records of package store, and nothing of what frames are about: which kinds
// there are, and what they mean, its caller says.
//
// # The form
//
// A field is written under its name in Go, in small letters with underscores; what is zero is left out. Whoever renames a field
// gives it a tag with its old name (`wire:"old_name"`), since of two versions that run side by side each must understand the
// other: kinds and fields that the reader does not know are passed over. Strings come back byte for byte: JSON replaces what
// is not UTF-8, and IDs are whatever people send. Records are rows in the form that stores have (package rows), with secrets
// revealed. Times are in UTC on their way, and in the reader's zone when they have arrived.
//
// No frame is longer than [Max]: what would be is written as several ([Split]), which the reader puts together ([Parts]).
package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
)

// ErrUnknown says that a frame is of a kind that is not known here.
var ErrUnknown = errors.New("a frame of a kind that is not known")

// Codec writes and reads the values of some types. It is safe for concurrent use.
type Codec struct {
	types  map[string]reflect.Type // by kind
	kinds  map[reflect.Type]string
	fields map[reflect.Type][]field // of all structs that are in these types
}

// field is one of a struct.
type field struct {
	name  string
	index int
}

// New returns a codec of some kinds, each with a value of its type, which is a struct. A type that cannot be written is a
// mistake of whoever wrote it, and panics.
func New(kinds map[string]any) *Codec {
	c := &Codec{types: map[string]reflect.Type{}, kinds: map[reflect.Type]string{}, fields: map[reflect.Type][]field{}}
	for kind, value := range kinds {
		t := reflect.TypeOf(value)
		c.types[kind], c.kinds[t] = t, kind
		c.plan(t)
	}
	return c
}

// plan finds out what is in a type.
func (c *Codec) plan(t reflect.Type) {
	if _, known := c.fields[t]; known || isRecord(t) {
		return
	}
	switch t.Kind() { //nolint:exhaustive // what is left needs no plan
	case reflect.Struct:
		list := make([]field, 0, t.NumField())
		c.fields[t] = list
		for i := range t.NumField() {
			f := t.Field(i)
			list = append(list, field{nameOf(f), i})
			c.plan(f.Type)
		}
		c.fields[t] = list
	case reflect.Slice, reflect.Pointer:
		c.plan(t.Elem())
	case reflect.Map, reflect.Array, reflect.Chan, reflect.Func, reflect.Interface, reflect.UnsafePointer, reflect.Complex64,
		reflect.Complex128:
		panic(fmt.Sprintf("%v cannot be written as a frame", t))
	}
}

// nameOf is what a field is called in frames.
func nameOf(f reflect.StructField) string {
	if !f.IsExported() {
		panic(fmt.Sprintf("the field %s cannot be written as a frame", f.Name))
	}
	if name := f.Tag.Get("wire"); name != "" {
		return name
	}
	var name strings.Builder
	small := false // the letter before is one
	for _, r := range f.Name {
		if unicode.IsUpper(r) && small {
			name.WriteByte('_')
		}
		small = unicode.IsLower(r)
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String()
}

// usual is how long a frame may be that needs no more memory than was taken at once, in bytes: that of a join, which whoever
// joins waits for, does not grow while it is written.
const usual = 256

// Encode writes a value of one of the types as a frame, however long.
func (c *Codec) Encode(value any) ([]byte, error) {
	v := reflect.ValueOf(value)
	kind, known := c.kinds[v.Type()]
	if !known {
		return nil, fmt.Errorf("write a frame: nobody has named %T", value)
	}
	frame, err := c.appendFields(append(appendText(append(make([]byte, 0, usual), `{"kind":`...), kind), ','), v)
	if err != nil {
		return nil, fmt.Errorf("write a frame of kind %s: %w", kind, err)
	}
	return frame, nil
}

// Decode reads a frame. Times in it are in that zone then. The value is of one of the types; of a kind that is not known the
// error is [ErrUnknown].
func (c *Codec) Decode(frame []byte, zone *time.Location) (any, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(frame, &raw); err != nil {
		return nil, fmt.Errorf("read a frame: %w", err)
	}
	kind, err := kindOf(raw)
	if err != nil {
		return nil, fmt.Errorf("read a frame: %w", err)
	}
	t, known := c.types[kind]
	if !known {
		return nil, ErrUnknown
	}
	v := reflect.New(t).Elem()
	if err := (reader{c, zone}).fields(raw, v); err != nil {
		return nil, fmt.Errorf("read a frame of kind %s: %w", kind, err)
	}
	return v.Interface(), nil
}

func kindOf(raw map[string]json.RawMessage) (string, error) {
	var kind string
	if err := json.Unmarshal(raw["kind"], &kind); err != nil || kind == "" {
		return "", errors.New("it has no kind")
	}
	return kind, nil
}
