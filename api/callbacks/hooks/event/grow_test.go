package event_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/callbacks/hooks/event"
)

// What a server says again and again is not made of something long again and again: an event grows by so much and no more.
func TestFor_Grows(t *testing.T) {
	long := strings.Repeat("x", 8<<10)
	front := event.Front{
		Original: func(value string) (string, bool, bool) { return long, true, value == "ours" },
		Meta:     [][2]string{{"m", long}},
	}
	for name, many := range map[string]struct{ one, text string }{
		"texts":    {`"ours"`, `"ours",`},
		"metadata": {`{"metadata":{}}`, `{"metadata":{}},`},
		"members":  {`{"a":"ours"}`, `{"a":"ours"},`},
	} {
		body := func(n int) event.Event {
			return event.Event{JSON: []byte(`{"data":[` + strings.Repeat(many.text, n) + many.one + `]}`)}
		}
		if got, err := body(9).For(front); err != nil || strings.Count(string(got), long) != 10 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if got, err := body(20_000).For(front); !errors.Is(err, event.ErrMalformed) {
			t.Errorf("%s, many: %d bytes, %v", name, len(got), err)
		}
	}
}
